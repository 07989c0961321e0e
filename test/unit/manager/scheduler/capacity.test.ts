import { expect } from "chai";
import { clusterSpec, node } from "../../../support/loops/objects.ts";
import { byNode, counts, deploy, nodesOf, reasons } from "../../../support/loops/places.ts";
import { World } from "../../../support/loops/world.ts";
import { aCluster } from "../../../support/store/objects.ts";

describe("manager/scheduler: room and strategy", () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });
  afterEach(async () => {
    await world.stopLoops();
  });

  const sizes = (memoryMiB: Record<string, number>): void => {
    for (const [id, size] of Object.entries(memoryMiB)) world.putNode(node(id, { memoryMiB: size, cpus: 64 }));
  };
  const setCluster = (strategy: "SPREAD" | "BINPACK"): void => {
    void world.store.update((tx) => tx.put("cluster", aCluster({ id: "c", spec: clusterSpec({ strategy }) })));
  };

  it("86: fills nodes of 8 GB and 2 GB in proportion, not by turns", async () => {
    sizes({ big: 8192, small: 2048 });
    expect(byNode(await deploy(world, 5, { memoryMiB: 1024 }))).to.deep.equal({ big: 4, small: 1 });
    expect(byNode(await deploy(world, 10, { memoryMiB: 1024 }))).to.deep.equal({ big: 8, small: 2 });
    expect(reasons(await deploy(world, 11, { memoryMiB: 1024 }))).to.have.length(1);
  });

  it("86: but puts a first copy on every node before a second one on any", async () => {
    sizes({ big: 8192, middle: 4096, small: 2048 });
    expect(byNode(await deploy(world, 3, { memoryMiB: 1024 }))).to.deep.equal({ big: 1, middle: 1, small: 1 });
  });

  it("looks at the room that others leave", async () => {
    sizes({ n1: 8192, n2: 8192 });
    await deploy(world, 1, { memoryMiB: 6144, constraints: ["node.id == n1"] }, "hog");
    expect(byNode(await deploy(world, 5, { memoryMiB: 1024 }))).to.deep.equal({ n1: 1, n2: 4 });
  });

  it("looks at what is shortest: CPU where memory is plenty", async () => {
    world.putNode(node("n1", { cpus: 8 }));
    world.putNode(node("n2", { cpus: 2 }));
    expect(byNode(await deploy(world, 5, { cpus: 1, memoryMiB: 1 }))).to.deep.equal({ n1: 4, n2: 1 });
  });

  it("spreads by number what reserves nothing, whatever others reserve", async () => {
    sizes({ n1: 8192, n2: 8192 });
    await deploy(world, 1, { memoryMiB: 6144, constraints: ["node.id == n1"] }, "hog");
    expect(byNode(await deploy(world, 10))).to.deep.equal({ n1: 5, n2: 5 });
  });

  it("packs a service that asks for it onto the fullest node that has room", async () => {
    sizes({ n1: 4096, n2: 4096, n3: 4096 });
    await deploy(world, 1, { memoryMiB: 1024, constraints: ["node.id == n2"] }, "first");
    const tasks = await deploy(world, 5, { memoryMiB: 1024, strategy: "BINPACK" });
    expect(byNode(tasks)).to.deep.equal({ n2: 3, n1: 2 });
  });

  it("packs agents of one engine as one node", async () => {
    world.putNode(node("n1", { engineId: "e", memoryMiB: 4096 }));
    world.putNode(node("n2", { engineId: "e", memoryMiB: 4096 }));
    world.putNode(node("n3", { memoryMiB: 4096 }));
    const tasks = await deploy(world, 6, { memoryMiB: 1024, strategy: "BINPACK" });
    expect(byNode(tasks)["n3"]).to.equal(2);
  });

  it("follows the cluster's strategy where a service names none, and spreads what reserves nothing even so", async () => {
    setCluster("BINPACK");
    sizes({ n1: 8192, n2: 8192, n3: 8192 });
    expect(counts(await deploy(world, 3, { memoryMiB: 1024 }, "packed"))).to.deep.equal([3]);
    expect(counts(await deploy(world, 3, { memoryMiB: 1024, strategy: "SPREAD" }, "spread"))).to.deep.equal([1, 1, 1]);
    expect(counts(await deploy(world, 3, {}, "free"))).to.deep.equal([1, 1, 1]);
    setCluster("SPREAD");
    expect(counts(await deploy(world, 3, { memoryMiB: 1024 }, "later"))).to.deep.equal([1, 1, 1]);
  });

  it("packs within the branch whose turn it is", async () => {
    for (const id of ["a1", "a2", "b1", "b2"]) world.putNode(node(id, { labels: { az: id[0]! }, memoryMiB: 4096 }));
    const tasks = await deploy(world, 4, { memoryMiB: 1024, strategy: "BINPACK", spread: ["node.labels.az"] });
    expect(counts(tasks)).to.deep.equal([2, 2]);
    expect(new Set(nodesOf(tasks).map((id) => id[0]))).to.deep.equal(new Set(["a", "b"]));
  });

  it("avoids a node on which five tasks of the revision failed within five minutes, and forgives it then", async () => {
    world.addNodes("n1", "n2");
    let isBroken = true;
    world.behave = (task) => (isBroken && task.nodeId === "n1" ? { exits: { afterMs: 1500, code: 1 } } : {});
    await deploy(world, 4);
    await world.run(20_000);
    expect(byNode(world.running())).to.deep.equal({ n2: 4 });
    // Another service is not concerned, nor another revision.
    expect(counts(await deploy(world, 4, { image: "other:1" }, "other"))).to.deep.equal([2, 2]);
    isBroken = false;
    await world.run(5 * 60_000);
    expect(byNode(await deploy(world, 6))).to.deep.equal({ n1: 2, n2: 4 });
  });

  it("takes a node with failures rather than none, the one with the fewest", async () => {
    world.addNodes("n1", "n2");
    world.behave = () => ({ exits: { afterMs: 100, code: 1 } });
    await deploy(world, 4, { restart: { backoffMaxMs: 0 } });
    await world.run(3000);
    world.behave = () => ({});
    await world.run(3000);
    expect(world.running()).to.have.length(4);
  });

  it("breaks ties by the node's id, in every run the same", async () => {
    world.addNodes("n3", "n1", "n2");
    expect(nodesOf(await deploy(world, 2))).to.deep.equal(["n1", "n2"]);
  });
});
