/** One run's world, as faults, workloads and invariants see it. */
import type { Manager } from "../../../src/manager/manager.ts";
import type { GenericResource } from "../../../src/model/index.ts";
import type { Change, ChangeSet } from "../../../src/store/types.ts";
import { AppError } from "../../../src/util/errors.ts";
import type { LogFields, Logger } from "../../../src/util/log.ts";
import type { ServiceOperation } from "../../support/linearizability/models.ts";
import type { Delivery } from "../../support/memory-rpc.ts";
import { SimCluster, type Machine } from "../../support/sim-cluster.ts";
import { RunHash, seeded, type Sim } from "../../support/sim-env.ts";
import { Coverage } from "./coverage.ts";
import { Dice } from "./dice.ts";
import { DiskHealth } from "./disk-health.ts";
import { imageBehaviour } from "./images.ts";
import { Violation, type Invariant, type MakeInvariant } from "./invariant.ts";
import { Links } from "./links.ts";
import { taskText } from "./task-text.ts";
import type { Plan } from "./plan.ts";
import { Site } from "./site.ts";
import { Truth } from "./truth.ts";

/** Between two looks of invariants that cost more than O(1). */
const LOOK_MS = 500;

export type WorldOptions = {
  readonly seed: number;
  readonly plan: Plan;
  readonly trace: ((line: string) => void) | null;
  readonly invariants: readonly MakeInvariant[];
};

export class World {
  readonly seed: number;
  readonly plan: Plan;
  readonly cluster: SimCluster;
  readonly sim: Sim;
  readonly links: Links;
  /** What faults choose with. */
  readonly luck: Dice;
  readonly site: Site;
  readonly truth = new Truth();
  readonly coverage = new Coverage();
  readonly disks = new Map<string, DiskHealth>();
  /** What clients saw. */
  readonly history: ServiceOperation[] = [];
  /** Something between managers was disturbed, last at this time: what agents' managers say may be late. */
  disturbedAt = 0;
  violation: Violation | null = null;
  readonly #trace: ((line: string) => void) | null;
  readonly #invariants: readonly Invariant[];
  readonly #hash = new RunHash();
  #point = 0;

  constructor({ seed, plan, trace, invariants }: WorldOptions) {
    this.seed = seed;
    this.plan = plan;
    this.#trace = trace;
    this.luck = this.dice("luck");
    this.links = new Links(this.dice("links"), plan.network);
    const clocks = this.dice("clocks");
    this.cluster = new SimCluster(seed, {
      log: this.#logger({}),
      delayMs: (from, to) => this.links.delayMs(from, to),
      keepaliveMs: plan.network.keepaliveMs,
      tuning: plan.tuning,
      taskHistoryLimit: plan.taskHistoryLimit,
      traits: (name, role) => ({
        clock: {
          fromZero: true,
          drift: clocks.between(1 - plan.drift, 1 + plan.drift),
          skewMs: Math.round(clocks.between(0, plan.skewMs)),
        },
        diskProbe: async () => this.disk(name).space(),
        probeOf: (path) => async () => (path === name ? this.disk(name).space() : this.disk(name).engineSpace()),
        engine: {
          ...plan.engine,
          ...imageBehaviour(this.dice(`engine ${name}`)),
          storagePath: `${name}/engine`,
          collect: () => this.#collect(name),
          onEffect: (effect) => this.#onEffect(name, effect),
        },
        labels: { zone: clocks.one("a", "b") },
        generic: genericOf(this.dice(`generic ${name}`)),
        runs: role === "worker" || plan.managersRun,
      }),
    });
    this.sim = this.cluster.sim;
    this.links.network = this.cluster.network;
    this.sim.hash = this.#hash;
    this.site = new Site(this);
    this.#invariants = invariants.map((make) => make(this));
    this.#watch();
    this.#look();
  }

  /** Dice of their own for whoever has this name: who rolls more often changes nobody else's luck. */
  dice(name: string): Dice {
    return new Dice(seeded(this.seed, `cluster ${name}`));
  }

  /** Ends the run. The first failure counts. */
  fail(invariant: string, why: string): void {
    this.trace(() => `VIOLATION ${invariant}: ${why}`);
    this.violation ??= new Violation(invariant, why);
    this.sim.fail(this.violation);
  }

  trace(line: () => string): void {
    this.#trace?.(`${this.sim.now.toFixed(2).padStart(10)} ${line()}`);
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.sim.schedule(ms, resolve));
  }

  /** A point of the one clock of histories: it never shows a value twice. */
  point(): number {
    return (this.#point += 1);
  }

  disk(name: string): DiskHealth {
    const known = this.disks.get(name);
    if (known !== undefined) return known;
    const made = new DiskHealth(() => this.sim.now);
    this.disks.set(name, made);
    return made;
  }

  /** Managers' or links' trouble that may keep the leader from hearing of nodes, until `ms` from now. */
  disturbs(ms: number): void {
    this.disturbedAt = Math.max(this.disturbedAt, this.sim.now + ms);
  }

  /** How long managers have had no trouble and a leader: what is due is done within a while of that. */
  get calmMs(): number {
    return this.sim.now - this.disturbedAt;
  }

  machineOf(nodeId: string): Machine | undefined {
    return this.cluster.machines.find(({ id }) => id === nodeId);
  }

  upManagers(): Machine[] {
    return this.cluster.managers.filter((machine) => machine.isUp && !machine.env.isPaused);
  }

  managersOf(): { readonly machine: Machine; readonly manager: Manager }[] {
    return this.cluster.machines.flatMap((machine) => {
      const manager = machine.node?.manager;
      return manager === null || manager === undefined ? [] : [{ machine, manager }];
    });
  }

  atEnd(): void {
    for (const invariant of this.#invariants) this.#check(invariant, () => invariant.atEnd?.());
    if (this.violation !== null) throw this.violation;
  }

  digest(): string {
    return this.#hash.digest();
  }

  #watch(): void {
    const { cluster, sim } = this;
    const hooks = <K extends keyof Invariant>(key: K): Invariant[] =>
      this.#invariants.filter((one) => one[key] !== undefined);
    const [onEntry, afterEntry, onApplied] = [hooks("onEntry"), hooks("afterEntry"), hooks("onApplied")];
    const onDelivery = hooks("onDelivery");
    cluster.onApplied = (machine, set, isFirst) => {
      if (isFirst) {
        for (const one of onEntry) this.#check(one, () => one.onEntry?.(set));
        this.truth.apply(set);
        this.#traceEntry(set);
        for (const one of afterEntry) this.#check(one, () => one.afterEntry?.(set));
      }
      for (const one of onApplied) this.#check(one, () => one.onApplied?.(machine, set));
    };
    cluster.network.onDeliver = (delivery) => {
      this.#onDelivery(delivery);
      for (const one of onDelivery) this.#check(one, () => one.onDelivery?.(delivery));
    };
    cluster.onNode = (machine) => {
      this.trace(() => `boot ${machine.name} ${machine.role} ${machine.id}`);
      this.disk(machine.name).attach(
        machine.disk,
        this.dice(`disk ${machine.name}/${machine.boots}`),
        this.plan.disk.syncMs,
      );
      for (const one of this.#invariants) this.#check(one, () => one.onBoot?.(machine));
    };
    cluster.onFatal = (machine, error) => this.#ended(machine, error);
    cluster.onStartFailed = (machine, error) => this.#ended(machine, error);
    sim.onError = (error, env) => this.fail("nothing throws", `${env?.name ?? "?"}: ${textOf(error)}`);
  }

  #traceEntry({ version, changes }: ChangeSet): void {
    if (this.#trace === null) return;
    for (const change of changes) this.trace(() => `entry ${version} ${changeText(change)}`);
  }

  #ended(machine: Machine, error: AppError): void {
    this.trace(() => `ended ${machine.name}: ${error.code} ${error.message}`);
    if (error.code === "internal")
      this.fail("ends are explained", `${machine.name} ended: ${textOf(error.cause ?? error)}`);
    this.sim.schedule(0, () => this.site.ended(machine, error));
  }

  #onEffect(name: string, effect: Parameters<NonNullable<Invariant["onEffect"]>>[1]): void {
    const machine = this.cluster.machine(name);
    this.trace(
      () => `engine ${name} ${effect.op} ${effect.taskId.slice(0, 6)} (${effect.container?.state.state ?? "none"})`,
    );
    for (const one of this.#invariants) this.#check(one, () => one.onEffect?.(machine, effect));
  }

  #onDelivery({ from, to, path, kind, data, direction }: Delivery): void {
    this.#hash.add(`${from}>${to} ${path} ${direction} ${kind}`, data ?? undefined);
    this.trace(() => `${from}>${to} ${path.replace("/shoal.v1.", "")} ${direction} ${kind} ${data?.byteLength ?? ""}`);
  }

  #collect(name: string): number {
    this.coverage.add("images collected");
    return this.disk(name).collect();
  }

  #look(): void {
    this.sim.schedule(LOOK_MS, () => {
      this.site.look();
      if (this.cluster.leader() === null) this.disturbs(0);
      for (const one of this.#invariants) this.#check(one, () => one.onLook?.());
      this.#look();
    });
  }

  #check(invariant: Invariant, look: () => void): void {
    try {
      look();
    } catch (error) {
      this.fail(invariant.name, textOf(error));
    }
  }

  /** An error in a node's log is a bug somewhere, unless a machine's own parts are broken. */
  #logger(fields: LogFields): Logger {
    const line = (level: string, message: string, more: LogFields = {}): void =>
      this.trace(() => `${level} ${message} ${JSON.stringify({ ...fields, ...more }, plain)}`);
    return {
      debug: () => undefined,
      info: (message, more) => line("info", message, more),
      warn: (message, more) => line("warn", message, more),
      error: (message, more) => {
        line("error", message, more);
        if (BUGS.has(message))
          this.fail("no bug is logged", `${message} ${JSON.stringify({ ...fields, ...more }, plain)}`);
      },
      child: (more) => this.#logger({ ...fields, ...more }),
    };
  }
}

/** Logged for what no fault explains. */
const BUGS: ReadonlySet<string> = new Set([
  "call failed",
  "agent background task failed",
  "disk guard failed",
  "role changes are not followed any more",
  "assignment without a task ignored",
]);

/** What a node has to offer beside CPU and memory: some by name, some by number. */
function genericOf(dice: Dice): GenericResource[] {
  return [
    ...(dice.chance(0.6) ? [{ kind: "gpu", count: 0, names: ["g0", "g1", "g2"].slice(dice.int(3)) }] : []),
    { kind: "licence", count: 1 + dice.int(3), names: [] },
  ];
}

function changeText({ table, id, before, after }: Change): string {
  const kind = before === undefined ? "+" : after === undefined ? "-" : "";
  switch (table) {
    case "task":
      return `${kind}task ${taskText(after ?? before)}`;
    case "node":
      return `${kind}node ${after?.spec?.name ?? id} ${after?.role} ${after?.spec?.availability} ${after?.status?.state}`;
    default:
      return `${kind}${table} ${after !== undefined && "spec" in after ? JSON.stringify(after.spec) : id}`;
  }
}

function plain(_key: string, value: unknown): unknown {
  return value instanceof Error ? textOf(value) : value;
}

function textOf(error: unknown): string {
  if (error instanceof AppError) return `${error.code} ${error.message} ${error.stack ?? ""}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
