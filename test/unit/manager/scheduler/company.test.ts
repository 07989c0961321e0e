import { expect } from "chai";
import { explain } from "../../../../src/manager/scheduler/explain.ts";
import { node, service, spec } from "../../../support/loops/objects.ts";
import { byNode, deploy, nodesOf, reasons } from "../../../support/loops/places.ts";
import { World } from "../../../support/loops/world.ts";

describe("manager/scheduler: affinity to services", () => {
  let world: World;
  beforeEach(() => {
    world = new World();
    world.addNodes("n1", "n2", "n3");
  });
  afterEach(async () => {
    await world.stopLoops();
  });

  const on = (...ids: string[]): { constraints: string[] } => ({ constraints: [`node.id in (${ids.join(", ")})`] });

  it("places a task where one of the other service is, and on all such nodes", async () => {
    await deploy(world, 2, on("n2", "n3"), "db");
    expect(nodesOf(await deploy(world, 4, { constraints: ["service == db"] }))).to.deep.equal(["n2", "n2", "n3", "n3"]);
  });

  it("waits for the other service, says so, and goes as soon as it is placed", async () => {
    const [waiting] = await deploy(world, 1, { constraints: ["service == db"] });
    expect(waiting!.pendingReason).to.equal("no suitable node (constraint service == db not satisfied on 3 nodes)");
    expect(
      explain(world.tx, "web.1").reasons.map(({ subjectName, code, next }) => [subjectName, code, next]),
    ).to.deep.equal(
      ["n1", "n2", "n3"].map((name) => [name, "affinity", "create the service db, or change the constraint"]),
    );
    await deploy(world, 1, on("n3"), "db");
    await world.until(() => world.running().length === 1, "it runs");
    expect(nodesOf(world.running())).to.deep.equal(["n3"]);
  });

  it("does not move a task when the other service goes", async () => {
    await deploy(world, 1, on("n3"), "db");
    const [task] = await deploy(world, 1, { constraints: ["service == db"] });
    world.removeService("db");
    await world.run(5000);
    expect(world.running().map(({ id }) => id)).to.deep.equal([task!.id]);
  });

  it("keeps a task away from nodes where the other service is", async () => {
    await deploy(world, 2, on("n1", "n2"), "db");
    expect(byNode(await deploy(world, 3, { constraints: ["service != db"] }))).to.deep.equal({ n3: 3 });
  });

  it("keeps the other service away as well, whoever came first", async () => {
    await deploy(world, 2, { constraints: ["service != db", "node.id in (n1, n2)"] });
    const db = await deploy(world, 3, {}, "db");
    expect(byNode(db)).to.deep.equal({ n3: 3 });
    const last = await deploy(world, 1, on("n1"), "db");
    expect(reasons(last)).to.deep.equal([
      "no suitable node (constraint node.id == n1 not satisfied on 2 nodes; kept free of it by another service on 1 node)",
    ]);
    world.removeService("web");
    await world.until(() => nodesOf(world.running("db")).includes("n1"), "it runs where the other one was");
  });

  it("counts agents of one engine as one place", async () => {
    world.putNode(node("n1", { engineId: "e" }));
    world.putNode(node("n2", { engineId: "e" }));
    await deploy(world, 1, on("n1"), "db");
    expect(byNode(await deploy(world, 2, { constraints: ["service != db"] }))).to.deep.equal({ n3: 2 });
    expect(nodesOf(await deploy(world, 1, { constraints: ["service == db", "node.id == n2"] }, "near"))).to.deep.equal([
      "n2",
    ]);
  });

  it("takes any of several services, by name or id", async () => {
    world.putService(service("a", { task: spec(on("n1")) }));
    world.putService(service("b", { task: spec(on("n2")) }));
    await world.run(200);
    expect(nodesOf(await deploy(world, 2, { constraints: ["service in (a, B)"] }))).to.deep.equal(["n1", "n2"]);
    expect(byNode(await deploy(world, 2, { constraints: ["service not in (a, b)"] }, "far"))).to.deep.equal({ n3: 2 });
  });

  describe("of a service to itself", () => {
    it("has one task a node at most when it keeps away, and the rest waits", async () => {
      const tasks = await deploy(world, 4, { constraints: ["service != web"] });
      expect(byNode(tasks)).to.deep.equal({ n1: 1, n2: 1, n3: 1 });
      expect(reasons(tasks)).to.deep.equal(["no suitable node (constraint service != web not satisfied on 3 nodes)"]);
    });

    it("lets an outgoing task's successor beside it, so that starting first works on full nodes", async () => {
      const part = { constraints: ["service != web"] };
      await deploy(world, 3, part);
      world.putService(service("web", { replicas: 3, order: "START_FIRST", task: spec({ ...part, image: "x:2" }) }));
      await world.until(
        () => world.running().length === 3 && world.running().every(({ revision }) => revision === 2),
        "replaced",
      );
      expect(byNode(world.running())).to.deep.equal({ n1: 1, n2: 1, n3: 1 });
    });

    it("begins anywhere when it wants to be together, and all follow the first", async () => {
      const tasks = await deploy(world, 4, { constraints: ["service == web"] });
      expect(Object.values(byNode(tasks))).to.deep.equal([4]);
    });
  });

  describe("as a preference", () => {
    it("takes nodes where the other service is as long as they have room, then others", async () => {
      world.putNode(node("n2", { memoryMiB: 1000 }));
      await deploy(world, 1, on("n2"), "db");
      const tasks = await deploy(world, 5, { memoryMiB: 400, affinities: { "service == db": 50 } });
      expect(byNode(tasks)["n2"]).to.equal(2);
      expect(reasons(tasks)).to.deep.equal([]);
    });

    it("avoids nodes with a negative weight as long as others have room", async () => {
      await deploy(world, 2, on("n1", "n2"), "batch");
      const part = { memoryMiB: 4000, affinities: { "service == batch": -50 } };
      expect(byNode(await deploy(world, 4, part))).to.deep.equal({ n1: 1, n2: 1, n3: 2 });
    });

    it("adds weights up, of nodes as of services", async () => {
      world.changeNode("n1", { labels: { disk: "ssd" } });
      world.changeNode("n2", { labels: { disk: "ssd", gen: "5" } });
      const affinities = { "node.labels.disk == ssd": 30, "node.labels.gen >= 5": 30, "service == db": 50 };
      await deploy(world, 1, on("n3"), "db");
      expect(byNode(await deploy(world, 3, { affinities }))).to.deep.equal({ n2: 3 });
    });

    it("chooses within the branch whose turn it is", async () => {
      world.putNode(node("n1", { labels: { az: "a" } }));
      world.putNode(node("n2", { labels: { az: "b" } }));
      world.putNode(node("n3", { labels: { az: "b", disk: "ssd" } }));
      const part = { spread: ["node.labels.az"], affinities: { "node.labels.disk == ssd": 100 } };
      expect(byNode(await deploy(world, 4, part))).to.deep.equal({ n1: 2, n3: 2 });
    });

    it("follows itself from the first one on", async () => {
      expect(Object.values(byNode(await deploy(world, 3, { affinities: { "service == web": 10 } })))).to.deep.equal([
        3,
      ]);
    });
  });
});
