import { expect } from "chai";
import fc from "fast-check";
import {
  afterOutcome,
  beginChecks,
  dueTimes,
  verdictsOf,
  type CheckName,
  type CheckSet,
} from "../../../src/agent/check-set.ts";
import type { Check, TaskChecks } from "../../../src/model/index.ts";
import { codec } from "../../../src/proto/load.ts";

function check(part: Partial<Check> = {}): Check {
  const empty = codec("Check").decode(new Uint8Array());
  return { ...empty, intervalMs: 1_000, timeoutMs: 1_000, failures: 2, successes: 1, ...part };
}

const ALL: TaskChecks = { startup: check(), readiness: check(), liveness: check() };
const none: TaskChecks = { startup: null, readiness: null, liveness: null };

function after(checks: TaskChecks, set: CheckSet, ...steps: [CheckName, boolean | "unknown", string?][]): CheckSet {
  return steps.reduce((state, [name, isOk, message = isOk === true ? "" : "refused"], at) => {
    const outcome = isOk === "unknown" ? isOk : { isOk, message };
    return afterOutcome(checks, state, { name, outcome }, (at + 1) * 1_000);
  }, set);
}

const names = (set: CheckSet): CheckName[] => dueTimes(set).map(({ name }) => name);

describe("agent/check-set", () => {
  it("asks a task that starts nothing but whether it has started", () => {
    const set = beginChecks(ALL, 0, null);
    expect(names(set)).to.deep.equal(["startup"]);
    expect(verdictsOf(set)).to.deep.equal({ isStarted: false, isReady: false, doom: "", message: "" });
  });

  it("begins the other two when it has started, and asks that no more", () => {
    const set = after(ALL, beginChecks(ALL, 0, null), ["startup", true]);
    expect(names(set)).to.deep.equal(["readiness", "liveness"]);
    expect(dueTimes(set).map(({ dueAtMs }) => dueAtMs)).to.deep.equal([1_000, 1_000]);
    expect(verdictsOf(set)).to.include({ isStarted: true, isReady: false });
  });

  it("is ready by its readiness check, and by its start where it has none", () => {
    const started = after(ALL, beginChecks(ALL, 0, null), ["startup", true]);
    expect(verdictsOf(after(ALL, started, ["readiness", true])).isReady).to.equal(true);
    const plain = { ...none, startup: check() };
    expect(verdictsOf(after(plain, beginChecks(plain, 0, null), ["startup", true])).isReady).to.equal(true);
    expect(verdictsOf(beginChecks({ ...none, liveness: check() }, 0, null)).isReady).to.equal(true);
  });

  it("is not ready while its readiness check fails, says why, and goes on", () => {
    const only = { ...none, readiness: check() };
    const set = after(
      only,
      beginChecks(only, 0, null),
      ["readiness", true],
      ["readiness", false],
      ["readiness", false],
    );
    expect(verdictsOf(set)).to.deep.equal({
      isStarted: true,
      isReady: false,
      doom: "",
      message: "readiness check: refused",
    });
    expect(names(set)).to.deep.equal(["readiness"]);
    expect(verdictsOf(after(only, set, ["readiness", true]))).to.include({ isReady: true, message: "" });
  });

  it("stays ready, without a word, through fewer failures than count", () => {
    const only = { ...none, readiness: check() };
    const set = after(only, beginChecks(only, 0, null), ["readiness", true], ["readiness", false]);
    expect(verdictsOf(set)).to.include({ isReady: true, message: "" });
  });

  for (const name of ["startup", "liveness"] as const) {
    it(`dooms a task whose ${name} check fails, and asks nothing more`, () => {
      const only = { ...none, [name]: check(), readiness: check() };
      const set = after(only, beginChecks(only, 0, null), [name, false, "first"], [name, false, "last"]);
      expect(verdictsOf(set).doom).to.equal(`${name} check failed: last`);
      expect(names(set)).to.deep.equal([]);
    });
  }

  it("counts nothing of a probe that told nothing", () => {
    const only = { ...none, liveness: check() };
    const steps = Array.from({ length: 10 }, (): ["liveness", "unknown"] => ["liveness", "unknown"]);
    const set = after(only, beginChecks(only, 0, null), ["liveness", false], ...steps);
    expect(verdictsOf(set).doom).to.equal("");
    expect(set.liveness?.failures).to.equal(1);
  });

  describe("after a restart of the agent", () => {
    it("does not ask a task that had started whether it has, and keeps a ready one ready", () => {
      const set = beginChecks(ALL, 0, { isStarted: true, isReady: true });
      expect(names(set)).to.deep.equal(["readiness", "liveness"]);
      expect(verdictsOf(set)).to.include({ isStarted: true, isReady: true });
      expect(verdictsOf(after(ALL, set, ["readiness", false], ["readiness", false])).isReady).to.equal(false);
    });

    it("asks one that was not ready until it is, and one that was starting from the beginning", () => {
      expect(verdictsOf(beginChecks(ALL, 0, { isStarted: true, isReady: false })).isReady).to.equal(false);
      expect(names(beginChecks(ALL, 0, { isStarted: false, isReady: false }))).to.deep.equal(["startup"]);
    });
  });

  const optional = fc.option(
    fc.record({ failures: fc.integer({ min: 1, max: 3 }), successes: fc.integer({ min: 1, max: 3 }) }).map(check),
  );
  const checks: fc.Arbitrary<TaskChecks> = fc.record({ startup: optional, readiness: optional, liveness: optional });
  const outcomes = fc.array(fc.tuple(fc.nat(2), fc.constantFrom<boolean | "unknown">(true, false, "unknown")));

  it("properties: startup gates the others, doom is for good, ready means started", () => {
    fc.assert(
      fc.property(checks, outcomes, (given, history) => {
        let set = beginChecks(given, 0, null);
        for (const [pick, isOk] of history) {
          const before = verdictsOf(set);
          const due = dueTimes(set);
          expect(due.length === 0 || before.doom === "").to.equal(true);
          if (!before.isStarted) expect(due.every(({ name }) => name === "startup")).to.equal(true);
          expect(before.isReady && !before.isStarted).to.equal(false);
          expect(due.every(({ name }) => given[name] !== null)).to.equal(true);
          const next = due[pick % Math.max(1, due.length)];
          if (next === undefined) return;
          set = afterOutcome(
            given,
            set,
            { name: next.name, outcome: isOk === "unknown" ? isOk : { isOk, message: isOk ? "" : "no" } },
            next.dueAtMs,
          );
          const now = verdictsOf(set);
          expect(before.isStarted && !now.isStarted, "what has started stays so").to.equal(false);
          if (isOk === "unknown") expect(now).to.deep.equal(before);
          if (given.readiness === null) expect(now.isReady).to.equal(now.isStarted);
        }
      }),
    );
  });
});
