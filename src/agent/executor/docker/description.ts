/** What a node with an engine offers. Pure. */
import type { ExecutorDescription } from "../executor.ts";

/** The part of the engine's /info that is read. */
export type EngineInfo = {
  readonly NCPU: number;
  readonly MemTotal: number;
  readonly OSType: string;
  readonly Architecture: string;
  readonly ServerVersion: string;
  readonly Labels: readonly string[] | null;
};

const NANOS = 1_000_000_000;

/** Before an engine ever answered. */
export const UNKNOWN_ENGINE: ExecutorDescription = {
  runtimes: ["container"],
  resources: { nanoCpus: 0, memoryBytes: 0 },
  os: "",
  architecture: "",
  engineId: "",
  engineVersion: "",
  engineLabels: {},
};

/** @param answer what came from the engine; what is missing is zero or empty. */
export function parseInfo(answer: unknown): EngineInfo {
  const fields = new Map(typeof answer === "object" && answer !== null ? Object.entries(answer) : []);
  const text = (name: string): string => String(fields.get(name) ?? "");
  const count = (name: string): number => Number(fields.get(name) ?? 0);
  const labels: unknown = fields.get("Labels");
  return {
    NCPU: count("NCPU"),
    MemTotal: count("MemTotal"),
    OSType: text("OSType"),
    Architecture: text("Architecture"),
    ServerVersion: text("ServerVersion"),
    Labels: Array.isArray(labels) ? labels.filter((label) => typeof label === "string") : null,
  };
}

export function describeEngine(info: EngineInfo, engineId: string): ExecutorDescription {
  return {
    runtimes: ["container"],
    resources: { nanoCpus: info.NCPU * NANOS, memoryBytes: info.MemTotal },
    os: info.OSType,
    architecture: info.Architecture,
    engineId,
    engineVersion: info.ServerVersion,
    engineLabels: Object.fromEntries((info.Labels ?? []).map(parseLabel)),
  };
}

function parseLabel(text: string): [string, string] {
  const at = text.indexOf("=");
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
