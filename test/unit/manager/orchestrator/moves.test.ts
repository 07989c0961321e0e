import { expect } from "chai";
import { explain } from "../../../../src/manager/scheduler/explain.ts";
import type { Task } from "../../../../src/model/index.ts";
import { MOVES_TO_NODE_MAX, NODE_SETTLED_AFTER_MS } from "../../../../src/model/rebalance.ts";
import { codec } from "../../../../src/proto/load.ts";
import { node, service, spec } from "../../../support/loops/objects.ts";
import { byNode, counts } from "../../../support/loops/places.ts";
import { World } from "../../../support/loops/world.ts";

describe("manager/orchestrator: a service that is rebalanced", () => {
  let world: World;
  beforeEach(() => {
    world = new World();
    world.addNodes("n1", "n2");
  });
  afterEach(async () => {
    await world.stopLoops();
    expect(world.errors).to.deep.equal([]);
  });

  const join = (id: string): void => world.putNode(node(id, { sinceMs: world.env.wallNow() }));
  async function deployed(replicas: number, part: Parameters<typeof service>[1] = {}, name = "web"): Promise<void> {
    world.putService(service(name, { replicas, rebalance: true, ...part }));
    await world.until(() => world.running(name).length === replicas, "all run");
  }
  const ids = (tasks: readonly Task[]): string[] => tasks.map(({ id }) => id).toSorted();
  /** The least number of tasks that ran, and the most that made way at once, looked at every 50 ms. */
  async function watch(ms: number): Promise<{ least: number; most: number }> {
    let [least, most] = [Infinity, 0];
    for (let at = 0; at < ms; at += 50) {
      await world.run(50);
      least = Math.min(least, world.running().length);
      most = Math.max(most, world.wanted().filter(({ move }) => move !== null).length);
    }
    return { least, most };
  }

  it("gives a node that joined its share once it was ready for a minute, a task at a time, and none is missing", async () => {
    await deployed(6);
    const before = ids(world.running());
    join("n3");
    await world.run(NODE_SETTLED_AFTER_MS - 1000);
    expect(ids(world.running()), "it may go again").to.deep.equal(before);
    expect(await watch(30_000)).to.deep.equal({ least: 6, most: 1 });
    expect(byNode(world.wanted())).to.deep.equal({ n1: 2, n2: 2, n3: 2 });
    expect(
      ids(world.running()).filter((id) => before.includes(id)),
      "only two moved",
    ).to.have.length(4);
    await world.run(600_000);
    expect(world.tasks(), "and nothing moves any more").to.have.length(8);
  });

  it("leaves a service alone that did not ask for it", async () => {
    await deployed(6, { rebalance: false });
    const before = ids(world.tasks());
    join("n3");
    await world.run(NODE_SETTLED_AFTER_MS * 3);
    expect(ids(world.tasks())).to.deep.equal(before);
  });

  it("draws no task to a node that comes and goes", async () => {
    await deployed(6);
    const before = ids(world.tasks());
    join("n3");
    for (let round = 0; round < 5; round += 1) {
      await world.run(NODE_SETTLED_AFTER_MS - 5000);
      world.changeNode("n3", { state: "UNREACHABLE" });
      await world.run(1000);
      world.changeNode("n3", { state: "READY" });
    }
    expect(ids(world.tasks())).to.deep.equal(before);
  });

  it("stops the old task only when the new one has been ready for the monitor period", async () => {
    await deployed(4, { update: { monitorMs: 20_000 } });
    world.behave = () => ({ unreadyMs: 10_000 });
    join("n3");
    const moving = (): Task | undefined => world.tasks().find(({ move }) => move !== null);
    await world.until(() => moving() !== undefined, "one is to move", NODE_SETTLED_AFTER_MS + 1000);
    const { id } = moving()!;
    await world.run(29_000);
    expect(world.tx.get("task", id)!.desired).to.equal("RUNNING");
    await world.run(3000);
    expect(world.tx.get("task", id)!.desired).to.equal("SHUTDOWN");
    expect(world.tx.get("task", id)!.cause!.reason).to.match(/^rebalanced: /);
  });

  it("keeps the old task where the new one fails, says so, and tries that node again only after a while", async () => {
    await deployed(4);
    const before = ids(world.running());
    world.behave = ({ nodeId }) => (nodeId === "n3" ? { rejects: "no such image" } : {});
    join("n3");
    const { least } = await watch(NODE_SETTLED_AFTER_MS + 120_000);
    expect(least).to.equal(4);
    expect(ids(world.running())).to.deep.equal(before);
    const tried = world.tasks().filter(({ nodeId }) => nodeId === "n3");
    expect(tried).to.have.length(1);
    expect(world.tx.get("task", tried[0]!.replaces)).to.deep.include({
      move: null,
      cause: { actor: "orchestrator", reason: "not moved: what was to take its place ended" },
    });
    world.behave = () => ({});
    await world.run(400_000);
    expect(counts(world.wanted())).to.deep.equal([2, 1, 1]);
  });

  it("remembers that it failed where hardly anything of a slot's past is kept", async () => {
    const cluster = codec("Cluster");
    const object = cluster.decode(cluster.encode({ id: "c", spec: { name: "default", taskHistoryLimit: 0 } }));
    void world.store.update((tx) => tx.put("cluster", object));
    await deployed(4);
    world.behave = ({ nodeId }) => (nodeId === "n3" ? { rejects: "no such image" } : {});
    join("n3");
    const tried = new Set<string>();
    await world.run(NODE_SETTLED_AFTER_MS);
    for (let at = 0; at < 120_000; at += 50) {
      await world.run(50);
      for (const task of world.tasks()) if (task.nodeId === "n3") tried.add(task.id);
    }
    expect(tried.size).to.equal(1);
    await world.run(400_000);
    expect(world.tasks(), "and forgets it in the end").to.have.length(5);
  });

  it("charges no restart for a move that failed", async () => {
    await deployed(4, { task: spec({ restart: { condition: "ANY", maxAttempts: 1 } }) });
    world.behave = ({ nodeId }) => (nodeId === "n3" ? { rejects: "no such image" } : {});
    join("n3");
    await world.run(NODE_SETTLED_AFTER_MS + 10_000);
    const [failed] = world.tasks().filter(({ nodeId }) => nodeId === "n3");
    world.behave = () => ({});
    world.fail(failed!.replaces);
    await world.until(() => world.running().length === 4, "its one restart is left");
  });

  it("gives up a move that is not done in time, and one whose node goes", async () => {
    await deployed(4, { update: { progressDeadlineMs: 60_000 } });
    world.behave = ({ nodeId }) => (nodeId === "n3" ? { hangs: true } : {});
    join("n3");
    await world.run(NODE_SETTLED_AFTER_MS + 10_000);
    const hung = (): readonly Task[] => world.wanted().filter(({ nodeId }) => nodeId === "n3");
    expect(hung()).to.have.length(1);
    const [first] = hung();
    await world.run(55_000);
    expect(world.tx.get("task", first!.id)!.desired).to.equal("SHUTDOWN");
    await world.run(240_000);
    expect(hung(), "not at once again").to.have.length(0);
    await world.until(() => hung().length === 1, "it is tried again");
    world.loseNode("n3");
    await world.run(1000);
    expect([world.running().length, world.wanted().some(({ move }) => move !== null)]).to.deep.equal([4, false]);
  });

  it("moves nothing while a rollout is under way, and gives up what is on its way when one begins", async () => {
    await deployed(6);
    world.behave = () => ({ startMs: 5000 });
    join("n3");
    await world.until(() => world.wanted().some(({ move }) => move !== null), "one moves", 90_000);
    await world.run(100);
    world.putService(
      service("web", { replicas: 6, rebalance: true, task: spec({ image: "web:2" }), order: "START_FIRST" }),
    );
    await world.run(1000);
    expect(world.wanted().some(({ move }) => move !== null)).to.equal(false);
    const during = await watch(60_000);
    expect(during).to.deep.equal({ least: 6, most: 0 });
    await world.until(() => world.rollout().state === "COMPLETED", "rolled out", 300_000);
    await world.run(120_000);
    expect(counts(world.wanted())).to.deep.equal([2, 2, 2]);
  });

  it("lets a few tasks on their way to one node at once, whichever services they are of", async () => {
    const names = ["a", "b", "c", "d", "e", "f", "g"];
    for (const name of names) world.putService(service(name, { replicas: 4, rebalance: true }));
    await world.until(() => names.every((name) => world.running(name).length === 4), "all run");
    world.behave = () => ({ startMs: 2000 });
    join("n3");
    let most = 0;
    for (let at = 0; at < NODE_SETTLED_AFTER_MS + 60_000; at += 100) {
      await world.run(100);
      const moving = names.flatMap((name) => world.wanted(name)).filter(({ move }) => move !== null);
      most = Math.max(most, moving.length);
    }
    expect(most).to.equal(MOVES_TO_NODE_MAX);
    for (const name of names) expect(counts(world.wanted(name)), name).to.deep.equal([2, 1, 1]);
  });

  it("does it once, and at once, where somebody asked, and remembers that under another leader", async () => {
    await deployed(6, { rebalance: false });
    join("n3");
    void world.store.update((tx) => {
      tx.put("service", { ...tx.get("service", "web")!, rebalanceUntilMs: tx.timeMs + 3_600_000 });
    });
    await world.until(() => world.wanted().some(({ move }) => move !== null), "one moves", 1000);
    await world.changeLeader();
    await world.until(() => world.tx.get("service", "web")!.rebalanceUntilMs === 0, "it is over");
    expect(counts(world.wanted())).to.deep.equal([2, 2, 2]);
    join("n4");
    await world.run(NODE_SETTLED_AFTER_MS * 2);
    expect(byNode(world.wanted())).to.not.have.property("n4");
  });

  it("ends what somebody asked for after its time, though a task of it never serves", async () => {
    await deployed(6, { rebalance: false });
    world.behave = () => ({ hangs: true });
    world.fail(world.running()[0]!.id);
    void world.store.update((tx) => {
      tx.put("service", { ...tx.get("service", "web")!, rebalanceUntilMs: tx.timeMs + 60_000 });
    });
    await world.run(61_000);
    expect(world.tx.get("service", "web")!.rebalanceUntilMs).to.equal(0);
  });

  it("says why: what is awaited, who makes way for whom, and how a task came where it is", async () => {
    await deployed(4);
    world.behave = () => ({ startMs: 5000 });
    join("n3");
    await world.run(1000);
    const said = (id: string): string[] =>
      explain(world.tx, id)
        .reasons.filter(({ code }) => code === "rebalance")
        .map(({ message }) => message);
    expect(said("web")).to.deep.equal([
      "it is rebalanced, and the next move waits: node n3 draws tasks once it was ready for 1m",
    ]);
    await world.until(() => world.wanted().some(({ nodeId }) => nodeId === "n3"), "one starts there");
    const next = world.wanted().find(({ nodeId }) => nodeId === "n3")!;
    const old = world.tx.get("task", next.replaces)!;
    expect(said(old.id)).to.deep.equal([
      `it makes way for task ${next.id} on node n3, and goes on until that one is proven`,
    ]);
    expect(said("web")).to.deep.equal([
      `it is rebalanced, and the next move waits: task web.${old.slot} is being moved`,
    ]);
    await world.run(20_000);
    expect(said(next.id)).to.deep.equal([`rebalanced: it took the place of task ${old.id} on node ${old.nodeId}`]);
    expect(said("web")).to.deep.equal([]);
  });
});
