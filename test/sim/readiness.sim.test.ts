/** What runs and is not ready counts for nothing: through agents, managers and a change of leader, on simulated time. */
import { expect } from "chai";
import { isReady } from "../../src/model/task-state.ts";
import type { Task } from "../../src/model/index.ts";
import type { ServiceSpecInput } from "../../src/proto/gen/ServiceSpec.ts";
import { SimCluster } from "../support/sim-cluster.ts";
import type { FakeProbe } from "../support/fake-engine.ts";

const REPLICAS = 3;

class Rig {
  readonly cluster: SimCluster;
  /** What tasks answer, by image; anything else is good. */
  readonly answers: Record<string, FakeProbe> = {};
  /** The fewest tasks that were ready and wanted at any entry, since the service stood. */
  fewest = Infinity;
  #request = 0;

  constructor(seed: number) {
    const probe = (image: string): FakeProbe => this.answers[image] ?? { isOk: true };
    this.cluster = new SimCluster(seed, {
      traits: (_, role) => ({
        runs: role === "worker",
        engine: { probe: ({ spec }) => probe(spec.container?.image ?? "") },
      }),
    });
  }

  static async start(seed: number): Promise<Rig> {
    const rig = new Rig(seed);
    await rig.cluster.start({ managers: 3, workers: 2 });
    await rig.cluster.mustCall("Control.CreateService", { requestId: "create", spec: aSpec("app:1") });
    await rig.until("all ready", () => rig.ready().length === REPLICAS);
    return rig;
  }

  async update(spec: ServiceSpecInput): Promise<void> {
    const { service } = await this.cluster.mustCall("Control.GetService", { id: "web" });
    this.#request += 1;
    await this.cluster.mustCall("Control.UpdateService", {
      requestId: `update-${this.#request}`,
      id: "web",
      version: service!.meta!.version,
      spec,
    });
  }

  tasks(): readonly Task[] {
    const store = (this.cluster.leader() ?? this.cluster.managers.find((one) => this.cluster.isUp(one)))?.node?.manager
      ?.store;
    return [...(store?.view().all("task") ?? [])];
  }

  ready(): readonly Task[] {
    return this.tasks().filter((task) => task.desired === "RUNNING" && isReady(task));
  }

  running(revision: number): readonly Task[] {
    return this.tasks().filter((task) => task.revision === revision && task.status?.state === "RUNNING");
  }

  async run(ms: number): Promise<void> {
    const until = this.cluster.sim.now + ms;
    while (this.cluster.sim.now < until) {
      await this.cluster.sim.run(20);
      if (this.cluster.leader() !== null) this.fewest = Math.min(this.fewest, this.ready().length);
    }
  }

  async until(what: string, isDone: () => boolean, timeoutMs = 30_000): Promise<void> {
    const from = this.cluster.sim.now;
    while (!isDone()) {
      if (this.cluster.sim.now - from > timeoutMs) throw new Error(`${what}: not within ${timeoutMs} ms`);
      await this.run(20);
    }
  }
}

function aSpec(image: string): ServiceSpecInput {
  return {
    name: "web",
    replicated: { replicas: REPLICAS },
    update: { order: "START_FIRST" },
    task: {
      container: { image, stopGraceMs: 1000 },
      checks: { readiness: { http: { port: 80, path: "/ready" }, intervalMs: 500, timeoutMs: 500, failures: 2 } },
    },
  };
}

describe("sim: readiness", () => {
  it("holds a rollout at its first slot until the new task is ready, whoever leads, and takes no old one away", async () => {
    const rig = await Rig.start(1);
    rig.answers["app:2"] = { isOk: false, message: "status 503" };
    rig.fewest = Infinity;
    await rig.update(aSpec("app:2"));
    await rig.until("the new task runs", () => rig.running(2).length === 1);
    await rig.run(20_000);
    expect(rig.running(2).map(({ status }) => [status?.ready, status?.checkMessage])).to.deep.equal([
      [false, "readiness check: status 503"],
    ]);
    const leader = rig.cluster.leader();
    rig.cluster.crash(leader!, { power: false });
    await rig.until("another leader", () => rig.cluster.leader() !== null);
    await rig.run(10_000);
    expect(rig.running(1)).to.have.length(REPLICAS);
    const held = await rig.cluster.mustCall("Control.GetService", { id: "web" });
    expect([held.service?.rollout?.state, held.service?.rollout?.updated]).to.deep.equal(["UPDATING", 0]);
    expect([held.running, held.ready]).to.deep.equal([REPLICAS + 1, REPLICAS]);

    delete rig.answers["app:2"];
    await rig.until(
      "all are of the new revision",
      () => rig.ready().filter(({ revision }) => revision === 2).length === REPLICAS,
      60_000,
    );
    await rig.run(10_000);
    const done = await rig.cluster.mustCall("Control.GetService", { id: "web" });
    expect(done.service?.rollout).to.include({ state: "COMPLETED", updated: REPLICAS });
    expect(rig.fewest, "tasks ready at the worst moment").to.equal(REPLICAS);
  });

  it("says what is not ready any more, and keeps it running", async () => {
    const rig = await Rig.start(2);
    const before = rig.tasks().map(({ id }) => id);
    rig.answers["app:1"] = { isOk: true, tookMs: 10_000 };
    await rig.until("none is ready", () => rig.ready().length === 0);
    const sick = await rig.cluster.mustCall("Control.GetService", { id: "web" });
    expect([sick.running, sick.ready]).to.deep.equal([REPLICAS, 0]);
    const { summary } = await rig.cluster.mustCall("Control.Explain", { id: "web.1" });
    expect(summary).to.match(/^it runs on node \w+ and is not ready: readiness check: no answer within 500 ms$/);
    delete rig.answers["app:1"];
    await rig.until("all ready again", () => rig.ready().length === REPLICAS);
    expect(rig.tasks().map(({ id }) => id)).to.deep.equal(before);
  });
});
