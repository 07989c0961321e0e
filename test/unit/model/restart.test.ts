import { expect } from "chai";
import {
  attemptsBefore,
  decideRestart,
  endText,
  QUICK_BACKOFF_MS,
  QUICK_BACKOFF_MS_MAX,
  QUICK_ENDS_MAX,
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

function ended(
  id: string,
  atMs: number,
  {
    state = "FAILED" as TaskState,
    ranMs = 60_000,
    ...part
  }: Partial<Task> & { state?: TaskState; ranMs?: number } = {},
): Task {
  const startedAtMs = ranMs < 0 ? 0 : 1000;
  return task(id, {
    nodeId: "n1",
    ...part,
    status: { state, atMs, startedAtMs, finishedAtMs: 1000 + Math.max(0, ranMs) },
  });
}

const decide = (history: Task[], rules: RestartPolicy, nowMs = 1_000_000): ReturnType<typeof decideRestart> =>
  decideRestart(history.at(-1)!, history, rules, { nowMs, specChanged: false });

describe("model/restart", () => {
  it("starts the successor one delay after the end, however late it is decided", () => {
    const last = ended("t", 500);
    expect(decide([last], policy({ delayMs: 3000 }))).to.deep.equal({ kind: "restart", startAtMs: 3500 });
  });

  it("follows the condition", () => {
    expect(decide([ended("t", 1)], policy({ condition: "NONE" })).kind).to.equal("never");
    expect(decide([ended("t", 1)], policy({ condition: "ON_FAILURE" })).kind).to.equal("restart");
    const completed = decide([ended("t", 1, { state: "COMPLETE" })], policy({ condition: "ON_FAILURE" }));
    expect(completed).to.include({ kind: "never", completed: true });
    expect(decide([ended("t", 1, { state: "COMPLETE" })], policy()).kind).to.equal("restart");
  });

  it("counts earlier ends of the same revision only, within the window before the last one", () => {
    const history = [
      ended("other", 900, { revision: 7 }),
      ended("old", 100),
      ended("stopped", 700, { state: "SHUTDOWN" }),
      ended("lost", 720),
      ended("stand-in", 800, { replaces: "lost" }),
      ended("last", 1000),
    ];
    expect(attemptsBefore(history.at(-1)!, history, policy())).to.equal(2);
    expect(attemptsBefore(history.at(-1)!, history, policy({ windowMs: 500 }))).to.equal(1);
  });

  it("gives up after the last attempt, and says how many there were", () => {
    const history = [ended("a", 1), ended("b", 2), ended("c", 3)];
    expect(decide(history, policy({ maxAttempts: 3 })).kind).to.equal("restart");
    const refused = decide(history, policy({ maxAttempts: 2 }));
    expect(refused).to.deep.equal({ kind: "never", completed: false, reason: "all 2 restart attempts are used" });
  });

  it("after a changed spec keeps the delay and forgets conditions and attempts", () => {
    const last = ended("t", 100);
    const rules = policy({ condition: "NONE", delayMs: 50, maxAttempts: 1 });
    expect(decideRestart(last, [last], rules, { nowMs: 120, specChanged: true })).to.deep.equal({
      kind: "restart",
      startAtMs: 150,
    });
  });

  it("makes one attempt a delay when a task ends before its own start", () => {
    const last = ended("t", 100, { state: "REJECTED", startAfterMs: 5000 });
    const rules = policy({ delayMs: 5000 });
    expect(decide([last], rules, 200)).to.deep.equal({ kind: "wait", untilMs: 5000 });
    expect(decide([last], rules, 5000)).to.deep.equal({ kind: "restart", startAtMs: 10_000 });
  });

  it("slows down after several quick ends in a row, up to a bound, and not after a long run between", () => {
    const quick = (count: number): Task[] =>
      Array.from({ length: count }, (_, at) => ended(`t${at}`, at, { ranMs: 10 }));
    const waitOf = (history: Task[]): number => {
      const restart = decide(history, policy());
      return restart.kind === "restart" ? restart.startAtMs - history.at(-1)!.status!.atMs : -1;
    };
    expect(waitOf(quick(QUICK_ENDS_MAX - 1))).to.equal(0);
    expect(waitOf(quick(QUICK_ENDS_MAX))).to.equal(QUICK_BACKOFF_MS);
    expect(waitOf(quick(QUICK_ENDS_MAX + 1))).to.equal(2 * QUICK_BACKOFF_MS);
    expect(waitOf(quick(40))).to.equal(QUICK_BACKOFF_MS_MAX);
    expect(waitOf([...quick(5), ended("long", 50), ended("last", 60, { ranMs: 10 })])).to.equal(0);
  });

  it("says how a task ended", () => {
    const killed = task("t", { status: { state: "FAILED", exitCode: 137, error: "killed: out of memory" } });
    expect(endText(killed)).to.equal("task failed with exit code 137: killed: out of memory");
    expect(endText(task("t", { status: { state: "REJECTED", error: "no such image" } }))).to.equal(
      "task rejected: no such image",
    );
  });
});
