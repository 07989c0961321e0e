/** Placement on whole clusters: what a label changes is done although the leader dies meanwhile, and what fits nowhere holds nobody up. */
import { expect } from "chai";
import type { Task } from "../../src/model/index.ts";
import { isWanted } from "../../src/model/task-state.ts";
import type { ServiceSpecInput } from "../../src/proto/gen/ServiceSpec.ts";
import type { TaskSpecInput } from "../../src/proto/gen/TaskSpec.ts";
import { SimCluster, type Machine } from "../support/sim-cluster.ts";

const REPLICAS = 4;

class Rig {
  readonly cluster: SimCluster;
  #requests = 0;

  constructor(seed: number) {
    this.cluster = new SimCluster(seed);
  }

  async create(name: string, task: TaskSpecInput, replicas = REPLICAS): Promise<void> {
    const container = { image: "app:1", stopGraceMs: 500 };
    const spec: ServiceSpecInput = { name, replicated: { replicas }, task: { container, ...task } };
    await this.cluster.mustCall("Control.CreateService", { requestId: this.#requestId(), spec });
  }

  async label(machine: Machine, labels: Record<string, string>): Promise<void> {
    const { node } = await this.cluster.mustCall("Control.GetNode", { id: machine.id });
    const spec = { ...node!.spec!, labels };
    const version = node!.meta!.version;
    await this.cluster.mustCall("Control.UpdateNode", { requestId: this.#requestId(), id: machine.id, version, spec });
  }

  /** Of the services' wanted tasks, those that run, by worker's name. */
  running(name: string): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const task of this.wanted(name)) {
      const machine = this.cluster.workers.find(({ id }) => id === task.nodeId);
      if (machine !== undefined && task.status?.state === "RUNNING")
        counts[machine.name] = (counts[machine.name] ?? 0) + 1;
    }
    return counts;
  }

  wanted(name: string): readonly Task[] {
    const store = this.cluster.leader()?.node?.manager?.store.view();
    return [...(store?.all("task") ?? [])].filter((task) => task.serviceName === name && isWanted(task));
  }

  async until(what: string, isDone: () => boolean): Promise<void> {
    await this.cluster.sim.runUntil(isDone, { timeoutMs: 60_000, what });
  }

  #requestId(): string {
    this.#requests += 1;
    return `placement-${this.#requests}`;
  }
}

describe("sim: placement", function () {
  this.timeout(60_000);

  for (const seed of [1, 2]) {
    it(`spreads over zones, moves what a label takes away while the leader dies, and lets the unplaceable wait (seed ${seed})`, async () => {
      const rig = new Rig(seed);
      const { cluster } = rig;
      await cluster.start({ managers: 3, workers: 4 });
      const [w1, w2, w3, w4] = cluster.workers as [Machine, Machine, Machine, Machine];
      await rig.create(
        "nowhere",
        { placement: { constraints: ["node.labels.zone exists", "service == missing"] } },
        50,
      );
      await rig.create("web", {
        placement: { constraints: ["node.labels.zone exists"], preferences: [{ spread: "node.labels.zone" }] },
      });
      await cluster.sim.run(2000);
      expect(rig.wanted("web").map(({ pendingReason }) => pendingReason)).to.deep.equal(
        Array<string>(REPLICAS).fill(
          "no suitable node (constraint node.labels.zone exists not satisfied on 4 nodes; no container runtime on 3 nodes)",
        ),
      );
      await Promise.all([w1, w2].map((machine) => rig.label(machine, { zone: "a" })));
      await rig.label(w3, { zone: "b" });
      await rig.until(
        "all run",
        () => Object.values(rig.running("web")).reduce((sum, count) => sum + count, 0) === REPLICAS,
      );
      await rig.label(w4, { zone: "b" });
      const moved = rig.label(w1, {});
      const leader = cluster.leader()!;
      cluster.crash(leader, { power: true });
      await moved;
      await rig.until("all run where they may", () => {
        const { [w1.name]: left = 0, ...counts } = rig.running("web");
        return left === 0 && Object.values(counts).reduce((sum, count) => sum + count, 0) === REPLICAS;
      });
      cluster.boot(leader);
      expect(new Set(rig.wanted("nowhere").map(({ nodeId }) => nodeId)), "nobody runs without company").to.deep.equal(
        new Set([""]),
      );
      await rig.create("missing", { placement: { constraints: [`node.id == ${w2.id}`] } }, 1);
      await rig.until("they follow whom they waited for", () => rig.running("nowhere")[w2.name] === 50);
    });
  }
});
