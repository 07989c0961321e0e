import { expect } from "chai";
import type { NodeSpec, NodeStatus, Task } from "../../../../src/model/index.ts";
import { ENGINE_LOST_AFTER_MS } from "../../../../src/model/node-loss.ts";
import { service, spec } from "../../../support/loops/objects.ts";
import { World } from "../../../support/loops/world.ts";

describe("manager/orchestrator: nodes that are drained, or lost their engine", () => {
  let world: World;
  beforeEach(() => {
    world = new World();
    world.addNodes("n1", "n2", "n3");
  });
  afterEach(async () => {
    await world.stopLoops();
  });

  const on = (id: string): readonly Task[] => world.running().filter(({ nodeId }) => nodeId === id);
  function change(id: string, part: { spec?: Partial<NodeSpec>; status?: Partial<NodeStatus> }): void {
    const node = world.tx.get("node", id)!;
    world.putNode({ ...node, spec: { ...node.spec!, ...part.spec }, status: { ...node.status!, ...part.status } });
  }
  function drain(id: string, part: Partial<NodeSpec> = {}): void {
    change(id, { spec: { availability: "DRAIN", ...part }, status: { drainSinceMs: world.env.wallNow() } });
  }
  const overdueMs = (id: string): number => world.tx.get("node", id)!.status!.drainOverdueMs;
  async function deployed(replicas: number, part: Parameters<typeof service>[1] = {}): Promise<void> {
    world.putService(service("web", { replicas, ...part }));
    await world.until(() => world.running().length === replicas, "all run");
  }
  /** The least number of tasks that ran, and the most that stood in at once, looked at every 20 ms. */
  async function watch(ms: number): Promise<{ least: number; most: number }> {
    let [least, most] = [Infinity, 0];
    for (let at = 0; at < ms; at += 20) {
      await world.run(20);
      least = Math.min(least, world.running().length);
      most = Math.max(
        most,
        world
          .tasks()
          .filter((task) => task.replaces !== "" && task.status!.state !== "RUNNING" && task.desired === "RUNNING")
          .length,
      );
    }
    return { least, most };
  }

  it("empties a node with never a task less than there should be, so many at once", async () => {
    await deployed(12);
    const before = on("n1").length;
    world.behave = () => ({ startMs: 500 });
    drain("n1", { drainParallelism: 2 });
    const { least, most } = await watch(5000);
    expect(before).to.equal(4);
    expect({ least, most, left: on("n1").length, all: world.running().length }).to.deep.equal({
      least: 12,
      most: 2,
      left: 0,
      all: 12,
    });
    expect(world.wanted()).to.have.length(12);
    await world.run(700_000);
    expect(overdueMs("n1"), "it was empty in time").to.equal(0);
  });

  it("counts the tasks of all services on the node", async () => {
    for (const id of ["web", "api"]) world.putService(service(id, { replicas: 6 }));
    await world.until(() => world.running("web").length + world.running("api").length === 12, "all run");
    world.behave = () => ({ startMs: 500 });
    drain("n1", { drainParallelism: 1 });
    let most = 0;
    for (let at = 0; at < 6000; at += 20) {
      await world.run(20);
      const moving = [...world.tasks("web"), ...world.tasks("api")].filter(
        (task) => task.replaces !== "" && task.status!.state !== "RUNNING" && task.desired === "RUNNING",
      );
      most = Math.max(most, moving.length);
    }
    expect(most).to.equal(1);
    expect([...world.running("web"), ...world.running("api")].filter(({ nodeId }) => nodeId === "n1")).to.deep.equal(
      [],
    );
  });

  it("keeps what nobody else takes until the deadline, holds nobody else up for it, and stops it then", async () => {
    await deployed(3, { task: spec({ maxPerNode: 1 }) });
    world.putService(service("api", { replicas: 3 }));
    await world.until(() => world.running("api").length === 3, "the other service runs");
    drain("n1", { drainDeadlineMs: 30_000, drainParallelism: 1 });
    await world.run(29_000);
    expect(on("n1")).to.have.length(1);
    expect(overdueMs("n1")).to.equal(0);
    expect(world.running("api").filter(({ nodeId }) => nodeId === "n1")).to.deep.equal([]);
    await world.run(2000);
    expect(on("n1")).to.have.length(0);
    expect(world.wanted()).to.have.length(3);
    expect(overdueMs("n1"), "it says when that was").to.be.above(0);
    change("n1", { spec: { availability: "ACTIVE" }, status: { drainSinceMs: 0 } });
    await world.until(() => world.running().length === 3, "it takes tasks again");
  });

  it("leaves tasks alone when the drain is taken back before they left", async () => {
    await deployed(3, { task: spec({ maxPerNode: 1 }) });
    const before = world.running().map(({ id }) => id);
    drain("n1");
    await world.run(10_000);
    change("n1", { spec: { availability: "ACTIVE" }, status: { drainSinceMs: 0 } });
    await world.run(10_000);
    expect(world.running().map(({ id }) => id)).to.have.members(before);
    expect(world.wanted()).to.have.length(3);
  });

  it("tries again by the restart policy when what should take over fails, and goes on serving meanwhile", async () => {
    await deployed(1, { task: spec({ restart: { delayMs: 1000 } }) });
    const first = world.running()[0]!;
    world.behave = (task) =>
      task.nodeId === first.nodeId ? {} : { exits: { afterMs: 0, code: 1 }, rejects: "no such image" };
    drain(first.nodeId);
    await world.run(10_000);
    expect(world.running().map(({ id }) => id)).to.deep.equal([first.id]);
    expect(world.tasks().length).to.be.within(3, 13);
    world.behave = () => ({});
    await world.until(() => world.running().length === 1 && world.running()[0]!.nodeId !== first.nodeId, "it moved");
  });

  it("leaves tasks alone for 5 min when their node's engine does not answer, then starts others, and keeps the originals if it is back", async () => {
    await deployed(6);
    const before = world.running().map(({ id }) => id);
    world.deadAgents.add("n1");
    change("n1", { status: { engineOk: false, engineMessage: "gone", engineSinceMs: world.env.wallNow() } });
    await world.run(ENGINE_LOST_AFTER_MS - 1000);
    expect(world.tasks().map(({ id }) => id)).to.have.members(before);
    await world.run(2000);
    expect(world.running()).to.have.length(8);
    expect(on("n1"), "they stay wanted").to.have.length(2);
    world.deadAgents.delete("n1");
    change("n1", { status: { engineOk: true, engineMessage: "", engineSinceMs: world.env.wallNow() } });
    await world.until(() => world.running().length === 6, "the surplus goes");
    expect(world.running().map(({ id }) => id)).to.have.members(before);
  });
});
