import { expect } from "chai";
import { NODE_DOWN_KEPT_MS } from "../../../../src/model/membership.ts";
import { planOf } from "../../../../src/manager/orchestrator/plan.ts";
import { explain } from "../../../../src/manager/scheduler/explain.ts";
import type { Task } from "../../../../src/model/index.ts";
import { GLOBAL, node, service, spec, task } from "../../../support/loops/objects.ts";
import type { SpecPart } from "../../../support/loops/objects.ts";
import { World } from "../../../support/loops/world.ts";
import { aRevision } from "../../../support/store/objects.ts";

describe("manager/orchestrator: global services", () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });
  afterEach(async () => {
    await world.stopLoops();
  });

  const everywhere = (part: SpecPart = {}, other: { parallelism?: number } = {}): void =>
    world.putService(service("web", { mode: GLOBAL, task: spec(part), ...other }));
  const nodesOf = (tasks: readonly Task[]): string[] => tasks.map(({ nodeId }) => nodeId).sort();
  const runsOn = (...ids: string[]): boolean => nodesOf(world.running()).join() === ids.join();
  const on = (nodeId: string): readonly Task[] => world.tasks().filter((one) => one.pinnedNodeId === nodeId);

  async function deployed(...ids: string[]): Promise<void> {
    world.addNodes(...ids);
    everywhere();
    await world.until(() => runsOn(...ids), "one task a node runs");
  }

  it("has one task a node, pinned to it from its creation", async () => {
    const born: Task[] = [];
    world.store.onSpeculative((changes) => {
      for (const change of changes)
        if (change.table === "task" && change.before === undefined && change.after) born.push(change.after);
    });
    await deployed("n1", "n2", "n3");
    expect(born.map((one) => [one.slot, one.pinnedNodeId, one.nodeId])).to.deep.equal([
      [0, "n1", ""],
      [0, "n2", ""],
      [0, "n3", ""],
    ]);
    await world.run(10_000);
    expect(planOf(world.tx, "web")).to.deep.equal({ steps: [], wakeAtMs: null });
  });

  it("gives a node that joins its task, once it is ready", async () => {
    await deployed("n1", "n2");
    world.putNode(node("n3", { state: "UNKNOWN" }));
    await world.run(1000);
    expect(on("n3")).to.have.length(0);
    world.changeNode("n3", { state: "READY" });
    await world.until(() => runsOn("n1", "n2", "n3"), "the new node runs it");
  });

  it("does not give up the last tasks of a service for silence alone", async () => {
    await deployed("n1", "n2");
    const before = world.running().map(({ id }) => id);
    for (const id of ["n1", "n2"]) world.changeNode(id, { state: "DOWN", sinceMs: world.tx.timeMs });
    await world.run(NODE_DOWN_KEPT_MS + 60_000);
    for (const id of ["n1", "n2"]) expect(on(id).map(({ desired }) => desired)).to.deep.equal(["RUNNING"]);
    world.changeNode("n1", { state: "READY", sinceMs: world.tx.timeMs });
    await world.until(() => on("n2").every(({ desired }) => desired !== "RUNNING"), "another one serves");
    expect(world.running().map(({ id }) => id)).to.include(before[0]!);
  });

  it("leaves the task of a paused node alone, creates none on a paused fresh node, and none for one that fails there", async () => {
    await deployed("n1", "n2");
    const kept = on("n1")[0]!.id;
    world.changeNode("n1", { availability: "PAUSE" });
    world.putNode(node("n3", { availability: "PAUSE" }));
    await world.run(5000);
    expect(nodesOf(world.running())).to.deep.equal(["n1", "n2"]);
    expect(on("n1").map(({ id }) => id)).to.deep.equal([kept]);
    world.fail(kept);
    await world.run(5000);
    expect(nodesOf(world.running())).to.deep.equal(["n2"]);
    world.changeNode("n1", { availability: "ACTIVE" });
    world.changeNode("n3", { availability: "ACTIVE" });
    await world.until(() => runsOn("n1", "n2", "n3"), "both run it");
  });

  it("stops the task of a drained node and of one that left, and starts one when it is back", async () => {
    await deployed("n1", "n2", "n3");
    world.changeNode("n1", { availability: "DRAIN" });
    world.changeNode("n2", { state: "LEFT" });
    await world.until(() => runsOn("n3"), "only n3 runs it");
    expect(world.wanted().map(({ nodeId }) => nodeId)).to.deep.equal(["n3"]);
    expect(on("n1")[0]!.cause?.reason).to.equal("node n1 is drained");
    world.changeNode("n1", { availability: "ACTIVE" });
    world.changeNode("n2", { state: "READY" });
    await world.until(() => runsOn("n1", "n2", "n3"), "all run it");
  });

  it("keeps the task of a node that answers again soon, and tells one that was down for long to stop", async () => {
    await deployed("n1", "n2");
    const original = on("n1")[0]!.id;
    world.loseNode("n1");
    await world.run(NODE_DOWN_KEPT_MS - 1000);
    expect(on("n1").map(({ desired }) => desired)).to.deep.equal(["RUNNING"]);
    world.returnNode("n1");
    await world.run(20_000);
    expect(on("n1").map(({ id, desired }) => [id, desired])).to.deep.equal([[original, "RUNNING"]]);
    world.loseNode("n1");
    await world.run(NODE_DOWN_KEPT_MS + 1000);
    expect(on("n1").map(({ desired }) => desired)).to.deep.equal(["SHUTDOWN"]);
    world.returnNode("n1");
    await world.until(() => runsOn("n1", "n2"), "exactly one new task runs on it");
    await world.run(20_000);
    expect(on("n1").map(({ desired }) => desired)).to.deep.equal(["SHUTDOWN", "RUNNING"]);
  });

  it("goes on counting how long a node is down when another manager leads", async () => {
    await deployed("n1", "n2");
    world.loseNode("n1");
    await world.run(NODE_DOWN_KEPT_MS / 2);
    await world.changeLeader();
    await world.run(NODE_DOWN_KEPT_MS / 2 + 1000);
    expect(on("n1").map(({ desired }) => desired)).to.deep.equal(["SHUTDOWN"]);
  });

  it("follows labels, in both directions, at once", async () => {
    world.putNode(node("n1", { labels: { x: "1" } }));
    world.addNodes("n2");
    everywhere({ constraints: ["node.labels.x == 1"] });
    await world.until(() => runsOn("n1"), "the labelled node runs it");
    world.changeNode("n2", { labels: { x: "1" } });
    world.changeNode("n1", { labels: { x: "2" } });
    await world.run(100);
    expect(nodesOf(world.running())).to.deep.equal(["n2"]);
    expect(nodesOf(world.wanted())).to.deep.equal(["n2"]);
    await world.until(() => on("n1").length === 0, "nothing of it is left on n1");
  });

  it("does not count a node without the runtime or of another platform among its own", async () => {
    world.addNodes("n1");
    world.putNode(node("n2", { runtimes: ["process"] }));
    world.putNode(node("n3", { architecture: "arm64" }));
    everywhere({ platforms: [{ os: "linux", architecture: "amd64" }] });
    await world.run(2000);
    expect(world.tasks().map(({ nodeId }) => nodeId)).to.deep.equal(["n1"]);
    expect(explain(world.tx, "web").summary).to.equal("1 of 1 tasks of web run");
    expect(explain(world.tx, "web").reasons.map(({ subjectId, message }) => [subjectId, message])).to.deep.equal([
      ["n2", "no new task: node n2 offers no container runtime"],
      ["n3", "no new task: node n3 does not satisfy the platform"],
    ]);
  });

  it("keeps a task that does not fit its node pending with the reason, and does not move it", async () => {
    world.putNode(node("n1", { memoryMiB: 100 }));
    world.addNodes("n2");
    everywhere({ memoryMiB: 512 });
    await world.until(() => runsOn("n2"), "the large node runs it");
    await world.run(10_000);
    expect(world.wanted().filter(({ nodeId }) => nodeId === "")[0]).to.deep.include({
      pinnedNodeId: "n1",
      pendingReason: "node n1 cannot take it (insufficient memory)",
    });
  });

  it("leaves nothing of itself on a node that was removed", async () => {
    await deployed("n1", "n2");
    world.loseNode("n1");
    world.removeNode("n1");
    await world.until(() => world.tasks().length === 1, "its task is deleted");
    expect(nodesOf(world.running())).to.deep.equal(["n2"]);
  });

  it("restarts on the same node by the restart policy, and gives up there only", async () => {
    world.addNodes("n1", "n2");
    world.behave = ({ pinnedNodeId }) => (pinnedNodeId === "n1" ? { exits: { afterMs: 1500, code: 1 } } : {});
    everywhere({ restart: { maxAttempts: 2 } });
    await world.run(60_000);
    expect(on("n1").map((one) => one.status!.state)).to.deep.equal(["FAILED", "FAILED", "FAILED"]);
    expect(nodesOf(world.running())).to.deep.equal(["n2"]);
  });

  it("is updated node by node", async () => {
    await deployed("n1", "n2", "n3");
    let together = 0;
    world.store.onSpeculative(() => {
      together = Math.max(together, 3 - world.running().length);
    });
    everywhere({ image: "web:2" });
    await world.until(
      () => world.running().length === 3 && world.running().every(({ revision }) => revision === 2),
      "all are new",
    );
    expect(together).to.equal(1);
  });

  it("moves to the nodes of a changed placement", async () => {
    world.putNode(node("n1", { labels: { zone: "a" } }));
    world.putNode(node("n2", { labels: { zone: "b" } }));
    everywhere({ constraints: ["node.labels.zone == a"] });
    await world.until(() => runsOn("n1"), "it runs in zone a");
    everywhere({ constraints: ["node.labels.zone == b"] });
    await world.until(() => runsOn("n2"), "it runs in zone b");
    await world.until(() => on("n1").length === 0, "and only there");
  });

  it("has one task a node after everything was started anew, with a duplicate from before among them", async () => {
    await deployed("n1", "n2", "n3");
    await world.stopLoops();
    void world.store.update((tx) => {
      tx.put(
        "task",
        task("twin", { slot: 0, pinnedNodeId: "n1", nodeId: "n1", status: { state: "RUNNING", healthy: true } }),
      );
      for (const { id } of tx.all("node")) {
        const before = tx.get("node", id)!;
        const status = { ...before.status!, state: "READY" as const, agentEpoch: 2, sinceMs: tx.timeMs };
        tx.put("node", { ...before, status });
      }
    });
    await world.run(100);
    await world.changeLeader();
    await world.run(60_000);
    expect(nodesOf(world.wanted())).to.deep.equal(["n1", "n2", "n3"]);
    expect(nodesOf(world.running())).to.deep.equal(["n1", "n2", "n3"]);
  });

  it("of a service that was removed while nobody led leaves no task", async () => {
    await deployed("n1", "n2");
    await world.stopLoops();
    world.removeService();
    await world.run(10);
    world.startLoops();
    await world.until(() => world.tasks().length === 0, "all are deleted");
  });

  it("of a revision that is gone is replaced", async () => {
    world.addNodes("n1");
    void world.store.update((tx) => {
      tx.put("service", service("web", { mode: GLOBAL, revision: 2 }));
      tx.put("revision", aRevision({ id: "web/2", serviceId: "web", number: 2, spec: spec() }));
      tx.put("task", task("old", { slot: 0, pinnedNodeId: "n1", revision: 1 }));
    });
    await world.until(() => world.running().some(({ revision }) => revision === 2), "the new one runs");
    expect(world.wanted()).to.have.length(1);
  });
});
