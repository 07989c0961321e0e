import { expect } from "chai";
import { service, spec } from "../../../support/loops/objects.ts";
import { World } from "../../../support/loops/world.ts";

const imageOf = (world: World, revision: number): string | undefined =>
  world.tx.get("revision", `web/${revision}`)?.spec?.container?.image;

describe("manager/orchestrator: rolling updates", () => {
  let world: World;
  /** The fewest tasks that ran, and the most, since the last reset. */
  let fewest = Infinity;
  let most = 0;

  beforeEach(() => {
    world = new World();
    world.addNodes("n1", "n2", "n3");
  });
  afterEach(async () => {
    await world.stopLoops();
  });

  async function deployed(replicas: number, part: Parameters<typeof service>[1] = {}): Promise<void> {
    world.putService(service("web", { replicas, ...part }));
    await world.until(() => world.running().length === replicas, `${replicas} tasks run`);
    fewest = Infinity;
    most = 0;
    // What runs, wanted or not: a task that is told to stop runs until its agent says otherwise.
    world.store.onSpeculative(() => {
      const running = world.tasks().filter((task) => task.status!.state === "RUNNING").length;
      fewest = Math.min(fewest, running);
      most = Math.max(most, running);
    });
  }

  const allRun = (image: string, replicas: number): boolean =>
    world.running().length === replicas &&
    world.running().every((task) => imageOf(world, task.revision) === image) &&
    world.wanted().length === replicas;

  it("stop-first with parallelism 1: never more than one slot is down, the old one stops before the new one starts", async () => {
    await deployed(4);
    world.putService(service("web", { replicas: 4, task: spec({ image: "web:2" }) }));
    await world.until(() => allRun("web:2", 4), "all run the new image");
    expect(fewest).to.equal(3);
    expect(most).to.equal(4);
  });

  it("replaces at most as many slots at once as the parallelism says", async () => {
    await deployed(6);
    world.putService(service("web", { replicas: 6, parallelism: 2, task: spec({ image: "web:2" }) }));
    await world.until(() => allRun("web:2", 6), "all run the new image");
    expect(fewest).to.equal(4);
  });

  it("start-first: the old task stops only once the new one runs", async () => {
    await deployed(3, { order: "START_FIRST" });
    world.putService(service("web", { replicas: 3, order: "START_FIRST", task: spec({ image: "web:2" }) }));
    await world.until(() => allRun("web:2", 3), "all run the new image");
    await world.run(100);
    expect(fewest).to.equal(3);
    expect(most).to.equal(4);
  });

  it("goes on in the middle of a rollout under a new leader", async () => {
    await deployed(5);
    world.putService(service("web", { replicas: 5, task: spec({ image: "web:2" }) }));
    await world.until(() => world.running().filter((task) => task.revision === 2).length === 2, "two are replaced");
    await world.changeLeader();
    await world.until(() => allRun("web:2", 5), "all run the new image");
    expect(fewest).to.equal(4);
  });

  for (const order of ["STOP_FIRST", "START_FIRST"] as const) {
    it(`${order}: stops after the first slot when the new image cannot run, and recovers with a good one`, async () => {
      await deployed(4, { order });
      world.behave = (_, { container }) => (container!.image === "web:2" ? { rejects: "no such image" } : {});
      const restart = { delayMs: 1000 };
      world.putService(service("web", { replicas: 4, order, task: spec({ image: "web:2", restart }) }));
      await world.run(30_000);
      const still = order === "STOP_FIRST" ? 3 : 4;
      expect(world.running().filter((task) => imageOf(world, task.revision) === "web:1")).to.have.length(still);
      const attempts = world.tasks().filter((task) => imageOf(world, task.revision) === "web:2");
      expect(new Set(attempts.map((task) => task.slot)).size).to.equal(1);
      expect(attempts.length).to.be.at.most(5);
      world.putService(service("web", { replicas: 4, order, task: spec({ image: "web:3" }) }));
      await world.until(() => allRun("web:3", 4), "all run the good image");
      expect(fewest).to.be.at.least(still - (order === "STOP_FIRST" ? 1 : 0));
    });
  }

  it("makes no more attempts than a delay allows when a start-first task keeps failing beside the old one", async () => {
    await deployed(1, { order: "START_FIRST" });
    let created = 0;
    world.store.onCommit((set) => {
      created += set.changes.filter((change) => change.table === "task" && change.before === undefined).length;
    });
    world.behave = (_, { container }) => (container!.image === "web:2" ? { rejects: "no such image" } : {});
    const task = spec({ image: "web:2", restart: { delayMs: 5000, maxAttempts: 3 } });
    world.putService(service("web", { replicas: 1, order: "START_FIRST", task }));
    await world.run(120_000);
    expect(created).to.equal(4);
    expect(world.running().map((view) => view.revision)).to.deep.equal([1]);
  });

  it("starts the new task after a minute even if the old one's agent does not report its end", async () => {
    await deployed(1);
    world.behave = () => ({ stopMs: 10_000_000 });
    world.putService(service("web", { task: spec({ image: "web:2" }) }));
    await world.run(59_000);
    expect(world.running()).to.have.length(0);
    await world.until(() => allRun("web:2", 1), "the new one runs", 2000);
  });

  it("does not wait for the end of an old task whose node is down", async () => {
    await deployed(1);
    const { nodeId } = world.running()[0]!;
    world.deadAgents.add(nodeId);
    world.putService(service("web", { task: spec({ image: "web:2" }) }));
    await world.run(1000);
    expect(world.running()).to.have.length(0);
    world.changeNode(nodeId, { state: "DOWN" });
    await world.until(() => allRun("web:2", 1), "the new one runs", 1000);
  });

  it("replaces nothing for a changed pull policy or a placement that still holds", async () => {
    await deployed(2);
    const before = world.running().map((task) => task.id);
    world.putService(
      service("web", { replicas: 2, task: spec({ constraints: ["node.role == worker"], pullPolicy: "ALWAYS" }) }),
    );
    await world.run(10_000);
    expect(world.running().map((task) => task.id)).to.deep.equal(before);
  });

  it("replaces every task when only force_update changes", async () => {
    await deployed(2);
    const before = world.running().map((task) => task.id);
    world.putService(service("web", { replicas: 2, task: spec({ forceUpdate: 1 }) }));
    await world.until(
      () => world.running().every((task) => task.revision === 2) && world.running().length === 2,
      "all new",
    );
    expect(world.running().some((task) => before.includes(task.id))).to.equal(false);
  });

  it("converges to the newest spec when an update overtakes another", async () => {
    await deployed(4);
    world.putService(service("web", { replicas: 4, task: spec({ image: "web:2" }) }));
    await world.until(() => world.running().some((task) => task.revision === 2), "the first slot is replaced");
    world.putService(service("web", { replicas: 4, task: spec({ image: "web:3" }) }));
    await world.until(() => allRun("web:3", 4), "all run the newest image");
    expect(fewest).to.be.at.least(3);
  });

  it("keeps tasks whose revision differs only in number: an update back replaces only what was replaced", async () => {
    await deployed(3);
    const before = world.running().map((task) => task.id);
    world.putService(service("web", { replicas: 3, task: spec({ image: "web:2" }) }));
    await world.until(() => world.running().filter((task) => task.revision === 2).length === 1, "one is replaced");
    world.putService(service("web", { replicas: 3 }));
    await world.until(() => allRun("web:1", 3), "all run the old image again");
    await world.run(1000);
    expect(world.running().filter((task) => before.includes(task.id)).length).to.be.at.least(1);
  });

  it("replaces tasks that wait for a node without spending the parallelism on them", async () => {
    world.putService(service("web", { replicas: 3, task: spec({ constraints: ["node.labels.x == y"] }) }));
    await world.run(100);
    expect(world.wanted().every((task) => task.nodeId === "")).to.equal(true);
    world.putService(service("web", { replicas: 3 }));
    await world.run(200);
    expect(world.running()).to.have.length(3);
  });

  it("reaches all that can run although there are more replicas than places", async () => {
    const task = spec({ ports: [{ published: 8080 }] });
    world.putService(service("web", { replicas: 4, task }));
    await world.until(() => world.running().length === 3, "three hold the port");
    await world.run(100);
    world.putService(service("web", { replicas: 4, task: { ...task, forceUpdate: 1 } }));
    await world.until(
      () => world.running().length === 3 && world.running().every((view) => view.revision === 2),
      "all that can run are replaced",
    );
  });

  it("stops first where a host port forbids two tasks of a slot on a node, whatever the order says", async () => {
    const part = { replicas: 3, order: "START_FIRST" as const };
    await deployed(3, { ...part, task: spec({ ports: [{ published: 8080 }] }) });
    world.putService(service("web", { ...part, task: spec({ image: "web:2", ports: [{ published: 8080 }] }) }));
    await world.until(() => allRun("web:2", 3), "all run the new image");
  });

  it("starts first with at most one replica per node and as many replicas as nodes", async () => {
    const part = { replicas: 3, order: "START_FIRST" as const };
    await deployed(3, { ...part, task: spec({ maxPerNode: 1 }) });
    world.putService(service("web", { ...part, task: spec({ image: "web:2", maxPerNode: 1 }) }));
    await world.until(() => allRun("web:2", 3), "all run the new image");
    expect(fewest).to.equal(3);
  });

  it("stops an out-of-date original when its silent node answers again", async () => {
    await deployed(1);
    const original = world.running()[0]!;
    world.loseNode(original.nodeId);
    await world.until(() => world.running().length === 2, "a stand-in runs");
    world.putService(service("web", { task: spec({ image: "web:2" }) }));
    await world.until(() => world.running().some((task) => task.revision === 2), "the new image runs");
    world.returnNode(original.nodeId);
    await world.until(() => allRun("web:2", 1), "only the new one runs", 15_000);
  });

  it("scales while it rolls out", async () => {
    await deployed(3);
    world.putService(service("web", { replicas: 3, task: spec({ image: "web:2" }) }));
    await world.run(30);
    world.putService(service("web", { replicas: 6, task: spec({ image: "web:2" }) }));
    await world.until(() => allRun("web:2", 6), "six run the new image");
    world.putService(service("web", { replicas: 2, task: spec({ image: "web:3" }) }));
    await world.until(() => allRun("web:3", 2), "two run the newest image");
  });
});
