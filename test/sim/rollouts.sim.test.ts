/** Rollouts and restarts on whole clusters: leaders, engines and hosts that die on the way change nothing of what is promised. */
import { expect } from "chai";
import type { RolloutState, Service, Task } from "../../src/model/index.ts";
import type { ServiceSpecInput } from "../../src/proto/gen/ServiceSpec.ts";
import type { TaskSpecInput } from "../../src/proto/gen/TaskSpec.ts";
import type { ExecutorTask } from "../../src/agent/executor/executor.ts";
import type { FakeEffect } from "../support/fake-engine.ts";
import { SimCluster, type Machine } from "../support/sim-cluster.ts";

const REPLICAS = 4;
/** Its containers end at once. */
const BROKEN = "broken:1";

type Setup = {
  readonly managers?: number;
  readonly workers?: number;
  readonly image?: string;
  readonly spec?: ServiceSpecInput;
  readonly restart?: NonNullable<TaskSpecInput["restart"]>;
};

class Rig {
  readonly cluster: SimCluster;
  readonly #setup: Setup;
  /** Containers that were started. */
  starts = 0;
  #requests = 0;

  private constructor(seed: number, setup: Setup) {
    this.#setup = setup;
    const engine = {
      prepareMs: 300,
      lifeOf: ({ spec }: ExecutorTask) => (spec.container?.image === BROKEN ? { ms: 50, exitCode: 1 } : null),
      onEffect: ({ op }: FakeEffect) => {
        if (op === "start") this.starts += 1;
      },
    };
    this.cluster = new SimCluster(seed, { traits: (_, role) => (role === "worker" ? { engine } : { runs: false }) });
  }

  static async start(seed: number, setup: Setup = {}): Promise<Rig> {
    const rig = new Rig(seed, setup);
    await rig.cluster.start({ managers: setup.managers ?? 3, workers: setup.workers ?? 3 });
    const spec = rig.#spec(setup.image ?? "web:1");
    await rig.cluster.mustCall("Control.CreateService", { requestId: "create", spec });
    return rig;
  }

  async update(image: string): Promise<void> {
    this.#requests += 1;
    const { id, specVersion: version } = this.service;
    const requestId = `update-${this.#requests}`;
    await this.cluster.mustCall("Control.UpdateService", { requestId, id, version, spec: this.#spec(image) });
  }

  async run(ms: number): Promise<void> {
    await this.cluster.sim.run(ms);
  }

  async until(what: string, timeoutMs: number, isDone: () => boolean): Promise<void> {
    await this.cluster.sim.runUntil(isDone, { timeoutMs, what });
  }

  /** Kills a leader whenever there is one for so long, until the rollout is there. @returns the fewest tasks that ran */
  async reaches(state: RolloutState, leadersLastMs = Infinity): Promise<number> {
    let fewest = Infinity;
    let killAtMs = this.cluster.sim.now + leadersLastMs;
    await this.until(state, 120_000, () => {
      const leader = this.cluster.leader();
      if (leader === null) return false;
      fewest = Math.min(fewest, this.running().length);
      if (this.service.rollout?.state === state) return true;
      if (this.cluster.sim.now < killAtMs) return false;
      killAtMs = this.cluster.sim.now + leadersLastMs;
      this.cluster.crash(leader, { power: false });
      this.cluster.sim.schedule(1000, () => this.cluster.boot(leader));
      return false;
    });
    return fewest;
  }

  get service(): Service {
    const [service] = this.#view().all("service");
    if (service === undefined) throw new Error("There is no service");
    return service;
  }

  tasks(): readonly Task[] {
    return [...this.#view().all("task")];
  }

  /** Ids of what is wanted and runs, in order. */
  running(): readonly string[] {
    const running = this.tasks().filter((task) => task.desired === "RUNNING" && task.status?.state === "RUNNING");
    return running.map(({ id }) => id).toSorted();
  }

  #spec(image: string): ServiceSpecInput {
    const { restart = { delayMs: 100 }, spec } = this.#setup;
    const task = { container: { image, stopGraceMs: 500 }, restart };
    return { name: "web", replicated: { replicas: REPLICAS }, ...spec, task };
  }

  #view(): ReturnType<NonNullable<NonNullable<Machine["node"]>["manager"]>["store"]["view"]> {
    const machine = this.cluster.leader() ?? this.cluster.managers.find((manager) => manager.node !== null);
    const view = machine?.node?.manager?.store.view();
    if (view === undefined) throw new Error("No manager is up");
    return view;
  }
}

describe("sim/rollouts", () => {
  for (const order of ["START_FIRST", "STOP_FIRST"] as const) {
    it(`${order}: goes on from leader to leader, and one slot at a time`, async () => {
      for (const seed of [1, 2]) {
        const rig = await Rig.start(seed, { spec: { update: { order, monitorMs: 2000 } } });
        await rig.until("all run", 10_000, () => rig.running().length === REPLICAS);
        await rig.update("web:2");
        const fewest = await rig.reaches("COMPLETED", 2500);
        expect(fewest, `seed ${seed}`).to.equal(order === "START_FIRST" ? REPLICAS : REPLICAS - 1);
        expect(rig.cluster.leaderTerms.size, "leaders").to.be.at.least(3);
        expect(rig.service.rollout).to.include({ total: REPLICAS, updated: REPLICAS });
        expect(rig.starts, "each slot was filled twice").to.equal(2 * REPLICAS);
      }
    });

    it(`${order}: goes back by itself under whatever leader, and the tasks that serve are none the worse`, async () => {
      for (const seed of [3, 4]) {
        const rig = await Rig.start(seed, { spec: { update: { order } } });
        await rig.until("all run", 10_000, () => rig.running().length === REPLICAS);
        const originals = rig.running();
        await rig.update(BROKEN);
        const fewest = await rig.reaches("ROLLED_BACK", 2000);
        await rig.until("all run again", 10_000, () => rig.running().length === REPLICAS);
        const untouched = originals.filter((id) => rig.running().includes(id));
        expect(fewest, `seed ${seed}`).to.be.at.least(order === "START_FIRST" ? REPLICAS : REPLICAS - 1);
        expect(untouched.length).to.equal(order === "START_FIRST" ? REPLICAS : REPLICAS - 1);
        expect(rig.service.revision).to.equal(1);
      }
    });
  }
});

describe("sim/restarts", () => {
  it("start a container that ends at once at most 30 times an hour, and leave at most five", async () => {
    const rig = await Rig.start(5, { managers: 1, workers: 1, image: BROKEN, spec: { replicated: { replicas: 1 } } });
    await rig.run(3_600_000);
    expect(rig.starts).to.be.within(15, 30);
    expect(rig.cluster.workers[0]?.engine?.containers()).to.have.length.within(1, 5);
  });

  it("are not charged with an engine that restarts, nor with a host that reboots", async () => {
    const rig = await Rig.start(6, { workers: 2, restart: { condition: "ON_FAILURE", maxAttempts: 1 } });
    await rig.until("all run", 10_000, () => rig.running().length === REPLICAS);
    const before = rig.running();
    const [worker] = rig.cluster.workers;
    for (const trouble of [
      () => worker?.engine?.restart(2000),
      () => {
        if (worker === undefined) return;
        rig.cluster.crash(worker, { power: true });
        rig.cluster.sim.schedule(2500, () => rig.cluster.boot(worker));
      },
    ]) {
      const { starts } = rig;
      trouble();
      await rig.until("its tasks are started again", 30_000, () => rig.starts === starts + REPLICAS / 2);
      await rig.run(10_000);
      expect(rig.running(), "the same tasks, in place").to.deep.equal(before);
      expect(rig.tasks()).to.have.length(REPLICAS);
    }
  });
});
