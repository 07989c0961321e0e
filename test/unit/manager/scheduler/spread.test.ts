import { expect } from "chai";
import { node, service, spec } from "../../../support/loops/objects.ts";
import type { NodePart } from "../../../support/loops/objects.ts";
import { byNode, deploy, reasons } from "../../../support/loops/places.ts";
import { World } from "../../../support/loops/world.ts";

describe("manager/scheduler: spread preferences", () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });
  afterEach(async () => {
    await world.stopLoops();
  });

  const zone = { spread: ["node.labels.az"] };
  const racks = { spread: ["node.labels.az", "node.labels.rack"] };
  const put = (id: string, labels: Record<string, string>, part: NodePart = {}): void =>
    world.putNode(node(id, { ...part, labels }));

  it("67: gives a zone of one node as many tasks as a zone of four", async () => {
    put("a1", { az: "az1" });
    for (const id of ["b1", "b2", "b3", "b4"]) put(id, { az: "az2" });
    expect(byNode(await deploy(world, 8, zone))).to.deep.equal({ a1: 4, b1: 1, b2: 1, b3: 1, b4: 1 });
  });

  it("68: lets what a zone has no room for overflow, evenly over the racks of the other and within a rack", async () => {
    put("a1", { az: "az1", rack: "r1" }, { memoryMiB: 500 });
    put("b1", { az: "az2", rack: "r1" });
    put("b2", { az: "az2", rack: "r1" });
    put("b3", { az: "az2", rack: "r2" });
    const placed = byNode(await deploy(world, 12, { ...racks, memoryMiB: 100 }));
    expect(placed["a1"]).to.equal(5);
    const inRack = [placed["b1"]! + placed["b2"]!, placed["b3"]!];
    expect(inRack).to.have.members([3, 4]);
    expect(Math.abs(placed["b1"]! - placed["b2"]!)).to.be.at.most(1);
  });

  it("69: places everything of a service that grows step by step, and stays even", async () => {
    put("a1", { az: "az1", rack: "r1" });
    put("a2", { az: "az1", rack: "r2" });
    put("b1", { az: "az2", rack: "r1" });
    for (const replicas of [1, 4, 5, 11, 32]) {
      const placed = byNode(await deploy(world, replicas, racks));
      const zones = [(placed["a1"] ?? 0) + (placed["a2"] ?? 0), placed["b1"] ?? 0];
      expect(zones[0]! + zones[1]!, `of ${replicas}`).to.equal(replicas);
      expect(Math.abs(zones[0]! - zones[1]!), `zones at ${replicas}`).to.be.at.most(1);
      expect(Math.abs((placed["a1"] ?? 0) - (placed["a2"] ?? 0)), `racks at ${replicas}`).to.be.at.most(1);
    }
  });

  it("70: takes nodes without the label as a branch of their own", async () => {
    put("a1", { az: "az1" });
    put("b1", { az: "az2" });
    for (const id of ["c1", "c2", "c3"]) put(id, {});
    const placed = byNode(await deploy(world, 9, zone));
    expect([placed["a1"], placed["b1"], placed["c1"]! + placed["c2"]! + placed["c3"]!]).to.deep.equal([3, 3, 3]);
  });

  it("counts tasks that are there already, whatever brought them", async () => {
    put("a1", { az: "az1" });
    put("b1", { az: "az2" });
    await deploy(world, 4, { constraints: ["node.id == a1"] });
    // A change of the placement alone replaces nothing that still fits.
    expect(byNode(await deploy(world, 6, zone))).to.deep.equal({ a1: 4, b1: 2 });
    expect(byNode(await deploy(world, 8, zone))).to.deep.equal({ a1: 4, b1: 4 });
  });

  it("puts the stand-ins of a lost zone evenly into the others, not for what is lost with it", async () => {
    for (const id of ["a1", "b1", "c1", "c2"]) put(id, { az: id[0]! });
    await deploy(world, 6, zone);
    world.loseNode("a1");
    await world.until(() => world.running().filter(({ nodeId }) => nodeId !== "a1").length === 6, "stand-ins run");
    const placed = byNode(world.running());
    expect([placed["b1"], placed["c1"]! + placed["c2"]!]).to.deep.equal([3, 3]);
  });

  it("spreads by labels of engines, too", async () => {
    world.putNode(node("n1", { engineLabels: { rack: "1" } }));
    world.putNode(node("n2", { engineLabels: { rack: "2" } }));
    world.putNode(node("n3", { engineLabels: { rack: "2" } }));
    expect(byNode(await deploy(world, 4, { spread: ["engine.labels.rack"] }))).to.deep.equal({ n1: 2, n2: 1, n3: 1 });
  });

  it("leaves the balance as it was when a rollout replaces task by task", async () => {
    put("a1", { az: "az1" });
    put("b1", { az: "az2" });
    put("b2", { az: "az2" });
    await deploy(world, 4, zone);
    for (const order of ["START_FIRST", "STOP_FIRST"] as const) {
      world.putService(service("web", { replicas: 4, order, task: spec({ ...zone, image: order }) }));
      await world.until(
        () => world.running().length === 4 && world.running().every(({ revision }) => revision !== 1),
        "replaced",
      );
      await world.run(2000);
      expect(byNode(world.wanted()), order).to.deep.equal({ a1: 2, b1: 1, b2: 1 });
    }
  });

  it("waits with a reason only when no branch has room", async () => {
    put("a1", { az: "az1" }, { memoryMiB: 200 });
    put("b1", { az: "az2" }, { memoryMiB: 100 });
    const tasks = await deploy(world, 5, { ...zone, memoryMiB: 100 });
    expect(byNode(tasks)).to.deep.equal({ a1: 2, b1: 1 });
    expect(new Set(reasons(tasks))).to.deep.equal(new Set(["no suitable node (insufficient memory on 2 nodes)"]));
  });
});
