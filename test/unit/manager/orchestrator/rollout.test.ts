import { expect } from "chai";
import { planOf } from "../../../../src/manager/orchestrator/plan.ts";
import type { Task } from "../../../../src/model/index.ts";
import { isWanted } from "../../../../src/model/task-state.ts";
import { GLOBAL, node } from "../../../support/loops/objects.ts";
import { RolloutRig } from "../../../support/loops/rollout-rig.ts";

const START_FIRST = "START_FIRST" as const;

describe("manager/orchestrator: rollouts", () => {
  let rig: RolloutRig;
  afterEach(async () => {
    await rig.stop();
  });

  it("stop-first with parallelism 1: never more than one slot is down", async () => {
    rig = new RolloutRig({ replicas: 4 });
    await rig.deploy();
    rig.put({ image: "web:2" });
    await rig.reaches("COMPLETED");
    rig.expectAll("web:2");
    expect([rig.fewest, rig.most, rig.inMotion]).to.deep.equal([3, 4, 1]);
  });

  it("stop-first: the old task runs until the new one's image is pulled, and stops before the new one starts", async () => {
    rig = new RolloutRig({ replicas: 2 });
    await rig.deploy();
    const { world } = rig;
    world.behave = () => ({ pullMs: 30_000 });
    rig.put({ image: "web:2" });
    await world.run(29_000);
    expect(rig.fewest).to.equal(2);
    const [next] = world.wanted().filter((task) => task.revision === 2);
    expect([next?.desired, next?.status?.state]).to.deep.equal(["READY", "PREPARING"]);
    await world.until(() => world.running().some((task) => task.revision === 2), "the first slot is replaced");
    await rig.reaches("COMPLETED");
    expect([rig.fewest, rig.most]).to.deep.equal([1, 2]);
  });

  it("replaces at most as many slots at once as the parallelism says", async () => {
    rig = new RolloutRig({ replicas: 6, parallelism: 2 });
    await rig.deploy();
    rig.put({ image: "web:2" });
    await rig.reaches("COMPLETED");
    rig.expectAll("web:2");
    expect([rig.fewest, rig.inMotion]).to.deep.equal([4, 2]);
  });

  it("replaces all slots at once with parallelism 0", async () => {
    rig = new RolloutRig({ replicas: 5, parallelism: 0 });
    await rig.deploy();
    rig.put({ image: "web:2" });
    await rig.reaches("COMPLETED");
    rig.expectAll("web:2");
    expect([rig.fewest, rig.inMotion]).to.deep.equal([0, 5]);
  });

  it("start-first: the old task stops only once the new one is ready", async () => {
    rig = new RolloutRig({ replicas: 3, order: START_FIRST });
    await rig.deploy();
    rig.world.behave = () => ({ unreadyMs: 2000 });
    rig.put({ image: "web:2" });
    await rig.world.run(1500);
    expect(rig.world.tasks().filter(isWanted)).to.have.length(4);
    await rig.reaches("COMPLETED");
    rig.expectAll("web:2");
    expect([rig.fewest, rig.most, rig.inMotion]).to.deep.equal([3, 4, 1]);
  });

  it("proves the new revision on the first slots before others get it, keeping their old tasks under start-first", async () => {
    rig = new RolloutRig({ replicas: 6, parallelism: 2, order: START_FIRST, update: { monitorMs: 10_000 } });
    const before = await rig.deploy();
    const { world } = rig;
    rig.put({ image: "web:2" });
    await world.run(9900);
    expect(rig.images().filter((image) => image === "web:2")).to.have.length(2);
    expect(world.running()).to.deep.include.members([...before]);
    await world.until(() => rig.images().filter((image) => image === "web:2").length === 6, "all follow", 1000);
    await rig.reaches("COMPLETED");
    rig.expectAll("web:2");
  });

  it("waits the delay after each slot", async () => {
    rig = new RolloutRig({ replicas: 3, update: { delayMs: 1000 } });
    await rig.deploy();
    rig.put({ image: "web:2" });
    await rig.reaches("COMPLETED");
    const readyAt = rig.world.running().map(({ readyAtMs }) => readyAtMs);
    readyAt.sort((a, b) => a - b);
    for (const [at, atMs] of readyAt.slice(1).entries()) expect(atMs - readyAt[at]!).to.be.at.least(1000);
  });

  it("counts how far it is, says from where to where, and is over a monitor period after the last slot", async () => {
    rig = new RolloutRig({ replicas: 3 });
    await rig.deploy();
    rig.put({ image: "web:2" });
    const { world } = rig;
    await world.until(() => rig.rollout.updated === 2, "two are updated");
    expect(rig.rollout).to.include({ state: "UPDATING", from: 1, to: 2, total: 3, finishedAtMs: 0 });
    await world.until(() => rig.rollout.updated === 3, "three are updated");
    const lastMs = Math.max(...world.running().map(({ readyAtMs }) => readyAtMs));
    await rig.reaches("COMPLETED");
    expect(rig.rollout).to.include({ total: 3, updated: 3, message: "", deadlineMs: 0 });
    expect(rig.rollout.finishedAtMs).to.be.within(lastMs + 5000, lastMs + 5010);
    expect(planOf(world.tx, "web")).to.deep.equal({ steps: [], wakeAtMs: null });
    expect(world.tx.get("revision", "web/2")).to.include({ outcome: "COMPLETED" });
  });

  it("goes on in the middle under a new leader, its delays and monitor periods included", async () => {
    rig = new RolloutRig({ replicas: 5, update: { delayMs: 1000 } });
    await rig.deploy();
    const { world } = rig;
    rig.put({ image: "web:2" });
    const startedAtMs = world.tx.timeMs;
    while (rig.rollout.state === "UPDATING") {
      await world.changeLeader();
      await world.run(170);
    }
    rig.expectAll("web:2");
    expect(rig.states).to.deep.equal(["UPDATING", "COMPLETED"]);
    expect([rig.fewest, rig.inMotion]).to.deep.equal([4, 1]);
    // The first slot is proven for 5 s, then come three delays and the last monitor period, and some ms for each slot.
    expect(rig.rollout.finishedAtMs - startedAtMs).to.be.within(13_000, 13_700);
  });

  it("starts the new task after a minute even if the old one's agent does not report its end", async () => {
    rig = new RolloutRig();
    await rig.deploy();
    rig.world.behave = () => ({ stopMs: 10_000_000 });
    rig.put({ image: "web:2" });
    await rig.world.run(59_000);
    expect(rig.world.running()).to.have.length(0);
    await rig.world.until(() => rig.world.running().length === 1, "the new one runs", 2000);
  });

  it("gives an old task its whole grace before it starts the new one", async () => {
    rig = new RolloutRig();
    const task = { image: "web:1", stopGraceMs: 300_000 };
    await rig.deploy(task);
    rig.world.behave = () => ({ stopMs: 290_000 });
    rig.put({ ...task, image: "web:2" });
    await rig.world.run(289_000);
    expect(rig.world.running()).to.have.length(0);
    await rig.world.until(() => rig.world.running().length === 1, "the new one runs", 2000);
  });

  it("does not wait for the end of an old task whose node is down", async () => {
    rig = new RolloutRig();
    const [old] = await rig.deploy();
    const { world } = rig;
    world.behave = (task) => (task.id === old!.id ? { stopMs: 10_000_000 } : {});
    rig.put({ image: "web:2" });
    await world.run(1000);
    world.changeNode(old!.nodeId, { state: "DOWN" });
    await world.until(() => rig.images().includes("web:2"), "the new one runs", 1000);
  });

  it("replaces nothing for a changed pull policy or a placement that still holds", async () => {
    rig = new RolloutRig({ replicas: 2 });
    const before = await rig.deploy();
    rig.put({ constraints: ["node.role == worker"], pullPolicy: "ALWAYS" });
    await rig.reaches("COMPLETED");
    expect(rig.world.running()).to.have.deep.members([...before]);
    expect(rig.rollout.total).to.equal(0);
  });

  it("replaces every task when only force_update changes", async () => {
    rig = new RolloutRig({ replicas: 2 });
    const before = await rig.deploy();
    rig.put({ forceUpdate: 1 });
    await rig.reaches("COMPLETED");
    const ids = rig.world.running().map((task) => task.id);
    expect(ids).to.have.length(2);
    expect(ids).not.to.include.members(before.map((task) => task.id));
  });

  it("converges to the newest spec when an update overtakes another, and may still go back to the first", async () => {
    rig = new RolloutRig({ replicas: 4 });
    await rig.deploy();
    const { world } = rig;
    rig.put({ image: "web:2" });
    await world.until(() => world.running().some((task) => task.revision === 2), "the first slot is replaced");
    rig.put({ image: "web:3" });
    expect(rig.rollout).to.include({ from: 1, to: 3 });
    await rig.reaches("COMPLETED");
    rig.expectAll("web:3");
    expect([rig.fewest, rig.inMotion]).to.deep.equal([3, 1]);
    expect(world.tx.get("revision", "web/2")).to.include({
      outcome: "SUPERSEDED",
      outcomeMessage: "revision 3 came before it was complete",
    });
  });

  it("drops what still waited for its turn when another update came", async () => {
    rig = new RolloutRig({ replicas: 2, order: "STOP_FIRST" });
    const { world } = rig;
    world.behave = (_, { container }) => ({ startMs: container?.image === "web:1" ? 5000 : 10 });
    world.putNode(node("n1", { memoryMiB: 100 }));
    world.putNode(node("n2", { memoryMiB: 100 }));
    world.putNode(node("n3", { runtimes: ["process"] }));
    rig.put({ image: "web:1", memoryMiB: 60 });
    const isPlaced = ({ nodeId }: Task): boolean => nodeId !== "";
    await world.until(() => world.wanted().filter(isPlaced).length === 2, "both are placed, none runs yet");
    rig.put({ image: "web:2", memoryMiB: 60 });
    await world.until(() => world.tasks().some((task) => task.revision === 2 && task.nodeId !== ""), "one waits");
    rig.put({ image: "web:3", memoryMiB: 60 });
    await world.until(() => world.tasks().some((task) => task.revision === 3), "the next update begins");
    expect(world.wanted().filter((task) => task.revision === 2)).to.deep.equal([]);
    await rig.reaches("COMPLETED");
    rig.expectAll("web:3");
  });

  it("start-first: holds what serves and one attempt a slot, however many updates come that never become ready", async () => {
    rig = new RolloutRig({ replicas: 2, order: "START_FIRST" });
    const { world } = rig;
    await rig.deploy();
    world.behave = () => ({ unreadyMs: 3_600_000 });
    for (const image of ["web:2", "web:3", "web:4"]) {
      rig.put({ image });
      await world.run(3000);
      const slots = [1, 2].map((slot) =>
        world
          .slot(slot)
          .filter(isWanted)
          .map((task) => rig.imageOf(task)),
      );
      expect(slots, image).to.have.deep.members([["web:1", image], ["web:1"]]);
    }
  });

  it("keeps tasks whose revision differs only in number: an update back replaces only what was replaced", async () => {
    rig = new RolloutRig({ replicas: 3 });
    const before = await rig.deploy();
    const { world } = rig;
    rig.put({ image: "web:2" });
    await world.until(() => world.running().filter((task) => task.revision === 2).length === 1, "one is replaced");
    const untouched = world.running().filter((task) => before.some(({ id }) => id === task.id));
    rig.put({ image: "web:1" });
    await rig.reaches("COMPLETED");
    rig.expectAll("web:1");
    expect(world.running()).to.deep.include.members(untouched);
  });

  it("replaces tasks that wait for a node without spending the parallelism on them", async () => {
    rig = new RolloutRig({ replicas: 3 });
    const { world } = rig;
    rig.put({ constraints: ["node.labels.x == y"] });
    await world.run(100);
    expect(world.wanted().every((task) => task.nodeId === "")).to.equal(true);
    rig.put({});
    await world.until(() => world.running().length === 3, "all run", 200);
  });

  it("stops no more at once than it may, though a blip of their node put all slots in motion", async () => {
    rig = new RolloutRig({ replicas: 3, order: "STOP_FIRST" }, { nodes: 1 });
    const { world } = rig;
    await rig.deploy();
    world.loseNode("n1");
    await world.until(() => world.tasks().some(({ replaces }) => replaces !== ""), "stand-ins wait for a node");
    rig.put({ image: "web:2" });
    await world.run(2000);
    expect(world.wanted().filter((task) => task.revision === 2)).to.have.length(3);
    world.returnNode("n1");
    await world.until(() => world.running().length === 3, "all run again");
    rig.reset();
    const isNew = (): boolean => world.running().every(({ revision }) => revision === 2);
    await world.until(() => world.running().length === 3 && isNew(), "all are replaced");
    expect(rig.fewest).to.equal(2);
  });

  it("reaches all that can run although there are more replicas than places", async () => {
    rig = new RolloutRig({ replicas: 4 });
    const { world } = rig;
    rig.put({ ports: [{ published: 8080 }] });
    await world.until(() => world.running().length === 3, "three hold the port");
    await world.run(100);
    rig.reset();
    rig.put({ ports: [{ published: 8080 }], forceUpdate: 1 });
    await rig.reaches("COMPLETED");
    expect(world.running().map((task) => task.revision)).to.deep.equal([2, 2, 2]);
    expect(rig.fewest).to.equal(2);
    expect(rig.rollout.message).to.include("1 task waits for a node");
  });

  it("is not held up by a slot that had lost its place before it began", async () => {
    rig = new RolloutRig({ replicas: 3 });
    const { world } = rig;
    await rig.deploy({ ports: [{ published: 8080 }] });
    world.changeNode("n3", { availability: "DRAIN" });
    await world.until(() => world.wanted().some(({ nodeId }) => nodeId === ""), "one waits for a node");
    await world.run(1000);
    rig.put({ image: "web:2", ports: [{ published: 8080 }] });
    await rig.reaches("COMPLETED");
    expect(rig.images()).to.deep.equal(["web:2", "web:2"]);
    expect(rig.rollout.message).to.include("1 task waits for a node");
  });

  it("scales while it rolls out", async () => {
    rig = new RolloutRig({ replicas: 3 });
    await rig.deploy();
    const { world } = rig;
    rig.put({ image: "web:2" });
    await world.run(30);
    rig.put({ image: "web:2" }, { replicas: 6 });
    await rig.reaches("COMPLETED");
    expect(rig.images()).to.deep.equal(Array.from({ length: 6 }, () => "web:2"));
    rig.put({ image: "web:3" }, { replicas: 2 });
    await rig.reaches("COMPLETED");
    expect(rig.images()).to.deep.equal(["web:3", "web:3"]);
  });

  it("keeps a slot at its old revision until its turn, though its task fails meanwhile", async () => {
    rig = new RolloutRig({ replicas: 3 });
    await rig.deploy();
    const { world } = rig;
    world.behave = (_, { container }) => (container!.image === "web:2" ? { pullMs: 60_000 } : {});
    rig.put({ image: "web:2" });
    await world.run(1000);
    const [victim] = world.running().filter(({ slot }) => world.slot(slot).length === 1);
    world.fail(victim!.id);
    await world.until(() => world.running().length === 3, "it runs again");
    expect(rig.images()).to.deep.equal(["web:1", "web:1", "web:1"]);
    expect(rig.inMotion).to.equal(1);
  });

  it("takes broken slots first", async () => {
    rig = new RolloutRig({ replicas: 3 });
    await rig.deploy();
    const { world } = rig;
    world.behave = (task) => (task.slot === 3 && task.revision === 1 ? { exits: { afterMs: 10, code: 1 } } : {});
    world.fail(world.slot(3)[0]!.id);
    await world.run(5000);
    rig.put({ image: "web:2" });
    await world.until(() => rig.images().includes("web:2"), "one is replaced");
    expect(world.running().find((task) => task.revision === 2)?.slot).to.equal(3);
  });

  it("updates a global service node by node", async () => {
    rig = new RolloutRig({ replicas: 3, mode: GLOBAL });
    await rig.deploy();
    rig.put({ image: "web:2" });
    await rig.reaches("COMPLETED");
    rig.expectAll("web:2");
    expect([rig.fewest, rig.inMotion]).to.deep.equal([2, 1]);
    expect(new Set(rig.world.running().map(({ nodeId }) => nodeId)).size).to.equal(3);
  });

  it("stops an out-of-date original when its silent node answers again", async () => {
    rig = new RolloutRig();
    const [original] = await rig.deploy();
    const { world } = rig;
    world.loseNode(original!.nodeId);
    await world.until(() => world.running().length === 2, "a stand-in runs");
    rig.put({ image: "web:2" });
    await world.until(() => rig.images().includes("web:2"), "the new image runs");
    world.returnNode(original!.nodeId);
    await world.run(15_000);
    rig.expectAll("web:2");
  });

  describe("start-first where two tasks of a slot cannot run side by side", () => {
    const part = { replicas: 3, order: START_FIRST };

    it("works with at most one replica per node and as many replicas as nodes", async () => {
      rig = new RolloutRig(part);
      await rig.deploy({ maxPerNode: 1 });
      rig.put({ image: "web:2", maxPerNode: 1 });
      await rig.reaches("COMPLETED");
      rig.expectAll("web:2");
      expect(rig.fewest).to.equal(3);
      expect(rig.rollout.message).to.equal("");
    });

    for (const [what, task, message] of [
      ["a port of the node", { ports: [{ published: 8080 }] }, "stops first: it publishes port 8080/tcp of its node"],
      ["a volume of the node", { volume: "data" }, "stops first: it writes to the local volume data"],
    ] as const) {
      it(`stops first for ${what}, and says so`, async () => {
        rig = new RolloutRig(part);
        await rig.deploy({ ...task, ports: "ports" in task ? [...task.ports] : [] });
        rig.put({ ...task, ports: "ports" in task ? [...task.ports] : [], image: "web:2" });
        await rig.world.run(100);
        expect(rig.rollout.message).to.equal(message);
        await rig.reaches("COMPLETED");
        rig.expectAll("web:2");
        expect([rig.fewest, rig.most]).to.deep.equal([2, 3]);
        expect(rig.rollout.message).to.equal(message);
      });
    }

    it("stops first where no node has room for both, prepares the new task in the old one's place, and says so", async () => {
      rig = new RolloutRig(part);
      await rig.deploy({ memoryMiB: 5000 });
      const { world } = rig;
      world.behave = () => ({ pullMs: 10_000 });
      rig.put({ image: "web:2", memoryMiB: 5000 });
      await world.run(9000);
      expect(rig.fewest).to.equal(3);
      expect(rig.rollout.message).to.equal("stops first where no node has room for two tasks of a slot");
      await rig.reaches("COMPLETED");
      rig.expectAll("web:2");
      expect([rig.fewest, rig.most, rig.inMotion]).to.deep.equal([2, 3, 1]);
    });

    it("starts first again where there is room", async () => {
      rig = new RolloutRig(part, { nodes: 4 });
      await rig.deploy({ memoryMiB: 5000 });
      rig.put({ image: "web:2", memoryMiB: 5000 });
      await rig.reaches("COMPLETED");
      rig.expectAll("web:2");
      expect(rig.fewest).to.equal(3);
      expect(rig.rollout.message).to.equal("");
    });
  });

  it("leaves tasks spread as they were", async () => {
    for (const order of ["STOP_FIRST", "START_FIRST"] as const) {
      rig = new RolloutRig({ replicas: 6, order });
      await rig.deploy();
      rig.put({ image: "web:2" });
      await rig.reaches("COMPLETED");
      const nodes = rig.world.running().map(({ nodeId }) => nodeId);
      expect(nodes.toSorted(), order).to.deep.equal(["n1", "n1", "n2", "n2", "n3", "n3"]);
      await rig.stop();
    }
  });

  it("does not run two tasks of a slot that waits for its predecessor on a node that has room for one", async () => {
    rig = new RolloutRig({ replicas: 2, parallelism: 2 }, { nodes: 0 });
    rig.world.putNode(node("n1", { memoryMiB: 200 }));
    await rig.deploy({ memoryMiB: 100 });
    rig.put({ image: "web:2", memoryMiB: 100 });
    await rig.reaches("COMPLETED");
    rig.expectAll("web:2");
    expect(rig.most).to.equal(2);
  });
});
