import { expect } from "chai";
import { explain } from "../../../../src/manager/scheduler/explain.ts";
import type { GenericResource } from "../../../../src/model/index.ts";
import { genericText } from "../../../support/generic-text.ts";
import { node, service, spec, type SpecPart } from "../../../support/loops/objects.ts";
import { byNode, deploy, nodesOf, reasons } from "../../../support/loops/places.ts";
import { World } from "../../../support/loops/world.ts";

describe("manager/scheduler: generic resources", () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });
  afterEach(async () => {
    await world.stopLoops();
  });

  const named = (...names: string[]): GenericResource => ({ kind: "gpu", count: 0, names });
  const counted = (count: number): GenericResource => ({ kind: "gpu", count, names: [] });
  const have = (): string[] =>
    world
      .wanted()
      .map(({ generic }) => genericText(generic))
      .toSorted();

  it("75: gives each task names of its own; the one too many waits, and gets a name that is freed", async () => {
    world.putNode(node("n1", { generic: [named("a", "b")] }));
    const tasks = await deploy(world, 3, { generic: { gpu: 1 } });
    expect(have()).to.deep.equal(["", "gpu=a", "gpu=b"]);
    expect(reasons(tasks)).to.deep.equal(["no suitable node (insufficient gpu on 1 node)"]);
    await deploy(world, 2, { generic: { gpu: 1 } });
    await world.run(200);
    expect(have()).to.deep.equal(["gpu=a", "gpu=b"]);
  });

  it("75: counts what has no names", async () => {
    world.putNode(node("n1", { generic: [counted(5)] }));
    const tasks = await deploy(world, 3, { generic: { gpu: 2 } });
    expect(have()).to.deep.equal(["", "gpu=2", "gpu=2"]);
    expect(reasons(tasks)).to.deep.equal(["no suitable node (insufficient gpu on 1 node)"]);
  });

  it("says which nodes have none at all, and where one can be had", async () => {
    world.putNode(node("n1", { generic: [counted(1)] }));
    world.putNode(node("n2"));
    const tasks = await deploy(world, 1, { generic: { gpu: 2 } });
    expect(reasons(tasks)).to.deep.equal(["no suitable node (insufficient gpu on 1 node; no gpu on 1 node)"]);
    const { reasons: told } = explain(world.tx, "web.1");
    expect(told.map(({ subjectName, message }) => [subjectName, message])).to.deep.equal([
      ["n1", "the task reserves 2 of gpu; 1 of the node's 1 are not reserved"],
      ["n2", "the task reserves 2 gpu and the node has none"],
    ]);
    expect(told[1]!.next).to.include("--node-generic-resources gpu=");
    expect(explain(world.tx, "n1").reasons.find(({ code }) => code === "resources")?.message).to.equal(
      "8GiB of 8GiB of memory, 8 CPUs of 8 CPUs and 1 of 1 of gpu are not reserved",
    );
  });

  it("never gives one name to agents of one engine twice", async () => {
    world.putNode(node("n1", { engineId: "e", generic: [named("a", "b")] }));
    world.putNode(node("n2", { engineId: "e", generic: [named("a", "b")] }));
    await deploy(world, 4, { generic: { gpu: 1 } });
    expect(have()).to.deep.equal(["", "", "gpu=a", "gpu=b"]);
  });

  it("lets agents of one engine name different ones", async () => {
    world.putNode(node("n1", { engineId: "e", generic: [named("a")] }));
    world.putNode(node("n2", { engineId: "e", generic: [named("b")] }));
    const tasks = await deploy(world, 2, { generic: { gpu: 1 } });
    expect(tasks.map(({ nodeId, generic }) => [nodeId, ...generic[0]!.names])).to.have.deep.members([
      ["n1", "a"],
      ["n2", "b"],
    ]);
  });

  it("places by room: nodes fill in proportion to what they have", async () => {
    world.putNode(node("n1", { generic: [counted(2)] }));
    world.putNode(node("n2", { generic: [counted(8)] }));
    expect(byNode(await deploy(world, 5, { generic: { gpu: 1 } }))).to.deep.equal({ n1: 1, n2: 4 });
  });

  it("hands a name over to the successor of a task that stops first", async () => {
    world.putNode(node("n1", { generic: [named("a")] }));
    await deploy(world, 1, { generic: { gpu: 1 } });
    world.putService(service("web", { task: spec({ generic: { gpu: 1 }, image: "x:2" }) }));
    await world.until(() => world.running().some(({ revision }) => revision === 2), "replaced");
    expect(have()).to.deep.equal(["gpu=a"]);
    // And it is free again only once.
    world.putService(service("api", { replicas: 2, task: spec({ generic: { gpu: 1 } }) }));
    world.removeService("web");
    await world.run(500);
    expect(world.wanted("api").map(({ generic }) => genericText(generic))).to.have.members(["", "gpu=a"]);
  });

  it("keeps what a node does not name any more in the sums until it is gone", async () => {
    world.putNode(node("n1", { generic: [counted(2)] }));
    await deploy(world, 1, { generic: { gpu: 1 } });
    // The task has no name, and still takes one of the two.
    world.putNode(node("n1", { generic: [named("a", "b")] }));
    const more = await deploy(world, 2, { generic: { gpu: 1 } }, "more");
    expect(more.filter(({ nodeId }) => nodeId !== "")).to.have.length(1);
  });

  it("gives nothing to a task that asks for nothing", async () => {
    world.putNode(node("n1", { generic: [named("a")] }));
    await deploy(world, 1);
    expect(have()).to.deep.equal([""]);
  });
});

describe("manager/scheduler: GPUs that a container asks for", () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });
  afterEach(async () => {
    await world.stopLoops();
  });

  const gpus = (count: number, ...deviceIds: string[]): SpecPart => ({
    gpus: { count, deviceIds, capabilities: [], driver: "" },
  });
  const nvidia = (id: string, ...names: string[]): void =>
    world.putNode(
      node(id, { deviceDrivers: ["nvidia"], generic: names.length === 0 ? [] : [{ kind: "gpu", count: 0, names }] }),
    );
  const have = (): string[] => world.wanted().map(({ generic }) => genericText(generic));

  it("are counted where the node says how many it has: each task has its own, and the one too many waits and says why", async () => {
    nvidia("n1", "0", "1");
    const tasks = await deploy(world, 3, gpus(1));
    expect(have().toSorted()).to.deep.equal(["", "gpu=0", "gpu=1"]);
    expect(reasons(tasks)).to.deep.equal(["no suitable node (insufficient gpu on 1 node)"]);
    expect(explain(world.tx, "web").reasons.map(({ message }) => message)).to.include(
      "the task reserves 1 of gpu; 0 of the node's 2 are not reserved",
    );
    expect(explain(world.tx, "n1").reasons.find(({ code }) => code === "resources")?.message).to.match(
      /0 of 2 of gpu are not reserved$/,
    );
    nvidia("n2", "0");
    await world.run(200);
    expect(byNode(world.wanted())).to.deep.equal({ n1: 2, n2: 1 });
  });

  it("are one stock with those that are reserved, and one that is named counts as any", async () => {
    nvidia("n1", "0", "1", "2");
    await deploy(world, 1, { generic: { gpu: 1 } }, "reserves");
    await deploy(world, 1, gpus(0, "2"), "names");
    const tasks = await deploy(world, 2, gpus(1));
    expect(reasons(tasks)).to.have.length(1);
    expect(world.wanted("names").map(({ generic }) => generic)).to.deep.equal([[]]);
  });

  it("that a task names are given to others last of all", async () => {
    nvidia("n1", "0", "1", "2");
    await deploy(world, 1, gpus(0, "0"), "names");
    await deploy(world, 2, gpus(1));
    expect(have().toSorted()).to.deep.equal(["gpu=1", "gpu=2"]);
    await deploy(world, 0, gpus(0, "0"), "names");
    await world.until(() => world.running("names").length === 0, "it is gone");
    await deploy(world, 3, gpus(1));
    expect(have().toSorted()).to.deep.equal(["gpu=0", "gpu=1", "gpu=2"]);
  });

  it("are all of a node's only where none is taken, and then nobody else gets one", async () => {
    nvidia("n1", "0", "1");
    await deploy(world, 1, gpus(1), "one");
    expect(reasons(await deploy(world, 1, gpus(-1)))).to.deep.equal(["no suitable node (insufficient gpu on 1 node)"]);
    await deploy(world, 0, gpus(1), "one");
    await world.until(() => world.running().length === 1, "it has them all");
    expect(have()).to.deep.equal(["gpu=0,1"]);
    expect(reasons(await deploy(world, 1, gpus(1), "one"))).to.have.length(1);
  });

  it("are not counted on a node that does not say, which takes whom its engine takes, and loses nobody when it says", async () => {
    nvidia("n1");
    await deploy(world, 3, gpus(2));
    expect(world.running()).to.have.length(3);
    expect(have()).to.deep.equal(["", "", ""]);
    nvidia("n1", "0", "1", "2", "3", "4", "5");
    await world.run(200);
    expect(world.running()).to.have.length(3);
    expect(reasons(await deploy(world, 1, gpus(1), "other"))).to.have.length(1);
  });

  it("move with their task when the node has fewer of them", async () => {
    nvidia("n1", "0", "1");
    await deploy(world, 2, gpus(1));
    nvidia("n2", "0");
    nvidia("n1", "0");
    await world.until(() => nodesOf(world.running()).join() === "n1,n2", "one was moved");
    expect(have()).to.deep.equal(["gpu=0", "gpu=0"]);
  });
});
