/**
 * `key=value` filters of lists and watches: values of one key are alternatives, keys must all hold.
 * Names compare without regard to case; `name` and `id` match the start.
 */
import type { Node, Run, Service, Task } from "../../model/index.ts";
import { nodeName, taskName } from "../../model/naming.ts";
import { RUN_STATES, runStateText } from "../../model/run.ts";
import { modeOf, SERVICE_MODES } from "../../model/service-mode.ts";
import { observedState, TASK_STATE_NUMBER } from "../../model/task-state.ts";
import { revisionId } from "../../store/revisions.ts";
import type { ReadTx } from "../../store/types.ts";
import { invalid } from "../../util/errors.ts";

export const FILTERS_MAX = 100;

type Match<Row> = (row: Row, value: string, tx: ReadTx) => boolean;
type Key<Row> = { readonly match: Match<Row>; readonly values?: readonly string[] };
type Keys<Row> = Readonly<Record<string, Key<Row>>>;

export type Filter<Row> = (row: Row, tx: ReadTx) => boolean;
export type ParsedFilters = ReadonlyMap<string, readonly string[]>;

const TASK_STATES = Object.keys(TASK_STATE_NUMBER).map((state) => state.toLowerCase());

const SERVICE_KEYS: Keys<Service> = {
  name: { match: (service, value) => startsWith(service.spec?.name, value) },
  id: { match: (service, value) => service.id.startsWith(value) },
  label: { match: (service, value) => hasLabel(service.spec?.labels, value) },
  mode: { match: (service, value) => same(modeOf(service.spec), value), values: SERVICE_MODES },
};

const TASK_KEYS: Keys<Task> = {
  service: { match: (task, value) => task.serviceId.startsWith(value) || same(task.serviceName, value) },
  node: {
    match: (task, value, tx) =>
      task.nodeId !== "" && (task.nodeId.startsWith(value) || isNodeNamed(tx, task.nodeId, value)),
  },
  "desired-state": { match: (task, value) => same(task.desired, value), values: TASK_STATES },
  state: { match: (task, value) => same(observedState(task), value), values: TASK_STATES },
  name: { match: (task, value) => startsWith(taskName(task), value) },
  id: { match: (task, value) => task.id.startsWith(value) },
  label: { match: (task, value, tx) => taskHasLabel(tx, task, value) },
  run: { match: (task, value) => task.run > 0 && String(task.run) === value },
};

const NODE_KEYS: Keys<Node> = {
  name: { match: (node, value) => startsWith(nodeName(node), value) },
  id: { match: (node, value) => node.id.startsWith(value) },
  role: { match: (node, value) => same(node.role, value), values: ["worker", "manager"] },
  availability: {
    match: (node, value) => same(node.spec?.availability ?? "ACTIVE", value),
    values: ["active", "pause", "drain"],
  },
  state: {
    match: (node, value) => same(node.status?.state ?? "UNKNOWN", value),
    values: ["unknown", "ready", "unreachable", "down", "left"],
  },
  label: { match: (node, value) => hasLabel(node.spec?.labels, value) },
};

const RUN_KEYS: Keys<Run> = {
  service: { match: (run, value) => run.serviceId.startsWith(value) || same(run.serviceName, value) },
  state: { match: (run, value) => same(runStateText(run.state), value), values: RUN_STATES.map(runStateText) },
};

export const FILTER_KEYS: Readonly<Record<"service" | "task" | "node" | "run", readonly string[]>> = {
  service: Object.keys(SERVICE_KEYS),
  task: Object.keys(TASK_KEYS),
  node: Object.keys(NODE_KEYS),
  run: Object.keys(RUN_KEYS),
};

export function parseFilters(filters: readonly string[], allowed: readonly string[], path = "filters"): ParsedFilters {
  if (filters.length > FILTERS_MAX) throw invalid(path, `${filters.length} filters`, `use at most ${FILTERS_MAX}`);
  const parsed = new Map<string, string[]>();
  for (const [at, text] of filters.entries()) {
    const equals = text.indexOf("=");
    const key = equals === -1 ? text : text.slice(0, equals);
    const value = equals === -1 ? "" : text.slice(equals + 1);
    if (!allowed.includes(key)) {
      throw invalid(`${path}[${at}]`, `unknown filter "${key}"`, `filter by ${allowed.join(", ")}`);
    }
    if (value === "") throw invalid(`${path}[${at}]`, `filter "${key}" has no value`, `write it as ${key}=value`);
    parsed.set(key, [...(parsed.get(key) ?? []), value]);
  }
  return parsed;
}

export function serviceFilter(filters: ParsedFilters): Filter<Service> {
  return compile(SERVICE_KEYS, filters);
}

export function taskFilter(filters: ParsedFilters): Filter<Task> {
  return compile(TASK_KEYS, filters);
}

export function runFilter(filters: ParsedFilters): Filter<Run> {
  return compile(RUN_KEYS, filters);
}

export function nodeFilter(filters: ParsedFilters): Filter<Node> {
  return compile(NODE_KEYS, filters);
}

/** A kind that does not have one of the keys has no match: `node=` asks for tasks, not for services. */
function compile<Row>(keys: Keys<Row>, filters: ParsedFilters): Filter<Row> {
  const tests: { readonly match: Match<Row>; readonly values: readonly string[] }[] = [];
  for (const [name, values] of filters) {
    const key = keys[name];
    if (key === undefined) return () => false;
    checkValues(name, values, key.values);
    tests.push({ match: key.match, values });
  }
  return (row, tx) => tests.every(({ match, values }) => values.some((value) => match(row, value, tx)));
}

function checkValues(name: string, values: readonly string[], allowed: readonly string[] | undefined): void {
  if (allowed === undefined) return;
  const wrong = values.find((value) => !allowed.includes(value.toLowerCase()));
  if (wrong !== undefined)
    throw invalid("filters", `${name}=${wrong} is unknown`, `use ${name}=${allowed.join(" or ")}`);
}

function same(text: string, value: string): boolean {
  return text.toLowerCase() === value.toLowerCase();
}

function startsWith(text: string | undefined, value: string): boolean {
  return text?.toLowerCase().startsWith(value.toLowerCase()) ?? false;
}

/** `key` or `key=value`. */
function hasLabel(labels: Readonly<Record<string, string>> | undefined, text: string): boolean {
  const equals = text.indexOf("=");
  const label = labels?.[equals === -1 ? text : text.slice(0, equals)];
  return label !== undefined && (equals === -1 || label === text.slice(equals + 1));
}

function taskHasLabel(tx: ReadTx, task: Task, text: string): boolean {
  if (hasLabel(tx.get("service", task.serviceId)?.spec?.labels, text)) return true;
  return hasLabel(tx.get("revision", revisionId(task.serviceId, task.revision))?.spec?.container?.labels, text);
}

function isNodeNamed(tx: ReadTx, id: string, name: string): boolean {
  const node = tx.get("node", id);
  return node !== undefined && same(nodeName(node), name);
}
