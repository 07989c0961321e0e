/** Which events a caller wants. Pure. */
import type { Event, EventLevel } from "../../model/index.ts";
import { invalid } from "../../util/errors.ts";
import type { ParsedFilters } from "./filters.ts";

const LEVELS = ["INFO", "WARNING", "ERROR"] as const satisfies readonly EventLevel[];
const TYPES = ["service", "task", "node", "run", "cluster"];

type Match = (event: Event, value: string) => boolean;

/** An object is meant by the beginning of its id, or by its name. */
const KEYS: Readonly<Record<string, Match>> = {
  type: (event, value) => event.type === value.toLowerCase(),
  event: (event, value) => event.action === value.toLowerCase(),
  level: (event, value) => LEVELS.indexOf(event.level) >= levelIndex(value),
  service: (event, value) => isMeant(event.serviceId, event.serviceName, value),
  node: (event, value) => isMeant(event.nodeId, event.nodeName, value),
  task: (event, value) => event.type === "task" && isMeant(event.id, event.name, value),
  actor: (event, value) => event.cause?.actor === value,
};

export const EVENT_FILTER_KEYS: readonly string[] = Object.keys(KEYS);

/** Values of one key are alternatives, keys must all hold. @throws AppError `invalid` for a value that none can have */
export function eventFilter(filters: ParsedFilters): (event: Event) => boolean {
  for (const value of filters.get("level") ?? []) if (levelIndex(value) < 0) throw unknown("level", value, LEVELS);
  for (const value of filters.get("type") ?? [])
    if (!TYPES.includes(value.toLowerCase())) throw unknown("type", value, TYPES);
  const tests = [...filters].map(([key, values]) => ({ match: KEYS[key], values }));
  return (event) => tests.every(({ match, values }) => values.some((value) => match?.(event, value) ?? false));
}

function levelIndex(value: string): number {
  return LEVELS.findIndex((level) => level.toLowerCase() === value.toLowerCase());
}

function isMeant(id: string, name: string, value: string): boolean {
  return id !== "" && (id.startsWith(value) || name.toLowerCase() === value.toLowerCase());
}

function unknown(key: string, value: string, allowed: readonly string[]): Error {
  return invalid("filters", `${key}=${value} is unknown`, `use ${key}=${allowed.join(" or ").toLowerCase()}`);
}
