import { expect } from "chai";
import { NODE_DOWN_KEPT_MS } from "../../../../src/model/membership.ts";
import { STEPS_PER_TURN_MAX } from "../../../../src/manager/orchestrator/orchestrator.ts";
import { planOf } from "../../../../src/manager/orchestrator/plan.ts";
import { isTerminal, isWanted } from "../../../../src/model/task-state.ts";
import type { Run, ServiceSpec, Task } from "../../../../src/model/index.ts";
import { globalJob, job, node, service, spec } from "../../../support/loops/objects.ts";
import type { SpecPart } from "../../../support/loops/objects.ts";
import { World } from "../../../support/loops/world.ts";

describe("manager/orchestrator: jobs", () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });
  afterEach(async () => {
    await world.stopLoops();
  });

  const submit = (mode: Partial<ServiceSpec>, part: SpecPart = {}): void =>
    world.putService(service("web", { mode, task: spec({ restart: { condition: "ON_FAILURE" }, ...part }) }));
  const completes = (afterMs: number) => (): object => ({ exits: { afterMs, code: 0 } });
  const fails = (afterMs: number) => (): object => ({ exits: { afterMs, code: 3 } });
  const newest = (): Run => world.runs().at(-1)!;
  const inState = (state: string): readonly Task[] => world.tasks().filter((task) => task.status!.state === state);
  const ended = async (state: Run["state"], timeoutMs?: number): Promise<void> =>
    await world.until(() => world.runs().length > 0 && newest().state === state, `the run ${state}`, timeoutMs);

  /** The most tasks of a job that were active at once from now on. */
  function mostTogether(): () => number {
    let most = 0;
    world.store.onSpeculative(() => {
      most = Math.max(most, world.wanted().length);
    });
    return () => most;
  }

  const slots = (): number[] =>
    world
      .tasks()
      .map(({ slot }) => slot)
      .toSorted((a, b) => a - b);

  describe("replicated", () => {
    it("runs at most as many tasks at once as it may, until enough have completed", async () => {
      world.addNodes("n1", "n2");
      world.behave = completes(500);
      const together = mostTogether();
      submit(job({ total: 5, concurrent: 2 }));
      await ended("SUCCEEDED");
      expect(together()).to.equal(2);
      expect(slots()).to.deep.equal([1, 2, 3, 4, 5]);
      expect(
        world.tasks().every(({ desired, status }) => desired === "COMPLETE" && status!.state === "COMPLETE"),
      ).to.equal(true);
      await world.run(60_000);
      expect(world.tasks()).to.have.length(5);
      expect(planOf(world.tx, "web")).to.deep.equal({ steps: [], wakeAtMs: null });
    });

    it("remembers how its run went", async () => {
      world.addNodes("n1");
      world.behave = completes(2000);
      submit(job({ total: 2 }));
      await world.run(500);
      expect(newest()).to.deep.include({ number: 1, revision: 1, state: "RUNNING", wanted: 2, finishedAtMs: 0 });
      expect(newest().cause).to.deep.equal({ actor: "orchestrator", reason: "the job was created" });
      await ended("SUCCEEDED");
      expect(newest()).to.deep.include({ completed: 2, failures: 0, exitCode: 0, message: "" });
      expect(newest().finishedAtMs - newest().startedAtMs).to.be.within(2000, 2500);
    });

    it("holds nothing of a node any more once it completed", async () => {
      world.putNode(node("n1", { memoryMiB: 1000 }));
      world.behave = completes(100);
      submit(job({ total: 3 }), { memoryMiB: 900, ports: [{ published: 80 }] });
      await ended("SUCCEEDED");
      world.behave = () => ({});
      world.putService(service("api", { task: spec({ memoryMiB: 900, ports: [{ published: 80 }] }) }));
      await world.until(() => world.running("api").length === 1, "what came after it runs");
    });

    it("tries what failed again in its slot, and says how often it had to", async () => {
      world.addNodes("n1");
      const tried = new Map<number, number>();
      world.behave = ({ slot }) => {
        const attempts = tried.get(slot) ?? 0;
        return { exits: { afterMs: 100, code: slot === 2 && attempts < 2 ? 3 : 0 } };
      };
      world.store.onCommit(({ changes }) => {
        for (const change of changes) {
          if (
            change.table !== "task" ||
            change.after?.status?.state !== "FAILED" ||
            change.before?.status?.state === "FAILED"
          )
            continue;
          tried.set(change.after.slot, (tried.get(change.after.slot) ?? 0) + 1);
        }
      });
      const together = mostTogether();
      submit(job({ total: 3, concurrent: 1 }));
      await ended("SUCCEEDED");
      expect(newest()).to.deep.include({ completed: 3, failures: 2, exitCode: 0 });
      expect(world.slot(2).map(({ status }) => status!.state)).to.deep.equal(["FAILED", "FAILED", "COMPLETE"]);
      expect(together(), "a slot that is tried again keeps its place").to.equal(1);
    });

    it("gives a slot up when its retries are used, finishes the others, and has failed", async () => {
      world.addNodes("n1");
      world.behave = ({ slot }) => ({ exits: { afterMs: 100, code: slot === 1 ? 3 : 0 } });
      submit(job({ total: 3, concurrent: 1 }), { restart: { condition: "ON_FAILURE", maxAttempts: 2 } });
      await ended("FAILED");
      expect(newest()).to.deep.include({ completed: 2, failures: 3, exitCode: 3 });
      expect(newest().message).to.equal("1 of 3 tasks failed for good: task failed with exit code 3");
      await world.run(600_000);
      expect(inState("FAILED")).to.have.length(3);
      expect(world.runs()).to.have.length(1);
    });

    it("prepares a retry at once, and starts it when its delay is over", async () => {
      world.addNodes("n1");
      world.behave = ({ status }) => (status?.state === "RUNNING" ? { exits: { afterMs: 100, code: 3 } } : {});
      submit(job(), { restart: { condition: "ON_FAILURE", delayMs: 5000 } });
      await world.until(() => world.tasks().length === 2, "it failed");
      const [first, retry] = world.tasks();
      await world.run(4900);
      expect(world.tx.get("task", retry!.id)).to.deep.include({ desired: "READY", startAfterMs: retry!.startAfterMs });
      expect(world.tx.get("task", retry!.id)!.status!.state).to.equal("READY");
      await world.until(() => world.tx.get("task", retry!.id)!.desired === "COMPLETE", "its turn", 1000);
      const failedAtMs = world.tx.get("task", first!.id)!.status!.finishedAtMs;
      expect(world.env.wallNow() - failedAtMs).to.be.within(5000, 5100);
    });

    it("that gave up has all its retries again when it is changed", async () => {
      world.addNodes("n1");
      world.behave = fails(1500);
      submit(job(), { restart: { condition: "ON_FAILURE", maxAttempts: 1 } });
      await ended("FAILED");
      submit(job(), { restart: { condition: "ON_FAILURE", maxAttempts: 1 }, image: "web:2" });
      await world.until(() => newest().number === 2, "it starts over");
      await ended("FAILED");
      expect(newest()).to.deep.include({ number: 2, failures: 2 });
    });

    it("counts retries across a change of leader", async () => {
      world.addNodes("n1");
      world.behave = fails(1500);
      submit(job(), { restart: { condition: "ON_FAILURE", maxAttempts: 2 } });
      await world.until(() => world.tasks().length === 2, "the first retry");
      await world.changeLeader();
      await ended("FAILED");
      await world.changeLeader();
      await world.run(60_000);
      expect(world.tasks()).to.have.length(3);
    });

    it("does not restart what completed, whatever the policy says of services", async () => {
      world.addNodes("n1");
      world.behave = completes(50);
      submit(job({ total: 2 }), { restart: { condition: "ANY" } });
      await ended("SUCCEEDED");
      await world.run(60_000);
      expect(world.tasks()).to.have.length(2);
    });

    it("starts over when it changes: the old tasks go, and completions count from zero", async () => {
      world.addNodes("n1");
      world.behave = completes(50);
      submit(job({ total: 2 }));
      await ended("SUCCEEDED");
      world.behave = completes(5000);
      submit(job({ total: 2 }), { image: "web:2" });
      await world.run(200);
      expect(newest()).to.deep.include({ number: 2, revision: 2, state: "RUNNING" });
      expect(newest().cause?.reason).to.equal("the job was changed");
      await world.until(() => world.tasks().every(({ run }) => run === 2), "the old ones are deleted");
      expect(slots()).to.deep.equal([1, 2]);
      await ended("SUCCEEDED");
      expect(world.runs().map(({ number, state }) => [number, state])).to.deep.equal([
        [1, "SUCCEEDED"],
        [2, "SUCCEEDED"],
      ]);
    });

    it("stops a run in the middle when it changes, and says which took its place", async () => {
      world.addNodes("n1");
      submit(job({ total: 2 }));
      await world.until(() => inState("RUNNING").length === 2, "both run");
      submit(job({ total: 3 }));
      await world.until(() => inState("RUNNING").length === 3, "three of the new one run");
      expect(world.runs()[0]).to.deep.include({ state: "STOPPED", message: "run 2 took its place", completed: 0 });
      await world.until(() => world.tasks().every(({ run }) => run === 2), "the old tasks are deleted");
    });

    it("is run again by hand, with the same spec", async () => {
      world.addNodes("n1");
      world.behave = completes(50);
      submit(job({ total: 2 }));
      await ended("SUCCEEDED");
      world.runNow();
      await world.until(() => world.runs().length === 2 && newest().state === "SUCCEEDED", "the second run succeeds");
      expect(newest()).to.deep.include({ number: 2, revision: 1, completed: 2 });
      await world.until(() => world.tasks().every(({ run }) => run === 2), "only its tasks are left");
    });

    it("stops what is not complete at its deadline, and starts nothing after it", async () => {
      world.addNodes("n1");
      world.behave = completes(4000);
      submit(job({ total: 5, concurrent: 2, deadlineMs: 10_000 }));
      await ended("TIMED_OUT");
      expect(newest().finishedAtMs - newest().startedAtMs).to.equal(10_000);
      expect(newest()).to.deep.include({ message: "its deadline passed with 4 of 5 tasks completed", completed: 4 });
      await world.run(60_000);
      expect(world.wanted()).to.have.length(0);
      expect(world.tasks()).to.have.length(5);
    });

    it("keeps the deadline under another leader", async () => {
      world.addNodes("n1");
      submit(job({ deadlineMs: 10_000 }));
      await world.run(6000);
      await world.changeLeader();
      await ended("TIMED_OUT", 4100);
    });

    it("stops a task that runs longer than its timeout, and counts that as a failure", async () => {
      world.addNodes("n1");
      submit(job({ taskTimeoutMs: 3000 }), { restart: { condition: "ON_FAILURE", maxAttempts: 1 } });
      await ended("FAILED");
      expect(world.tasks().map(({ timedOut, status }) => [timedOut, status!.state])).to.deep.equal([
        [true, "SHUTDOWN"],
        [true, "SHUTDOWN"],
      ]);
      expect(newest()).to.deep.include({ failures: 2, message: "1 of 1 tasks failed for good: task timed out" });
      expect(newest().finishedAtMs - newest().startedAtMs).to.be.within(6000, 6500);
    });

    it("stops a task that does not get from its start to running", async () => {
      world.addNodes("n1");
      world.behave = () => ({ hangs: true });
      submit(job({ taskTimeoutMs: 3000 }), { restart: { condition: "NONE" } });
      await ended("FAILED", 4000);
      expect(world.tasks().map(({ timedOut }) => timedOut)).to.deep.equal([true]);
    });

    it("starts the next attempt only after the one that timed out has stopped", async () => {
      world.addNodes("n1");
      world.behave = () => ({ stopMs: 2000 });
      const together = mostTogether();
      submit(job({ taskTimeoutMs: 3000 }));
      await world.until(() => inState("SHUTDOWN").length === 1, "the first has stopped");
      expect(world.tasks().filter((task) => !isTerminal(task.status!.state)).length).to.be.at.most(1);
      expect(together()).to.equal(1);
    });

    it("moves the task of a drained node and charges no retry for it", async () => {
      world.addNodes("n1", "n2");
      submit(job(), { restart: { condition: "NONE" } });
      await world.until(() => inState("RUNNING").length === 1, "it runs");
      const [first] = inState("RUNNING");
      world.changeNode(first!.nodeId, { availability: "DRAIN" });
      await world.until(() => inState("RUNNING").some(({ nodeId }) => nodeId !== first!.nodeId), "it runs elsewhere");
      await world.until(() => inState("RUNNING").length === 1, "and only there");
    });

    it("waits for a silent node a while, and then tries elsewhere", async () => {
      world.addNodes("n1", "n2");
      submit(job());
      await world.until(() => inState("RUNNING").length === 1, "it runs");
      const [first] = inState("RUNNING");
      world.loseNode(first!.nodeId);
      await world.run(NODE_DOWN_KEPT_MS - 500);
      expect(world.tasks()).to.have.length(1);
      await world.run(1000);
      expect(world.tasks().map(({ replaces }) => replaces)).to.deep.equal(["", first!.id]);
      world.report(world.tasks().at(-1)!.id, { state: "COMPLETE", exitCode: 0 });
      await ended("SUCCEEDED");
      world.returnNode(first!.nodeId);
      await world.until(() => world.wanted().length === 0, "the original is told to stop");
      expect(newest().completed).to.equal(1);
    });

    it("lets the task of a node that answers in time go on", async () => {
      world.addNodes("n1", "n2");
      submit(job());
      await world.until(() => inState("RUNNING").length === 1, "it runs");
      const [first] = inState("RUNNING");
      world.loseNode(first!.nodeId);
      await world.run(10_000);
      world.returnNode(first!.nodeId);
      await world.run(60_000);
      expect(world.tasks().map(({ id }) => id)).to.deep.equal([first!.id]);
    });

    it("waits in the queue like anything else that fits nowhere, and holds nobody up", async () => {
      world.putNode(node("n1", { memoryMiB: 100 }));
      submit(job(), { memoryMiB: 500 });
      world.putService(service("api"));
      await world.until(() => world.running("api").length === 1, "the service runs");
      expect(world.wanted()[0]!.pendingReason).to.equal("no suitable node (insufficient memory on 1 node)");
      expect(newest().state).to.equal("RUNNING");
    });

    it("that was removed leaves no task and no run", async () => {
      world.addNodes("n1");
      submit(job({ total: 3 }));
      await world.until(() => inState("RUNNING").length === 3, "all run");
      world.removeService();
      await world.until(() => world.tasks().length === 0 && world.runs().length === 0, "nothing is left");
    });

    it("of many completions is planned in bounded parts", async () => {
      for (let at = 1; at <= 4; at += 1) world.putNode(node(`n${at}`));
      world.behave = completes(10);
      let largest = 0;
      world.store.onCommit((set) => {
        largest = Math.max(largest, set.changes.filter(({ before }) => before === undefined).length);
      });
      submit(job({ total: 600, concurrent: 250 }));
      await ended("SUCCEEDED");
      expect(newest().completed).to.equal(600);
      expect(largest).to.be.within(2, STEPS_PER_TURN_MAX);
    });
  });

  describe("global", () => {
    const nodesOf = (tasks: readonly Task[]): string[] => tasks.map(({ nodeId }) => nodeId).sort();

    it("runs once on every node that is active, ready and fits", async () => {
      world.addNodes("n1", "n2", "n3");
      world.putNode(node("n4", { availability: "PAUSE" }));
      world.putNode(node("n5", { availability: "DRAIN" }));
      world.putNode(node("n6", { state: "DOWN" }));
      world.putNode(node("n7", { labels: { skip: "yes" } }));
      world.behave = completes(500);
      submit(globalJob(), { constraints: ["node.labels.skip != yes"] });
      await ended("SUCCEEDED");
      expect(nodesOf(inState("COMPLETE"))).to.deep.equal(["n1", "n2", "n3"]);
      expect(newest()).to.deep.include({ wanted: 3, completed: 3 });
      await world.run(600_000);
      expect(world.tasks()).to.have.length(3);
      expect(world.runs()).to.have.length(1);
    });

    it("runs on a node that joins later, in the same run", async () => {
      world.addNodes("n1");
      world.behave = completes(500);
      submit(globalJob({ deadlineMs: 5000 }));
      await ended("SUCCEEDED");
      await world.run(60_000);
      world.addNodes("n2");
      await world.run(100);
      expect(newest()).to.deep.include({ number: 1, state: "RUNNING", finishedAtMs: 0 });
      await ended("SUCCEEDED");
      expect(nodesOf(inState("COMPLETE"))).to.deep.equal(["n1", "n2"]);
      expect(newest()).to.deep.include({ wanted: 2, completed: 2 });
    });

    it("waits for its first node", async () => {
      world.behave = completes(100);
      submit(globalJob());
      await ended("SUCCEEDED");
      expect(newest().message).to.equal("no node has it to do");
      world.addNodes("n1");
      await world.until(() => newest().completed === 1, "the node did it");
    });

    it("is stopped on a node that is drained, ends without it, and runs there when it is back", async () => {
      world.addNodes("n1", "n2");
      submit(globalJob());
      await world.until(() => inState("RUNNING").length === 2, "both run");
      world.changeNode("n1", { availability: "DRAIN" });
      await world.until(() => nodesOf(inState("RUNNING")).join() === "n2", "it is stopped on n1");
      for (const { id } of inState("RUNNING")) world.report(id, { state: "COMPLETE", exitCode: 0 });
      await ended("SUCCEEDED");
      expect(newest()).to.deep.include({ wanted: 1, completed: 1 });
      world.behave = completes(100);
      world.changeNode("n1", { availability: "ACTIVE" });
      await world.until(() => newest().completed === 2, "n1 did it too");
    });

    it("does not end while a silent node may yet complete it", async () => {
      world.addNodes("n1", "n2");
      submit(globalJob());
      await world.until(() => inState("RUNNING").length === 2, "both run");
      world.loseNode("n1");
      for (const { id, nodeId } of inState("RUNNING"))
        if (nodeId === "n2") world.report(id, { state: "COMPLETE", exitCode: 0 });
      await world.run(NODE_DOWN_KEPT_MS - 1000);
      expect(newest().state).to.equal("RUNNING");
      await world.run(2000);
      expect(newest()).to.deep.include({ state: "SUCCEEDED", completed: 1 });
      expect(world.wanted()).to.have.length(0);
    });

    it("uses its retries up node by node", async () => {
      world.addNodes("n1", "n2");
      world.behave = ({ pinnedNodeId }) => ({ exits: { afterMs: 100, code: pinnedNodeId === "n1" ? 3 : 0 } });
      submit(globalJob(), { restart: { condition: "ON_FAILURE", maxAttempts: 2 } });
      await ended("FAILED");
      expect(nodesOf(inState("FAILED"))).to.deep.equal(["n1", "n1", "n1"]);
      expect(newest()).to.deep.include({ wanted: 2, completed: 1, failures: 3 });
      await world.run(60_000);
      world.addNodes("n3");
      await world.until(() => newest().completed === 2, "a node that joins after a failure does it");
      await ended("FAILED");
      expect(inState("FAILED")).to.have.length(3);
    });

    it("starts nothing on a late node when its deadline passed before all had completed", async () => {
      world.addNodes("n1");
      submit(globalJob({ deadlineMs: 5000 }));
      await ended("TIMED_OUT");
      world.addNodes("n2");
      await world.run(10_000);
      expect(nodesOf(world.tasks())).to.deep.equal(["n1"]);
      expect(newest().state).to.equal("TIMED_OUT");
    });

    it("ends without a node that was removed meanwhile", async () => {
      world.addNodes("n1", "n2");
      submit(globalJob());
      await world.until(() => inState("RUNNING").length === 2, "both run");
      for (const { id, nodeId } of inState("RUNNING"))
        if (nodeId === "n2") world.report(id, { state: "COMPLETE", exitCode: 0 });
      world.loseNode("n1");
      world.removeNode("n1");
      await ended("SUCCEEDED", 1000);
      expect(newest()).to.deep.include({ wanted: 1, completed: 1 });
      await world.until(() => world.tasks().length === 1, "its task is deleted");
    });
  });

  describe("history", () => {
    it("keeps as many runs as it is told, each kind by itself, and always the newest", async () => {
      world.addNodes("n1");
      for (let image = 1; image <= 8; image += 1) {
        world.behave = image % 2 === 0 ? completes(50) : fails(50);
        submit(job({ runsSucceededKept: 2, runsFailedKept: 1 }), {
          image: `web:${image}`,
          restart: { condition: "NONE" },
        });
        await world.until(() => newest()?.number === image && newest().finishedAtMs > 0, `run ${image} is over`);
      }
      await world.run(1000);
      expect(world.runs().map(({ number, state }) => [number, state])).to.deep.equal([
        [6, "SUCCEEDED"],
        [7, "FAILED"],
        [8, "SUCCEEDED"],
      ]);
    });

    it("keeps no more attempts of a slot than the cluster's limit, but all that completed", async () => {
      world.addNodes("n1");
      world.behave = ({ slot }) => ({ exits: { afterMs: 100, code: slot === 1 ? 3 : 0 } });
      submit(job({ total: 9, concurrent: 1 }), { restart: { condition: "ON_FAILURE" } });
      await world.run(120_000);
      expect(world.slot(1).length).to.be.at.most(6);
      world.behave = completes(100);
      await ended("SUCCEEDED");
      await world.run(1000);
      expect(inState("COMPLETE")).to.have.length(9);
      expect(newest().completed).to.equal(9);
      expect(world.tasks().filter(isWanted)).to.have.length(0);
    });
  });
});
