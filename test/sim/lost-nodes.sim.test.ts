/** Replace fast, kill late: what becomes of the tasks of nodes that do not answer, and when they are back. */
import { expect } from "chai";
import { Rig, REPLICAS } from "../support/node-rig.ts";
import type { Machine } from "../support/sim-cluster.ts";

describe("sim/lost-nodes", () => {
  it("replaces nothing for 60 s when most workers fall silent within 10 s, and nothing at all if they come back", async () => {
    const rig = await Rig.start(50, { workers: 8 });
    const before = { running: rig.running(), starts: rig.starts() };
    const heals: (() => void)[] = [];
    for (const worker of rig.cluster.workers.slice(0, 6)) {
      heals.push(rig.cutOff(worker));
      await rig.run(400);
    }
    await rig.run(50_000);
    expect(rig.givenUp()).to.deep.equal([]);
    const { nodes, massSilence } = await rig.cluster.mustCall("Control.ListNodes", {});
    expect(nodes).to.have.length(11);
    expect(massSilence).to.deep.include({ silent: 6, nodes: 11 });
    for (const heal of heals) heal();
    await rig.run(20_000);
    expect({ running: rig.running(), starts: rig.starts() }).to.deep.equal(before);
    expect(rig.tasks()).to.have.length(REPLICAS);
  });

  it("replaces sooner or later where the service says so, and keeps the replacement if it is told to", async () => {
    const nodeLoss = { replaceAfterMs: 12_000, onReturn: "KEEP_REPLACEMENT" } as const;
    const rig = await Rig.start(51, { nodeLoss });
    const worker = rig.busyWorker();
    const originals = rig.tasksOn(worker);
    const heal = rig.cutOff(worker);
    await rig.run(10_000);
    expect(rig.givenUp()).to.deep.equal([`${worker.name} DOWN`]);
    expect(rig.tasks(), "the cluster's 6 s are not this service's").to.have.length(REPLICAS);
    await rig.until("replaced", 4000, () => rig.running().length === REPLICAS + originals.length);
    heal();
    await rig.until("the originals go", 8000, () => rig.running().length === REPLICAS);
    expect(rig.running().filter(({ id }) => originals.some((one) => one.id === id))).to.deep.equal([]);
  });

  it("keeps the originals of a node that comes back, and stops their replacements", async () => {
    const rig = await Rig.start(52);
    const worker = rig.busyWorker();
    const before = rig.running();
    const heal = rig.cutOff(worker);
    await rig.until("replaced", 8000, () => rig.running().length > REPLICAS);
    await rig.run(2000);
    heal();
    await rig.until("the surplus goes", 10_000, () => rig.running().length === REPLICAS);
    await rig.run(5000);
    expect(rig.running()).to.deep.equal(before);
  });

  it("never runs what is single twice: cut off it stops after 20 s, and starts elsewhere after 30 s", async () => {
    for (const seed of [70, 71, 72, 73]) {
      const rig = await Rig.start(seed, { single: true });
      const worker = rig.busyWorker();
      const runningNow = (): readonly Machine[] => rig.cluster.workers.filter(({ engine }) => engine?.running().length);
      const from = rig.cluster.sim.now;
      const ranAt: (readonly string[])[] = [];
      const heal = rig.cutOff(worker);
      // A leader who has only just begun counts too.
      if (seed % 2 === 1) await rig.run(2000).then(() => rig.cluster.crash(rig.leader(), { power: true }));
      await rig.until("it runs elsewhere", 45_000, () => {
        ranAt.push(runningNow().map(({ name }) => name));
        return rig.running().some(({ nodeId }) => nodeId !== worker.id);
      });
      const tookMs = rig.cluster.sim.now - from;
      heal();
      await rig.until("one is left", 15_000, () => rig.running().length === 1);
      expect(tookMs, `seed ${seed}`).to.be.within(29_000, 34_000);
      expect(
        ranAt.some((names) => names.length > 1),
        `seed ${seed}: twice`,
      ).to.equal(false);
      expect(ranAt[Math.floor(ranAt.length / 2)], `seed ${seed}: after half of the time`).to.deep.equal([worker.name]);
      await rig.run(5000);
      expect(runningNow()).to.have.length(1);
    }
  });

  it("never runs what is single twice when its host is rebooted, and keeps the stand-in", async () => {
    for (const [seed, managersGoneMs] of [
      [76, 0],
      [77, 4000],
    ] as const) {
      const rig = await Rig.start(seed, { single: true });
      const worker = rig.busyWorker();
      rig.cluster.crash(worker, { power: true });
      await rig.until("it runs elsewhere", 45_000, () => rig.running().some(({ nodeId }) => nodeId !== worker.id));
      const [standIn] = rig.running().filter(({ nodeId }) => nodeId !== worker.id);
      const heal = rig.cutOff(worker);
      if (managersGoneMs === 0) heal();
      rig.cluster.boot(worker);
      let most = 0;
      const look = (): void => {
        const running = rig.cluster.workers.flatMap(({ engine }) => engine?.running() ?? []);
        most = Math.max(most, running.length);
      };
      const from = rig.cluster.sim.now;
      await rig.until("a minute passes", 70_000, () => {
        look();
        if (rig.cluster.sim.now - from >= managersGoneMs) heal();
        return rig.cluster.sim.now - from > 60_000;
      });
      expect(rig.node(worker).status?.state).to.equal("READY");
      expect(most, `seed ${seed}: at once`).to.equal(1);
      expect(rig.running(), `seed ${seed}`).to.deep.equal([standIn]);
    }
  });

  it("runs what is single again where it was when its host is back soon", async () => {
    const rig = await Rig.start(78, { single: true });
    const worker = rig.busyWorker();
    const before = rig.running();
    rig.cluster.crash(worker, { power: true });
    await rig.run(8000);
    rig.cluster.boot(worker);
    await rig.until("it runs again", 10_000, () => worker.engine?.running().length === 1);
    await rig.run(10_000);
    expect(rig.running()).to.deep.equal(before);
  });

  it("starts what is single nowhere else while its host may only have lost its agent", async () => {
    const rig = await Rig.start(74, { single: true });
    const worker = rig.busyWorker();
    rig.cluster.crash(worker, { power: false });
    await rig.run(120_000);
    expect(rig.tasks()).to.have.length(1);
    rig.cluster.boot(worker);
    await rig.until("ready again", 5000, () => rig.node(worker).status?.state === "READY");
    await rig.run(10_000);
    expect(rig.running()).to.have.length(1);
    expect(rig.starts()).to.have.length(1);
  });

  it("keeps the last task of a global service on a node that is silent, and stops it once another one serves", async () => {
    const rig = await Rig.start(79);
    const [w1, w2] = [rig.cluster.machine("w1"), rig.cluster.machine("w2")];
    const container = { image: "app:1", stopGraceMs: 500 };
    await rig.create({
      name: "edge",
      global: {},
      task: { container, placement: { constraints: ["node.hostname != w3"] } },
    });
    const wanted = (): readonly string[] => {
      const own = rig.tasks().filter((task) => task.serviceName === "edge" && task.desired === "RUNNING");
      return own.map(({ nodeId }) => nodeId).toSorted();
    };
    await rig.until("both nodes have it", 5000, () => rig.running().length === REPLICAS + 2);
    const heals = [rig.cutOff(w1), rig.cutOff(w2)];
    await rig.run(50_000);
    expect(rig.givenUp()).to.deep.equal(["w1 DOWN", "w2 DOWN"]);
    expect(wanted()).to.deep.equal([w1.id, w2.id].toSorted());
    heals[1]?.();
    await rig.until("one is given up", 5000, () => wanted().length === 1);
    expect(wanted()).to.deep.equal([w2.id]);
  });

  it("starts a task with a local volume nowhere else while its host is away, and says why", async () => {
    const rig = await Rig.start(75, { volume: "db" });
    const worker = rig.busyWorker();
    const before = rig.running();
    rig.cluster.crash(worker, { power: true });
    await rig.run(60_000);
    expect(
      rig
        .tasks()
        .map(({ id }) => id)
        .toSorted(),
    ).to.deep.equal(before.map(({ id }) => id));
    const { reasons } = await rig.cluster.mustCall("Control.Explain", { id: "web" });
    expect(reasons.map(({ message }) => message).join("\n")).to.match(/volume db is on node .* started nowhere else/);
    rig.cluster.boot(worker);
    await rig.until("it runs again", 10_000, () => rig.running().length === REPLICAS);
    expect(rig.running()).to.deep.equal(before);
  });

  it("drains a node without a moment in which a task is missing, under a leader that dies meanwhile too", async () => {
    for (const seed of [80, 81]) {
      const rig = await Rig.start(seed);
      const worker = rig.busyWorker();
      const { node } = await rig.cluster.mustCall("Control.GetNode", { id: worker.id });
      const spec = { ...node?.spec, availability: "DRAIN", drainParallelism: 1 } as const;
      const version = node?.meta?.version ?? 0;
      await rig.cluster.mustCall("Control.UpdateNode", { requestId: `drain-${seed}`, id: worker.id, version, spec });
      if (seed === 81) rig.cluster.crash(rig.leader(), { power: false });
      let least = REPLICAS;
      await rig.until("empty", 15_000, () => {
        const running = rig.cluster.workers.flatMap(({ engine }) => engine?.running() ?? []);
        least = Math.min(least, running.length);
        return rig.tasksOn(worker).length === 0 && rig.running().length === REPLICAS;
      });
      expect(least, `seed ${seed}`).to.equal(REPLICAS);
    }
  });

  describe("a host that led and worked and dies", () => {
    /** @returns ms until what ran there runs elsewhere */
    async function lost(rig: Rig): Promise<number> {
      const leader = rig.leader();
      expect(rig.tasksOn(leader), "the leader runs tasks").to.not.deep.equal([]);
      rig.cluster.crash(leader, { power: true });
      return await rig.until(
        "its tasks run elsewhere",
        15_000,
        () => rig.running().filter(({ nodeId }) => nodeId !== leader.id).length === REPLICAS,
      );
    }

    it("has its tasks running elsewhere within 7 s: others knew when it was last heard of", async () => {
      for (const seed of [60, 61, 62, 63]) {
        const rig = await Rig.start(seed, { managersRun: true, workers: 1 });
        // Its agent began at the only manager there was.
        await rig.run(15_000);
        const tookMs = await lost(rig);
        expect(tookMs, `seed ${seed}`).to.be.within(4900, 7000);
      }
    });

    it("also under a leader that was itself restarted a moment ago", async () => {
      for (const seed of [64, 65]) {
        const rig = await Rig.start(seed, { managersRun: true, workers: 1 });
        await rig.run(15_000);
        for (const follower of rig.cluster.managers.filter((manager) => manager !== rig.leader())) {
          rig.cluster.crash(follower, { power: true });
          await rig.run(500);
          rig.cluster.boot(follower);
          await rig.until("it is back", 10_000, () => rig.node(follower).status?.state === "READY");
          await rig.until("all runs", 10_000, () => rig.running().length === REPLICAS);
          await rig.run(2000);
        }
        const tookMs = await lost(rig);
        expect(tookMs, `seed ${seed}`).to.be.within(4900, 7000);
      }
    });
  });
});
