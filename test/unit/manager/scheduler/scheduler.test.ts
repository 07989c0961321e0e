import { expect } from "chai";
import type { Task } from "../../../../src/model/index.ts";
import { explain } from "../../../../src/manager/scheduler/explain.ts";
import { node, service, spec, task } from "../../../support/loops/objects.ts";
import type { SpecPart } from "../../../support/loops/objects.ts";
import { World } from "../../../support/loops/world.ts";
import { aRevision } from "../../../support/store/objects.ts";

describe("manager/scheduler", () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });
  afterEach(async () => {
    await world.stopLoops();
  });

  async function deploy(replicas: number, part: SpecPart = {}, name = "web"): Promise<readonly Task[]> {
    world.putService(service(name, { replicas, task: spec(part) }));
    await world.run(200);
    return world.wanted(name);
  }

  const counts = (tasks: readonly Task[]): number[] => {
    const byNode = new Map<string, number>();
    for (const { nodeId } of tasks) if (nodeId !== "") byNode.set(nodeId, (byNode.get(nodeId) ?? 0) + 1);
    return [...byNode.values()].sort((a, b) => b - a);
  };
  const reasons = (tasks: readonly Task[]): string[] =>
    tasks.filter((task) => task.nodeId === "").map((task) => task.pendingReason);

  it("spreads 18 tasks over 5 empty nodes as 4, 4, 4, 3, 3, and the next service goes to the emptier two", async () => {
    world.addNodes("n1", "n2", "n3", "n4", "n5");
    const first = await deploy(18);
    expect(counts(first)).to.deep.equal([4, 4, 4, 3, 3]);
    const full = new Set(["n1", "n2", "n3"]);
    const second = await deploy(2, {}, "api");
    expect(second.map((task) => full.has(task.nodeId))).to.deep.equal([false, false]);
  });

  it("sets node, state, ports and cause at once", async () => {
    world.addNodes("n1");
    await world.run(10);
    world.deadAgents.add("n1");
    const [task] = await deploy(1, { ports: [{ published: 8080 }] });
    expect(task).to.deep.include({ nodeId: "n1", pendingReason: "" });
    expect(task!.status!.state).to.equal("ASSIGNED");
    expect(task!.ports.map((port) => port.published)).to.deep.equal([8080]);
    expect(task!.cause).to.deep.equal({ actor: "scheduler", reason: "placed on node n1" });
  });

  describe("a task pinned to a node", () => {
    const pinned = (nodeId: string, part: SpecPart): Promise<unknown> =>
      world.store.update((tx) => {
        tx.put("service", service("web", { task: spec(part) }));
        tx.put("revision", aRevision({ id: "web/1", serviceId: "web", number: 1, spec: spec(part) }));
        tx.put("task", task("t1", { pinnedNodeId: nodeId }));
      });

    it("goes there although others are emptier, once it fits", async () => {
      world.putNode(node("n1", { memoryMiB: 100 }));
      world.addNodes("n2");
      void pinned("n1", { memoryMiB: 512 });
      await world.run(200);
      expect(reasons(world.wanted())).to.deep.equal(["node n1 cannot take it (insufficient memory)"]);
      world.putNode(node("n1", { memoryMiB: 1000 }));
      await world.until(() => world.running()[0]?.nodeId === "n1", "it runs on n1");
    });

    it("says how its node is, and waits until that is over", async () => {
      world.addNodes("n1", "n2");
      world.changeNode("n1", { availability: "PAUSE" });
      void pinned("n1", {});
      await world.run(200);
      expect(reasons(world.wanted())).to.deep.equal(["node n1 cannot take it (paused)"]);
      expect(explain(world.tx, "web.1").reasons.map(({ subjectId, code }) => [subjectId, code])).to.deep.equal([
        ["n1", "availability"],
      ]);
      world.removeNode("n1");
      await world.run(200);
      expect(reasons(world.wanted())).to.deep.equal(["its node was removed"]);
    });

    it("does not keep others of its service and revision from being placed", async () => {
      world.putNode(node("n1", { memoryMiB: 100 }));
      world.addNodes("n2");
      void pinned("n1", { memoryMiB: 512 });
      world.putService(service("web", { replicas: 3, task: spec({ memoryMiB: 512 }) }));
      await world.run(200);
      expect(world.running().map(({ nodeId }) => nodeId)).to.deep.equal(["n2", "n2"]);
    });
  });

  it("tells each reason with how many nodes it refused, and places the task when a node becomes ready", async () => {
    world.putNode(node("n1", { memoryMiB: 10 }));
    world.putNode(node("n2", { memoryMiB: 20 }));
    world.putNode(node("n3", { memoryMiB: 30 }));
    world.putNode(node("n4", { state: "UNKNOWN" }));
    const tasks = await deploy(1, { memoryMiB: 512 });
    expect(reasons(tasks)).to.deep.equal(["no suitable node (insufficient memory on 3 nodes; 1 node not ready)"]);
    world.changeNode("n4", { state: "READY" });
    await world.run(200);
    expect(world.running().map((task) => task.nodeId)).to.deep.equal(["n4"]);
  });

  it("says so when there is no node at all", async () => {
    expect(reasons(await deploy(1))).to.deep.equal(["no suitable node (the cluster has no node)"]);
  });

  it("writes a reason only when it changed", async () => {
    world.putNode(node("n1", { memoryMiB: 10 }));
    const before = (await deploy(50, { memoryMiB: 512 })).map((task) => task.meta!.version);
    world.changeNode("n1", { labels: { a: "b" } });
    await world.run(100);
    expect(world.wanted().map((task) => task.meta!.version)).to.deep.equal(before);
    world.changeNode("n1", { state: "DOWN" });
    await world.run(100);
    expect(new Set(reasons(world.wanted()))).to.deep.equal(new Set(["no suitable node (1 node down)"]));
  });

  it("re-evaluates waiting tasks when a node is removed", async () => {
    world.addNodes("n1", "n2");
    await deploy(1, { constraints: ["node.labels.x == y"] });
    world.removeNode("n2");
    await world.run(50);
    expect(reasons(world.wanted())).to.deep.equal([
      "no suitable node (constraint node.labels.x == y not satisfied on 1 node)",
    ]);
  });

  it("does not let a service that cannot be placed hold up another", async () => {
    world.addNodes("n1");
    await deploy(200, { memoryMiB: 1_000_000 }, "huge");
    await deploy(3);
    expect(world.running()).to.have.length(3);
  });

  it("counts reservations of all who share an engine, and frees them when a task ends", async () => {
    world.putNode(node("n1", { engineId: "e", memoryMiB: 1000 }));
    world.putNode(node("n2", { engineId: "e", memoryMiB: 1000 }));
    const tasks = await deploy(3, { memoryMiB: 400 });
    expect(tasks.filter((task) => task.nodeId !== "")).to.have.length(2);
    expect(reasons(tasks)).to.deep.equal(["no suitable node (insufficient memory on 2 nodes)"]);
    world.putService(service("api", { replicas: 1, task: spec({ memoryMiB: 100 }) }));
    await world.run(100);
    expect(world.running("api")).to.have.length(1);
    world.removeService("api");
    world.putService(service("web", { replicas: 3, task: spec({ memoryMiB: 300 }) }));
    await world.until(() => world.running().length === 3, "three smaller ones fit");
  });

  it("places a waiting task as soon as a task that held its room ends", async () => {
    world.putNode(node("n1", { cpus: 1 }));
    await deploy(1, { cpus: 1 }, "a");
    const [waiting] = await deploy(1, { cpus: 1 });
    expect(waiting!.nodeId).to.equal("");
    world.removeService("a");
    await world.until(() => world.running().length === 1, "it runs");
  });

  it("counts a drained, paused or silent node out, and says which", async () => {
    world.putNode(node("n1", { availability: "DRAIN" }));
    world.putNode(node("n2", { availability: "PAUSE" }));
    world.putNode(node("n3", { state: "UNREACHABLE" }));
    world.putNode(node("n4", { state: "LEFT" }));
    expect(reasons(await deploy(1))).to.deep.equal([
      "no suitable node (1 node drained; 1 node left; 1 node paused; 1 node unreachable)",
    ]);
  });

  it("places a task only where its runtime is offered", async () => {
    world.putNode(node("m1", { runtimes: [] }));
    world.putNode(node("p1", { runtimes: ["process"], engineId: "" }));
    world.putNode(node("c1", { runtimes: ["container"] }));
    expect((await deploy(2)).map((task) => task.nodeId)).to.deep.equal(["c1", "c1"]);
    expect((await deploy(2, { process: true }, "plain")).map((task) => task.nodeId)).to.deep.equal(["p1", "p1"]);
  });

  it("places no container on a node whose engine does not answer", async () => {
    world.putNode(node("n1", { engineMessage: "connect: connection refused" }));
    expect(reasons(await deploy(1))).to.deep.equal(["no suitable node (engine not answering on 1 node)"]);
    world.putNode(node("n1"));
    await world.until(() => world.running().length === 1, "it runs once the engine answers");
  });

  it("gives a host port to one task per engine and protocol", async () => {
    world.putNode(node("n1", { engineId: "e1" }));
    world.putNode(node("n2", { engineId: "e1" }));
    world.putNode(node("n3", { engineId: "e2" }));
    const tasks = await deploy(3, { ports: [{ published: 58 }] });
    const engines = tasks.filter((task) => task.nodeId !== "").map((task) => (task.nodeId === "n3" ? "e2" : "e1"));
    expect(engines.sort((a, b) => a.localeCompare(b))).to.deep.equal(["e1", "e2"]);
    expect(reasons(tasks)).to.deep.equal(["no suitable node (host port 58/tcp in use on 3 nodes)"]);
    expect(counts(await deploy(2, { ports: [{ published: 58, protocol: "UDP" }] }, "udp"))).to.deep.equal([1, 1]);
  });

  it("lets two tasks have one port on different addresses, but not beside one that has every address", async () => {
    world.addNodes("n1");
    await deploy(1, { ports: [{ published: 80, hostIp: "10.0.0.1" }] }, "a");
    expect(counts(await deploy(1, { ports: [{ published: 80, hostIp: "10.0.0.2" }] }, "b"))).to.deep.equal([1]);
    expect(counts(await deploy(1, { ports: [{ published: 80 }] }, "c"))).to.deep.equal([]);
  });

  it("never lets published port 0 conflict", async () => {
    world.addNodes("n1");
    expect(counts(await deploy(5, { ports: [{ published: 0 }] }))).to.deep.equal([5]);
  });

  it("keeps to the most replicas of a service per node", async () => {
    world.addNodes("n1", "n2");
    const tasks = await deploy(5, { maxPerNode: 2 });
    expect(counts(tasks)).to.deep.equal([2, 2]);
    expect(reasons(tasks)).to.deep.equal(["no suitable node (max replicas per node (2) reached on 2 nodes)"]);
  });

  it("matches platforms by any of their names", async () => {
    world.putNode(node("n1", { architecture: "x86_64" }));
    world.putNode(node("n2", { architecture: "aarch64" }));
    expect(
      (await deploy(1, { platforms: [{ os: "linux", architecture: "arm64" }] })).map((t) => t.nodeId),
    ).to.deep.equal(["n2"]);
    const none = await deploy(1, { platforms: [{ os: "windows", architecture: "" }] }, "win");
    expect(reasons(none)).to.deep.equal(["no suitable node (unsupported platform on 2 nodes)"]);
  });

  it("avoids a node on which five tasks of the revision failed lately", async () => {
    world.addNodes("n1", "n2");
    world.behave = (task) => (task.nodeId === "n1" ? { exits: { afterMs: 1500, code: 1 } } : {});
    await deploy(4);
    await world.run(20_000);
    expect(world.running().map((task) => task.nodeId)).to.deep.equal(["n2", "n2", "n2", "n2"]);
  });

  it("prefers the engine with the smaller reserved share among nodes with equally many tasks of the service", async () => {
    world.putNode(node("n1", { memoryMiB: 2000 }));
    world.putNode(node("n2", { memoryMiB: 8000 }));
    await deploy(1, { memoryMiB: 1000, constraints: ["node.id == n1"] }, "a");
    await deploy(1, { memoryMiB: 1000, constraints: ["node.id == n2"] }, "b");
    expect((await deploy(1)).map((task) => task.nodeId)).to.deep.equal(["n2"]);
  });

  it("counts what runs already when a new leader takes over", async () => {
    world.putNode(node("n1", { memoryMiB: 1000 }));
    await deploy(1, { memoryMiB: 800 });
    await world.changeLeader();
    expect(reasons(await deploy(1, { memoryMiB: 800 }, "b"))).to.deep.equal([
      "no suitable node (insufficient memory on 1 node)",
    ]);
  });

  it("spreads a thousand tasks evenly over fifty nodes", async () => {
    for (let index = 1; index <= 50; index += 1) world.putNode(node(`n${index}`, { memoryMiB: 64_000, cpus: 64 }));
    await world.stopLoops();
    world.putService(service("web", { replicas: 1000, task: spec({ memoryMiB: 64, cpus: 0.1 }) }));
    await world.run(10);
    world.startLoops();
    await world.until(
      () => world.wanted().length === 1000 && world.wanted().every((task) => task.nodeId !== ""),
      "all placed",
    );
    expect(counts(world.wanted())).to.deep.equal(Array<number>(50).fill(20));
  });
});
