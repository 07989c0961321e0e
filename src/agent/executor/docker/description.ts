/** What a node with an engine offers. Pure. */
import { GENERIC_NAMES_MAX } from "../../../model/generic-resources.ts";
import type { GenericResource } from "../../../model/index.ts";
import { GPU_KIND, NO_RESOURCES } from "../../../model/resources.ts";
import type { ExecutorDescription } from "../executor.ts";

/** The part of the engine's /info that is read. */
export type EngineInfo = {
  readonly NCPU: number;
  readonly MemTotal: number;
  readonly OSType: string;
  readonly Architecture: string;
  readonly ServerVersion: string;
  readonly Labels: readonly string[] | null;
  /** The engine's own setting node-generic-resources. */
  readonly GenericResources: readonly GenericResource[];
  /** Names of what it can run containers with; "nvidia" hands out GPUs. */
  readonly Runtimes: readonly string[];
  /** CDI names of devices it has found, "nvidia.com/gpu=0"; engines before 28.2 say nothing. */
  readonly DiscoveredDevices: readonly string[];
  readonly LogDrivers: readonly string[];
  /** Where the engine keeps everything. */
  readonly DockerRootDir: string;
};

const NANOS = 1_000_000_000;

/** Before an engine ever answered. */
export const UNKNOWN_ENGINE: ExecutorDescription = {
  runtimes: ["container"],
  resources: NO_RESOURCES,
  os: "",
  architecture: "",
  engineId: "",
  engineVersion: "",
  engineLabels: {},
  deviceDrivers: [],
  logDrivers: [],
};

/** @param answer what came from the engine; what is missing is zero or empty. */
export function parseInfo(answer: unknown): EngineInfo {
  const fields = fieldsOf(answer);
  const text = (name: string): string => textOf(fields.get(name));
  const count = (name: string): number => Number(fields.get(name) ?? 0);
  const labels: unknown = fields.get("Labels");
  return {
    NCPU: count("NCPU"),
    MemTotal: count("MemTotal"),
    OSType: text("OSType"),
    Architecture: text("Architecture"),
    ServerVersion: text("ServerVersion"),
    Labels: Array.isArray(labels) ? textsOf(labels) : null,
    GenericResources: genericOf(listOf(fields.get("GenericResources"))),
    Runtimes: [...fieldsOf(fields.get("Runtimes")).keys()],
    DiscoveredDevices: textsOf(listOf(fields.get("DiscoveredDevices")).map((device) => fieldsOf(device).get("ID"))),
    DockerRootDir: text("DockerRootDir"),
    LogDrivers: textsOf(listOf(fieldsOf(fields.get("Plugins")).get("Log"))),
  };
}

export function describeEngine(info: EngineInfo, engineId: string): ExecutorDescription {
  return {
    runtimes: ["container"],
    resources: { nanoCpus: info.NCPU * NANOS, memoryBytes: info.MemTotal, generic: genericResources(info) },
    os: info.OSType,
    architecture: info.Architecture,
    engineId,
    engineVersion: info.ServerVersion,
    engineLabels: Object.fromEntries((info.Labels ?? []).map(parseLabel)),
    deviceDrivers: deviceDrivers(info),
    logDrivers: info.LogDrivers.toSorted(),
  };
}

/** The operator's word about GPUs wins over what the engine has found. */
function genericResources({ GenericResources, DiscoveredDevices }: EngineInfo): GenericResource[] {
  const gpus = gpuNames(DiscoveredDevices).slice(0, GENERIC_NAMES_MAX);
  const isTold = gpus.length === 0 || GenericResources.some(({ kind }) => kind === GPU_KIND);
  return isTold ? [...GenericResources] : [...GenericResources, { kind: GPU_KIND, count: 0, names: gpus }];
}

/** "nvidia.com/gpu=0", once more by its UUID, and "=all": one name a GPU. None where vendors are mixed: names may clash. */
function gpuNames(devices: readonly string[]): string[] {
  const pairs = devices.map((id) => id.split("=")).filter(([kind = ""]) => kind.endsWith("/gpu"));
  if (new Set(pairs.map(([kind]) => kind)).size !== 1) return [];
  const names = [...new Set(pairs.map(([, name = ""]) => name))].filter((name) => name !== "" && name !== "all");
  const byIndex = names.filter((name) => /^\d+(:\d+)?$/.test(name));
  return (byIndex.length > 0 ? byIndex : names).toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }));
}

/** Classes only: a node may have hundreds of devices of one. */
function deviceDrivers({ Runtimes, DiscoveredDevices }: EngineInfo): string[] {
  const classes = DiscoveredDevices.map((id) => id.split("=")[0] ?? "");
  const drivers = new Set([...(Runtimes.includes("nvidia") ? ["nvidia"] : []), ...classes]);
  return [...drivers].filter((name) => name !== "").toSorted();
}

/** One element a name, or one a number: `{NamedResourceSpec: {Kind, Value}}`, `{DiscreteResourceSpec: {Kind, Value}}`. */
function genericOf(list: readonly unknown[]): GenericResource[] {
  const kinds = new Map<string, GenericResource>();
  for (const element of list) {
    const fields = fieldsOf(element);
    const named = fieldsOf(fields.get("NamedResourceSpec"));
    const spec = named.size > 0 ? named : fieldsOf(fields.get("DiscreteResourceSpec"));
    const kind = textOf(spec.get("Kind"));
    if (kind === "") continue;
    const one = kinds.get(kind) ?? { kind, count: 0, names: [] };
    const value: unknown = spec.get("Value");
    if (named.size === 0) kinds.set(kind, { ...one, count: Number(value ?? 0) });
    else if (one.names.length < GENERIC_NAMES_MAX) kinds.set(kind, { ...one, names: [...one.names, textOf(value)] });
  }
  // Names say how many there are as well.
  return [...kinds.values()].map((one) => (one.names.length > 0 ? { ...one, count: 0 } : one));
}

function fieldsOf(value: unknown): ReadonlyMap<string, unknown> {
  return new Map(typeof value === "object" && value !== null ? Object.entries(value) : []);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function textsOf(values: readonly unknown[]): string[] {
  return values.filter((value) => typeof value === "string");
}

function parseLabel(text: string): [string, string] {
  const at = text.indexOf("=");
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
