import { expect } from "chai";
import {
  attemptsBefore,
  decideRestart,
  earlyEndsWith,
  EARLY_ENDS_FREE,
  endText,
  HEALTHY_RUN_MS,
} from "../../../src/model/restart.ts";
import type { RestartPolicy, Task, TaskState } from "../../../src/model/index.ts";
import { task } from "../../support/loops/objects.ts";

const policy = (part: Partial<RestartPolicy> = {}): RestartPolicy => ({
  condition: "ANY",
  delayMs: 0,
  maxAttempts: 0,
  windowMs: 0,
  ...part,
});

/** @param readyMs how long it was ready before it ended; negative: never */
function ended(
  id: string,
  atMs: number,
  {
    state = "FAILED" as TaskState,
    readyMs = HEALTHY_RUN_MS,
    ...part
  }: Partial<Task> & {
    state?: TaskState;
    readyMs?: number;
  } = {},
): Task {
  const readyAtMs = readyMs < 0 ? 0 : Math.max(1, atMs - readyMs);
  return task(id, { nodeId: "n1", ...part, readyAtMs, status: { state, atMs } });
}

const START_MS = 1_000_000;
const decide = (history: Task[], rules: RestartPolicy, nowMs = 2 * START_MS): ReturnType<typeof decideRestart> =>
  decideRestart(history.at(-1)!, history, rules, { nowMs, sinceMs: 0 });

describe("model/restart", () => {
  it("starts the successor one delay after the end, however late it is decided", () => {
    const last = ended("t", START_MS);
    expect(decide([last], policy({ delayMs: 3000 }))).to.deep.equal({
      kind: "restart",
      startAtMs: START_MS + 3000,
      earlyEnds: 0,
    });
  });

  it("follows the condition", () => {
    expect(decide([ended("t", 1)], policy({ condition: "NONE" })).kind).to.equal("never");
    expect(decide([ended("t", 1)], policy({ condition: "ON_FAILURE" })).kind).to.equal("restart");
    const completed = decide([ended("t", 1, { state: "COMPLETE" })], policy({ condition: "ON_FAILURE" }));
    expect(completed).to.include({ kind: "never", completed: true });
    expect(decide([ended("t", 1, { state: "COMPLETE" })], policy()).kind).to.equal("restart");
  });

  it("counts earlier ends of the same revision only, within the window before the last one, since the last change", () => {
    const history = [
      ended("other", 900, { revision: 7 }),
      ended("old", 100),
      ended("stopped", 700, { state: "SHUTDOWN" }),
      ended("lost", 720),
      ended("stand-in", 800, { replaces: "lost" }),
      ended("last", 1000),
    ];
    const count = (rules: RestartPolicy, sinceMs = 0): number =>
      attemptsBefore(history.at(-1)!, history, rules, sinceMs);
    expect(count(policy())).to.equal(2);
    expect(count(policy({ windowMs: 500 }))).to.equal(1);
    expect(count(policy(), 100)).to.equal(1);
  });

  it("gives up after the last attempt, and says how many there were", () => {
    const history = [ended("a", 1), ended("b", 2), ended("c", 3)];
    expect(decide(history, policy({ maxAttempts: 3 })).kind).to.equal("restart");
    const refused = decide(history, policy({ maxAttempts: 2 }));
    expect(refused).to.deep.equal({ kind: "never", completed: false, reason: "all 2 restart attempts are used" });
  });

  it("makes one attempt a delay when a task ends before its own start", () => {
    const last = ended("t", 100, { state: "REJECTED", startAfterMs: 5000, readyMs: -1 });
    const rules = policy({ delayMs: 5000 });
    expect(decide([last], rules, 200)).to.deep.equal({ kind: "wait", untilMs: 5000 });
    expect(decide([last], rules, 5000)).to.deep.equal({ kind: "restart", startAtMs: 10_000, earlyEnds: 1 });
  });

  it("counts ends in a row that came within a minute of being ready, or before it", () => {
    expect(earlyEndsWith(ended("t", START_MS, { readyMs: -1, earlyEnds: 4 }))).to.equal(5);
    expect(earlyEndsWith(ended("t", START_MS, { readyMs: HEALTHY_RUN_MS - 1, earlyEnds: 4 }))).to.equal(5);
    expect(earlyEndsWith(ended("t", START_MS, { readyMs: HEALTHY_RUN_MS, earlyEnds: 4 }))).to.equal(0);
  });

  const waits: readonly (readonly [string, Partial<RestartPolicy>, number, number])[] = [
    ["not at all after a healthy run", {}, 0, 0],
    ["not at all for the first early ends", {}, EARLY_ENDS_FREE, 0],
    ["a second after the next", {}, EARLY_ENDS_FREE + 1, 1000],
    ["twice as long after each further one", {}, EARLY_ENDS_FREE + 5, 16_000],
    ["five minutes at most", {}, 40, 300_000],
    ["never less than the delay", { delayMs: 5000 }, EARLY_ENDS_FREE + 2, 5000],
    ["more than the delay in the end", { delayMs: 5000 }, EARLY_ENDS_FREE + 4, 8000],
    ["as long as the policy allows", { backoffMaxMs: 10_000 }, 40, 10_000],
    ["only the delay where the policy wants no back-off", { delayMs: 5000, backoffMaxMs: 0 }, 40, 5000],
  ];
  for (const [what, rules, ends, waitMs] of waits) {
    it(`waits ${what}`, () => {
      const last = ended("t", START_MS, ends === 0 ? {} : { readyMs: 10, earlyEnds: ends - 1 });
      expect(decide([last], policy(rules))).to.deep.equal({
        kind: "restart",
        startAtMs: START_MS + waitMs,
        earlyEnds: ends,
      });
    });
  }

  for (const delayMs of [0, 1000, 5000]) {
    it(`starts a task that ends at once at most 30 times an hour with a delay of ${delayMs} ms`, () => {
      let nowMs = START_MS;
      let earlyEnds = 0;
      let starts = 0;
      for (; nowMs < START_MS + 3_600_000; starts += 1) {
        const restart = decide([ended("t", nowMs, { readyMs: -1, earlyEnds })], policy({ delayMs }), nowMs);
        if (restart.kind !== "restart") throw new Error(restart.kind);
        ({ earlyEnds, startAtMs: nowMs } = restart);
      }
      expect(starts).to.be.within(15, 30);
    });
  }

  it("says how a task ended", () => {
    const killed = task("t", { status: { state: "FAILED", exitCode: 137, error: "killed: out of memory" } });
    expect(endText(killed)).to.equal("task failed with exit code 137: killed: out of memory");
    const plain = task("t", { status: { state: "FAILED", exitCode: 3, error: "exited with code 3" } });
    expect(endText(plain)).to.equal("task failed with exit code 3");
    expect(endText(task("t", { status: { state: "REJECTED", error: "no such image" } }))).to.equal(
      "task rejected: no such image",
    );
  });
});
