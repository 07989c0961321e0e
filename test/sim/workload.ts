/**
 * Clients of a simulated cluster: they create, scale, update and remove services, remember what was
 * acknowledged, and know what must hold at the end.
 */
import { AppError } from "../../src/util/errors.ts";
import { newId } from "../../src/util/id.ts";
import type { ServiceSpecInput } from "../../src/proto/gen/ServiceSpec.ts";
import type { Machine, SimCluster } from "../support/sim-cluster.ts";

/** What a client knows of one service name; `maybe` holds changes whose outcome it never learned. */
export type ServiceRecord = {
  readonly name: string;
  id: string;
  acked: "none" | "created" | "removed";
  replicas: number;
  maybe: boolean;
};

const THINK_MS_MAX = 400;

export class Workload {
  readonly #cluster: SimCluster;
  readonly records: ServiceRecord[] = [];
  acknowledged = 0;
  refused = 0;
  #isStopped = false;
  #running = 0;

  constructor(cluster: SimCluster) {
    this.#cluster = cluster;
  }

  start(clients: number): void {
    for (let at = 1; at <= clients; at += 1) {
      this.#running += 1;
      void this.#client(at).finally(() => (this.#running -= 1));
    }
  }

  /** True once every client has ended its last call. */
  get isIdle(): boolean {
    return this.#running === 0;
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #client(number: number): Promise<void> {
    for (let round = 1; !this.#isStopped; round += 1) {
      const record: ServiceRecord = {
        name: `s${number}-${round}`,
        id: "",
        acked: "none",
        replicas: this.#dice(3),
        maybe: false,
      };
      this.records.push(record);
      await this.#create(record);
      if (record.acked === "created" && this.#chance(0.5))
        await this.#change(record, (spec) => this.#mutate(record, spec));
      if (record.acked === "created" && this.#chance(0.3)) await this.#remove(record);
      await this.#pause(this.#cluster.sim.random() * THINK_MS_MAX);
    }
  }

  async #create(record: ServiceRecord): Promise<void> {
    const requestId = newId(this.#cluster.machine("m1").env);
    const spec: ServiceSpecInput = {
      name: record.name,
      replicated: { replicas: record.replicas },
      task: { container: { image: "app:1", stopGraceMs: 1000 }, restart: { delayMs: 100 } },
    };
    await this.#repeat(record, async (manager) => {
      const { service } = await this.#cluster.call(manager, "Control.CreateService", { requestId, spec });
      record.id = service?.id ?? "";
      record.acked = "created";
    });
  }

  async #change(record: ServiceRecord, change: (spec: ServiceSpecInput) => ServiceSpecInput): Promise<void> {
    const requestId = newId(this.#cluster.machine("m1").env);
    const before = record.replicas;
    let version = 0;
    let spec: ServiceSpecInput = {};
    await this.#repeat(record, async (manager) => {
      if (version === 0) {
        const { service } = await this.#cluster.call(manager, "Control.GetService", { id: record.id });
        if (service === null || service.spec === null)
          throw new AppError("not-found", "An acknowledged service is gone");
        version = service.meta?.version ?? 0;
        spec = change(service.spec);
      }
      await this.#cluster.call(manager, "Control.UpdateService", { requestId, id: record.id, version, spec });
    });
    if (record.maybe) record.replicas = before;
  }

  #mutate(record: ServiceRecord, spec: ServiceSpecInput): ServiceSpecInput {
    if (this.#chance(0.5)) {
      record.replicas = this.#dice(4);
      return { ...spec, replicated: { replicas: record.replicas } };
    }
    return { ...spec, task: { ...spec.task, container: { ...spec.task?.container, image: "app:2" } } };
  }

  async #remove(record: ServiceRecord): Promise<void> {
    const requestId = newId(this.#cluster.machine("m1").env);
    await this.#repeat(record, async (manager) => {
      await this.#cluster.call(manager, "Control.RemoveService", { requestId, id: record.id });
      record.acked = "removed";
    });
  }

  /** The same change under the same request id, at one manager after the other, until an answer is clear. */
  async #repeat(record: ServiceRecord, attempt: (manager: Machine) => Promise<void>): Promise<void> {
    for (let tries = 0; tries < 12; tries += 1) {
      const { managers } = this.#cluster;
      const manager = managers[this.#dice(managers.length) - 1];
      if (manager === undefined) return;
      try {
        await attempt(manager);
        this.acknowledged += 1;
        return;
      } catch (error) {
        const { code, message } = AppError.from(error);
        const isClear =
          code !== "unavailable" &&
          code !== "deadline" &&
          code !== "unknown-outcome" &&
          code !== "not-leader" &&
          code !== "exhausted";
        if (isClear && code !== "cancelled") {
          // `conflict` on a service only this client touches would mean a change applied twice or lost.
          throw new Error(`${record.name}: ${code} ${message} (seed ${this.#cluster.sim.seed})`, { cause: error });
        }
        this.refused += 1;
      }
      await this.#pause(50 + this.#cluster.sim.random() * 300);
    }
    record.maybe = true;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#cluster.sim.schedule(ms, resolve));
  }

  #dice(sides: number): number {
    return 1 + Math.floor(this.#cluster.sim.random() * sides);
  }

  #chance(probability: number): boolean {
    return this.#cluster.sim.random() < probability;
  }
}
