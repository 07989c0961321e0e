import { expect } from "chai";
import { explain } from "../../../../src/manager/scheduler/explain.ts";
import type { GenericResource } from "../../../../src/model/index.ts";
import { genericText } from "../../../support/generic-text.ts";
import { node, service, spec } from "../../../support/loops/objects.ts";
import { byNode, deploy, reasons } from "../../../support/loops/places.ts";
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
