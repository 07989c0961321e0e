import { expect } from "chai";
import { explain } from "../../../../src/manager/scheduler/explain.ts";
import type { NodePart } from "../../../support/loops/objects.ts";
import { GLOBAL, node, service, spec } from "../../../support/loops/objects.ts";
import { byNode, deploy, nodesOf, reasons } from "../../../support/loops/places.ts";
import { World } from "../../../support/loops/world.ts";

describe("manager/scheduler: nodes that change under their tasks", () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });
  afterEach(async () => {
    await world.stopLoops();
  });

  /** The node describes itself anew; what it is told by its managers stays. */
  const redescribe = (id: string, part: NodePart): void => {
    const before = world.tx.get("node", id)!;
    world.putNode({ ...before, description: node(id, part).description });
  };

  it("90: moves only as many tasks as it takes when a node becomes smaller, the youngest of equals", async () => {
    world.putNode(node("n1", { memoryMiB: 4000 }));
    const before = await deploy(world, 4, { memoryMiB: 1000 });
    world.putNode(node("n2", { memoryMiB: 4000 }));
    redescribe("n1", { memoryMiB: 2500 });
    await world.until(() => nodesOf(world.running()).join() === "n1,n1,n2,n2", "two were moved");
    const stayed = world.running().filter(({ nodeId }) => nodeId === "n1");
    expect(before.map(({ id }) => id)).to.include.members(stayed.map(({ id }) => id));
    const moved = world.tasks().find(({ unfit }) => unfit !== "")!;
    expect(moved.unfit).to.equal("node n1 has only 2.4GiB of memory for tasks that reserve 3.9GiB");
    expect([moved.desired, moved.cause!.reason]).to.deep.equal(["SHUTDOWN", moved.unfit]);
  });

  it("90: takes the one task that makes enough room rather than many, and the smallest such", async () => {
    world.putNode(node("n1", { memoryMiB: 4000 }));
    await deploy(world, 10, { memoryMiB: 100 }, "small");
    await deploy(world, 1, { memoryMiB: 800 }, "middle");
    await deploy(world, 1, { memoryMiB: 2000 }, "large");
    redescribe("n1", { memoryMiB: 3300 });
    await world.run(500);
    expect(["small", "middle", "large"].map((name) => world.running(name).length)).to.deep.equal([10, 0, 1]);
    expect(reasons(world.wanted("middle"))).to.deep.equal(["no suitable node (insufficient memory on 1 node)"]);
  });

  it("moves the tasks whose generic resources a node does not name any more, and no others", async () => {
    world.putNode(node("n1", { generic: [{ kind: "gpu", count: 0, names: ["a", "b", "c"] }] }));
    const before = await deploy(world, 3, { generic: { gpu: 1 } });
    const ofB = before.find(({ generic }) => generic[0]!.names[0] === "b")!;
    redescribe("n1", { generic: [{ kind: "gpu", count: 0, names: ["a", "c"] }] });
    await world.run(500);
    const after = world.running();
    expect(after.map(({ id }) => id)).to.have.members(before.filter(({ id }) => id !== ofB.id).map(({ id }) => id));
    expect(world.tx.get("task", ofB.id)!.unfit).to.equal("node n1 has no gpu b any more");
  });

  it("91: goes by the service's placement, not by what an older task was made with", async () => {
    world.putNode(node("n1", { labels: { disk: "ssd" } }));
    const [task] = await deploy(world, 1, { constraints: ["node.labels.disk == ssd"] });
    await deploy(world, 1, {});
    world.changeNode("n1", { labels: {} });
    await world.run(2000);
    expect(world.running().map(({ id }) => id)).to.deep.equal([task!.id]);
  });

  it("92: counts no completed task of a job, and leaves it alone", async () => {
    world.putNode(node("n1", { memoryMiB: 1000 }));
    world.behave = (task) => (task.serviceId === "job" ? { exits: { afterMs: 50, code: 0 } } : {});
    const job = {
      mode: "replicatedJob",
      replicatedJob: { totalCompletions: 2, maxConcurrent: 1, policy: null },
    } as const;
    world.putService(
      service("job", { mode: job, task: spec({ memoryMiB: 600, restart: { condition: "ON_FAILURE" } }) }),
    );
    await world.until(
      () => world.tasks("job").filter(({ status }) => status!.state === "COMPLETE").length === 2,
      "done",
    );
    await deploy(world, 1, { memoryMiB: 600 });
    redescribe("n1", { memoryMiB: 700 });
    await world.run(1000);
    expect(world.running()).to.have.length(1);
    expect(world.tasks("job").map(({ status, unfit }) => [status!.state, unfit])).to.deep.equal([
      ["COMPLETE", ""],
      ["COMPLETE", ""],
    ]);
  });

  it("93: runs a task again when the label of the only node comes back", async () => {
    world.putNode(node("n1", { labels: { disk: "ssd" } }));
    await deploy(world, 1, { constraints: ["node.labels.disk == ssd"] });
    world.changeNode("n1", { labels: { disk: "" } });
    await world.until(() => world.running().length === 0, "it stopped");
    await world.run(500);
    expect(reasons(world.wanted())).to.deep.equal([
      "no suitable node (constraint node.labels.disk == ssd not satisfied on 1 node)",
    ]);
    world.changeNode("n1", { labels: { disk: "ssd" } });
    await world.until(() => world.running().length === 1, "it runs again");
  });

  it("moves a task to where its constraint holds, at once", async () => {
    world.putNode(node("n1", { labels: { disk: "ssd" } }));
    world.putNode(node("n2"));
    await deploy(world, 1, { constraints: ["node.labels.disk exists"] });
    world.changeNode("n2", { labels: { disk: "hdd" } });
    redescribe("n1", {});
    world.putNode({
      ...world.tx.get("node", "n1")!,
      spec: { name: "n1", labels: {}, availability: "ACTIVE", drainDeadlineMs: 0, drainParallelism: 0 },
    });
    await world.until(() => nodesOf(world.running()).join() === "n2", "it runs on n2");
    expect(world.tasks().find(({ nodeId }) => nodeId === "n1")!.cause!.reason).to.equal(
      "node n1 does not satisfy node.labels.disk exists any more",
    );
  });

  it("moves nothing for what a node says while it is silent, paused, or its engine does not answer", async () => {
    for (const id of ["n1", "n2", "n3", "n4"]) world.putNode(node(id, { memoryMiB: 1000 }));
    const before = (await deploy(world, 4, { memoryMiB: 800, maxPerNode: 1 })).map(({ id }) => id);
    const say = (id: string, part: NodePart): void => world.putNode(node(id, { memoryMiB: 500, ...part }));
    say("n1", { state: "UNREACHABLE" });
    say("n2", { availability: "PAUSE" });
    say("n3", { engineMessage: "connection refused", engineSinceMs: world.env.wallNow() });
    // Nothing at all is what an agent says that has never reached its engine.
    redescribe("n4", { memoryMiB: 0, cpus: 0 });
    await world.run(3000);
    expect(world.wanted().map(({ id, unfit }) => [id, unfit])).to.have.deep.members(before.map((id) => [id, ""]));
    say("n2", {});
    await world.until(
      () => world.tasks().some(({ nodeId, desired }) => nodeId === "n2" && desired === "SHUTDOWN"),
      "moved",
    );
  });

  it("counts what agents of one engine reserve together", async () => {
    world.putNode(node("n1", { engineId: "e", memoryMiB: 2000 }));
    world.putNode(node("n2", { engineId: "e", memoryMiB: 2000 }));
    await deploy(world, 4, { memoryMiB: 500 });
    redescribe("n1", { engineId: "e", memoryMiB: 1200 });
    await world.run(500);
    // The other agent has not said so yet.
    expect(world.running()).to.have.length(4);
    redescribe("n2", { engineId: "e", memoryMiB: 1200 });
    await world.until(() => world.running().length === 2, "two went");
    await world.run(1000);
    expect(world.running()).to.have.length(2);
  });

  it("finds out under a new leader, too", async () => {
    world.putNode(node("n1", { memoryMiB: 2000 }));
    await deploy(world, 2, { memoryMiB: 1000 });
    await world.stopLoops();
    redescribe("n1", { memoryMiB: 1500 });
    await world.run(100);
    world.startLoops();
    await world.until(() => world.running().length === 1, "one went");
  });

  it("lets a global service's task wait for its node to grow again", async () => {
    world.putNode(node("n1", { memoryMiB: 1000 }));
    world.putService(service("web", { mode: GLOBAL, task: spec({ memoryMiB: 800 }) }));
    await world.until(() => world.running().length === 1, "it runs");
    redescribe("n1", { memoryMiB: 600 });
    await world.until(() => world.running().length === 0, "it stopped");
    await world.run(500);
    expect(reasons(world.wanted())).to.deep.equal(["node n1 cannot take it (insufficient memory)"]);
    redescribe("n1", { memoryMiB: 900 });
    await world.until(() => world.running().length === 1, "it runs again");
  });

  it("does not count what waits for its slot's old task beside that one", async () => {
    world.putNode(node("n1", { memoryMiB: 1000 }));
    const [old] = await deploy(world, 1, { memoryMiB: 800 });
    world.behave = (_, { container }) => (container!.image === "slow" ? { pullMs: 1_000_000 } : {});
    world.putService(service("web", { task: spec({ memoryMiB: 800, image: "slow" }) }));
    await world.until(
      () => world.wanted().some(({ desired, nodeId }) => desired === "READY" && nodeId === "n1"),
      "waits",
    );
    redescribe("n1", { memoryMiB: 900 });
    await world.run(500);
    expect(world.running().map(({ id, unfit }) => [id, unfit])).to.deep.equal([[old!.id, ""]]);
    // Where the old one does not fit any more it goes, whatever waits.
    redescribe("n1", { memoryMiB: 700 });
    await world.until(() => world.running().length === 0, "it went");
  });

  it("looks at what waited once it starts", async () => {
    world.putNode(node("n1", { memoryMiB: 1000 }));
    await deploy(world, 1, { memoryMiB: 400 });
    world.behave = (_, { container }) => (container!.image === "large" ? { pullMs: 2000 } : {});
    world.putService(service("web", { task: spec({ memoryMiB: 900, image: "large" }) }));
    await world.until(
      () => world.wanted().some(({ desired, nodeId }) => desired === "READY" && nodeId === "n1"),
      "waits",
    );
    redescribe("n1", { memoryMiB: 700 });
    await world.until(() => world.tasks().some(({ unfit }) => unfit !== ""), "the large one is moved");
    expect(world.tasks().find(({ unfit }) => unfit !== "")!.revision).to.equal(2);
  });

  it("says why a moved task is where it is", async () => {
    world.putNode(node("n1", { memoryMiB: 1000 }));
    await deploy(world, 1, { memoryMiB: 800 });
    redescribe("n1", { memoryMiB: 600 });
    await world.until(() => byNode(world.running())["n1"] === undefined, "it stopped");
    await world.run(200);
    const old = world.tasks().find(({ unfit }) => unfit !== "")!;
    expect(explain(world.tx, old.id).reasons.map(({ message }) => message)).to.include(
      "orchestrator: node n1 has only 600MiB of memory for tasks that reserve 800MiB",
    );
  });
});
