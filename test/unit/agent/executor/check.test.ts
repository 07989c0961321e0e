import { expect } from "chai";
import fc from "fast-check";
import {
  afterProbe,
  beginCheck,
  postponed,
  type CheckRule,
  type CheckState,
} from "../../../../src/agent/executor/check.ts";

const RULE: CheckRule = {
  initialDelayMs: 0,
  intervalMs: 1_000,
  failures: 3,
  successes: 2,
  startPeriodMs: 0,
  startIntervalMs: 0,
};
const good = { isOk: true, message: "" };
const bad = (message = "refused"): { isOk: boolean; message: string } => ({ isOk: false, message });

/** `+` is a good probe, `-` a bad one; each at the time it is due. */
function run(outcomes: string, rule = RULE, first = beginCheck(rule, 0)): CheckState {
  return outcomes
    .split("")
    .reduce(
      (state, sign, at) => afterProbe(rule, state, sign === "+" ? good : bad(`no ${at + 1}`), state.dueAtMs),
      first,
    );
}

describe("agent/executor/check", () => {
  const verdicts: readonly [string, string, CheckState["verdict"]][] = [
    ["says nothing before the first probe", "", "pending"],
    ["passes after so many successes in a row", "++", "passing"],
    ["does not pass after fewer", "+", "pending"],
    ["begins to count anew after a failure", "+-+", "pending"],
    ["fails after so many failures in a row", "---", "failing"],
    ["does not fail after fewer", "--", "pending"],
    ["forgets failures at a success", "--+--", "pending"],
    ["stays passing through a few failures", "++--", "passing"],
    ["fails after it passed", "++---", "failing"],
    ["passes again after it failed", "---++", "passing"],
    ["does not pass again by one success of two", "---+-+", "failing"],
  ];
  for (const [fact, outcomes, verdict] of verdicts) {
    it(`${fact} (${outcomes})`, () => expect(run(outcomes).verdict).to.equal(verdict));
  }

  it("probes first after the delay, then an interval after the end of the one before", () => {
    const rule = { ...RULE, initialDelayMs: 300 };
    const begun = beginCheck(rule, 50);
    expect(begun.dueAtMs).to.equal(350);
    expect(afterProbe(rule, begun, good, 777).dueAtMs).to.equal(1_777);
  });

  it("takes a probe that told nothing for none", () => {
    const before = run("--");
    expect(postponed(RULE, before, 9_000)).to.deep.equal({ ...before, dueAtMs: 10_000 });
  });

  describe("in a start period", () => {
    const rule = { ...RULE, successes: 1, startPeriodMs: 10_000, startIntervalMs: 100 };

    it("does not count failures before the first success, and probes more often", () => {
      const state = run("-----", rule);
      expect(state).to.include({ verdict: "pending", failures: 0, dueAtMs: 500, message: "no 1" });
    });

    it("counts them, at the interval, once it was good", () => {
      expect(run("-+-", rule)).to.include({ verdict: "passing", failures: 1, dueAtMs: 2_100 });
      expect(run("+---", rule).verdict).to.equal("failing");
    });

    it("counts them when it is over", () => {
      const late = { ...beginCheck(rule, 0), dueAtMs: 10_000 };
      const state = run("---", rule, late);
      expect(state).to.include({ verdict: "failing", dueAtMs: 13_000 });
    });
  });

  it("tells of the first failure in a row and of the one that decides, not of each between", () => {
    expect(["-", "--", "---", "----"].map((outcomes) => run(outcomes).message)).to.deep.equal([
      "no 1",
      "no 1",
      "no 3",
      "no 3",
    ]);
    expect(run("++").message).to.equal("");
    expect(run("+-").message, "a success between makes it news").to.equal("no 2");
  });

  const rules: fc.Arbitrary<CheckRule> = fc.record({
    initialDelayMs: fc.integer({ min: 0, max: 5_000 }),
    intervalMs: fc.integer({ min: 1, max: 5_000 }),
    failures: fc.integer({ min: 1, max: 5 }),
    successes: fc.integer({ min: 1, max: 5 }),
    startPeriodMs: fc.integer({ min: 0, max: 20_000 }),
    startIntervalMs: fc.integer({ min: 1, max: 5_000 }),
  });
  const history = fc.array(fc.record({ isOk: fc.boolean(), tookMs: fc.integer({ min: 0, max: 3_000 }) }), {
    maxLength: 40,
  });

  it("properties: a verdict changes only by a whole row of its kind, and time goes on", () => {
    fc.assert(
      fc.property(rules, history, (rule, probes) => {
        let state = beginCheck(rule, 0);
        const past: boolean[] = [];
        for (const { isOk, tookMs } of probes) {
          const nowMs = state.dueAtMs + tookMs;
          const next = afterProbe(rule, state, isOk ? good : bad(), nowMs);
          past.push(isOk);
          expect(next.failures * next.successes, "one of the rows is empty").to.equal(0);
          expect(next.dueAtMs).to.be.greaterThan(nowMs);
          expect(next.verdict === "pending" && state.verdict !== "pending", "nothing is unlearnt").to.equal(false);
          if (next.verdict !== state.verdict) {
            const wanted = next.verdict === "passing" ? rule.successes : rule.failures;
            const row = past.slice(-wanted);
            expect(row).to.deep.equal(Array.from({ length: wanted }, () => next.verdict === "passing"));
          }
          if (next.verdict === "failing" && state.verdict === "pending")
            expect(nowMs, "no failure counts in the start period").to.be.at.least(rule.startPeriodMs);
          state = next;
        }
      }),
    );
  });

  it("properties: so many outcomes of one kind in a row always decide, whatever came before", () => {
    fc.assert(
      fc.property(rules, history, fc.boolean(), (rule, probes, isOk) => {
        let state = beginCheck(rule, 0);
        for (const probe of probes) state = afterProbe(rule, state, probe.isOk ? good : bad(), state.dueAtMs);
        // Beyond the start period, in which failures may not count.
        state = { ...state, dueAtMs: Math.max(state.dueAtMs, rule.startPeriodMs) };
        for (let at = 0; at < (isOk ? rule.successes : rule.failures); at++)
          state = afterProbe(rule, state, isOk ? good : bad(), state.dueAtMs);
        expect(state.verdict).to.equal(isOk ? "passing" : "failing");
        expect(state.message).to.equal(isOk ? "" : "refused");
      }),
    );
  });
});
