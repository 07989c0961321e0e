/** What a task spec asks of a node, made ready for asking many nodes. One spec is made ready once. */
import { parseConstraint, parseNodeKey } from "../../model/constraint.ts";
import type { Constraint, ConstraintKey } from "../../model/constraint.ts";
import { constraintsOf } from "../../model/constraint-match.ts";
import { DEFAULT_AFFINITY_WEIGHT } from "../../model/defaults.ts";
import { amountOf, GPU_KIND, reservationsOf } from "../../model/resources.ts";
import type { GpuRequest, Placement, Platform, PlacementStrategy, PortSpec, TaskSpec } from "../../model/index.ts";

/** Amounts of what is counted. */
export type Amounts = {
  readonly nanoCpus: number;
  readonly memoryBytes: number;
  /** By kind; only what is more than 0. */
  readonly generic: ReadonlyMap<string, number>;
};

export type Affinity = { readonly constraint: Constraint; readonly weight: number };

export type Needs = {
  readonly runtime: "container" | "process";
  readonly reserved: Amounts;
  readonly reservesAny: boolean;
  /** Ports whose number on the node is asked for; 0 takes a free one and conflicts with nothing. */
  readonly ports: readonly PortSpec[];
  /** Of nodes. */
  readonly constraints: readonly Constraint[];
  /** Of what else runs on the node's engine. */
  readonly company: readonly Constraint[];
  /** Names and ids, lower case, of services whose tasks must not come to where a task of this spec is. */
  readonly shuns: readonly string[];
  readonly platforms: readonly Platform[];
  /** 0 is no limit. */
  readonly maxPerNode: number;
  /** Levels, the widest first. */
  readonly spread: readonly ConstraintKey[];
  readonly affinities: readonly Affinity[];
  readonly strategy: PlacementStrategy;
  readonly logDriver: string;
  readonly gpus: GpuRequest | null;
  /**
   * What the request for GPUs takes of a node that says how many it has: so many, ALL_GPUS, or 0 for none, or where the
   * task reserves them itself as a generic resource.
   */
  readonly gpuShare: number;
  readonly hasDevices: boolean;
};

/** @param spec null reserves and asks for nothing */
export function needsOf(spec: TaskSpec | null | undefined): Needs {
  if (!spec) return NOTHING;
  const known = made.get(spec);
  if (known !== undefined) return known;
  const needs = makeNeeds(spec);
  made.set(spec, needs);
  return needs;
}

const made = new WeakMap<TaskSpec, Needs>();

function makeNeeds(spec: TaskSpec): Needs {
  const { placement, container, process, ports, log } = spec;
  const reserved = amountsOf(spec);
  const constraints = constraintsOf(placement);
  const company = constraints.filter(({ key }) => key === "service");
  return {
    runtime: process ? "process" : "container",
    reserved,
    reservesAny: reserved.nanoCpus > 0 || reserved.memoryBytes > 0 || reserved.generic.size > 0,
    ports: ports.filter((port) => port.published !== 0),
    constraints: constraints.filter(({ key }) => key !== "service"),
    company,
    shuns: company.flatMap(({ test }) => (test.kind === "one-of" && test.negated ? test.values.map(lower) : [])),
    platforms: placement?.platforms ?? [],
    maxPerNode: placement?.maxReplicasPerNode ?? 0,
    ...preferencesOf(placement),
    strategy: placement?.strategy ?? "DEFAULT",
    logDriver: log?.driver ?? "",
    gpus: container?.gpus ?? null,
    gpuShare: reserved.generic.has(GPU_KIND) ? 0 : shareOf(container?.gpus ?? null),
    hasDevices: container ? container.devices.length > 0 || container.deviceCgroupRules.length > 0 : false,
  };
}

function amountsOf(spec: TaskSpec): Amounts {
  const { nanoCpus, memoryBytes, generic } = reservationsOf(spec);
  return {
    nanoCpus,
    memoryBytes,
    generic: new Map(generic.map((one) => [one.kind, amountOf(one)] as const).filter(([, amount]) => amount > 0)),
  };
}

/** Named ones count as any others: only the engine knows which of its GPUs they are. */
function shareOf(gpus: GpuRequest | null): number {
  if (gpus === null) return 0;
  return gpus.deviceIds.length > 0 ? gpus.deviceIds.length : gpus.count;
}

function preferencesOf(placement: Placement | null): Pick<Needs, "spread" | "affinities"> {
  const preferences = placement?.preferences ?? [];
  return {
    spread: preferences.flatMap(({ spread = "" }) => parseNodeKey(spread) ?? []),
    affinities: preferences.flatMap(({ affinity }) =>
      affinity
        ? [
            {
              constraint: parseConstraint(affinity.constraint, "placement.preferences"),
              weight: affinity.weight === 0 ? DEFAULT_AFFINITY_WEIGHT : affinity.weight,
            },
          ]
        : [],
    ),
  };
}

function lower(text: string): string {
  return text.toLowerCase();
}

const NOTHING: Needs = {
  runtime: "container",
  reserved: { nanoCpus: 0, memoryBytes: 0, generic: new Map() },
  reservesAny: false,
  ports: [],
  constraints: [],
  company: [],
  shuns: [],
  platforms: [],
  maxPerNode: 0,
  spread: [],
  affinities: [],
  strategy: "DEFAULT",
  logDriver: "",
  gpus: null,
  gpuShare: 0,
  hasDevices: false,
};
