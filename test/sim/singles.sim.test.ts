/** The narrow ways in which what never runs twice could: an agent that was not told, and one that is back at the last moment. */
import { expect } from "chai";
import { Rig, REPLICAS } from "../support/node-rig.ts";
import type { Machine } from "../support/sim-cluster.ts";

describe("sim/singles", () => {
  const containers = (rig: Rig): number => rig.cluster.workers.flatMap(({ engine }) => engine?.running() ?? []).length;

  async function change(rig: Rig, part: { readonly single?: boolean; readonly replicas?: number }): Promise<void> {
    const { service } = await rig.cluster.mustCall("Control.GetService", { id: "web" });
    const { single = service?.spec?.single ?? false, replicas } = part;
    const spec = { ...service?.spec, single, ...(replicas === undefined ? {} : { replicated: { replicas } }) };
    const version = service?.specVersion ?? 0;
    const requestId = `change-${rig.cluster.sim.now}`;
    await rig.cluster.mustCall("Control.UpdateService", { requestId, id: "web", version, spec });
  }

  it("starts nothing elsewhere for a node that was cut off before it heard that its task never runs twice", async () => {
    const rig = await Rig.start(90);
    await change(rig, { replicas: 1 });
    await rig.until("one is left", 15_000, () => containers(rig) === 1);
    const worker = rig.busyWorker();
    const heal = rig.cutOff(worker);
    await change(rig, { single: true });
    await rig.run(90_000);
    expect(worker.engine?.running(), "its agent knows nothing, and lets it run").to.have.length(1);
    expect(containers(rig)).to.equal(1);
    const { reasons } = await rig.cluster.mustCall("Control.Explain", { id: "web" });
    expect(reasons.map(({ message }) => message).join("\n")).to.match(/has not heard that it never runs twice/);
    heal();
    await rig.until("it is told", 15_000, () => rig.tasks().some(({ status }) => status?.single === true));
    expect(rig.running()).to.have.length(1);
    // From now on it is stopped when it should be.
    rig.cutOff(worker);
    await rig.until("it stops", 26_000, () => worker.engine?.running().length === 0);
    await rig.until("it runs elsewhere", 12_000, () => containers(rig) === 1);
  });

  /** The worker reaches one follower only, and that one does not reach the leader: what it knows is from before. */
  function reachOnly(rig: Rig, worker: Machine, follower: Machine): () => void {
    const others = rig.cluster.managers.filter((machine) => machine !== follower);
    const heals = [rig.cutOff(worker, others), rig.cutOff(follower, [rig.leader()])];
    return () => {
      for (const heal of heals) heal();
    };
  }

  it("never runs twice when its host is back right when it is given up, at a manager that has not heard of that", async () => {
    for (const [at, backMs] of [27_800, 28_600, 29_200, 29_800].entries()) {
      const rig = await Rig.start(91 + at, { single: true });
      const worker = rig.busyWorker();
      rig.cluster.crash(worker, { power: true });
      await rig.run(backMs);
      const heal = reachOnly(rig, worker, rig.follower());
      rig.cluster.boot(worker);
      let most = 0;
      const from = rig.cluster.sim.now;
      await rig.until("20 s pass", 21_000, () => {
        most = Math.max(most, containers(rig));
        if (rig.cluster.sim.now - from > 3_000) heal();
        return rig.cluster.sim.now - from > 20_000;
      });
      expect(most, `back after ${backMs} ms: at once`).to.equal(1);
      expect(rig.running(), `back after ${backMs} ms`).to.have.length(1);
    }
  });

  it("starts, called single, when all that ran of it before have stopped, those of other slots too", async () => {
    const rig = await Rig.start(96);
    for (const { engine } of rig.cluster.workers) if (engine) engine.behaviour.stopMs = 900;
    expect(containers(rig)).to.equal(REPLICAS);
    await change(rig, { replicas: 0 });
    await change(rig, { replicas: 1, single: true });
    const starts = rig.cluster.workers.map(({ engine }) => engine);
    for (const engine of starts) {
      if (!engine) continue;
      engine.behaviour.onEffect = ({ op }) => {
        if (op === "start") expect(containers(rig), "running when it starts").to.equal(0);
      };
    }
    await rig.until("one runs", 15_000, () => rig.running().length === 1 && containers(rig) === 1);
  });
});
