/**
 * Placement constraints: `node.labels.zone == a`. Keys and meaning are Swarm's: all constraints must
 * hold, values compare without regard to case, label keys with it, a missing label is the empty text.
 */
import { cidrContains, parseCidr } from "../util/cidr.ts";
import { invalid } from "../util/errors.ts";
import type { Node } from "./index.ts";
import { normalArchitecture } from "./platform.ts";

const PLAIN_KEYS = [
  "node.id",
  "node.hostname",
  "node.ip",
  "node.role",
  "node.platform.os",
  "node.platform.arch",
] as const;
const LABEL_KEYS = ["node.labels.", "engine.labels."] as const;
type PlainKey = (typeof PLAIN_KEYS)[number];
type LabelKey = (typeof LABEL_KEYS)[number];

export type Constraint = {
  readonly key: PlainKey | LabelKey;
  /** The label's own key, case kept; empty for plain keys. */
  readonly label: string;
  readonly operator: "==" | "!=";
  readonly value: string;
};

/** Longer texts are refused: a constraint is evaluated for every node at every placement. */
export const CONSTRAINT_LENGTH_MAX = 512;

const FORM = /^\s*([A-Za-z_][A-Za-z0-9\-_./]*)\s*(==|!=)\s*(.*?)\s*$/;
const NEXT = "write it as <key> == <value> or <key> != <value>";
const KEYS_TEXT = [...PLAIN_KEYS, "node.labels.<key>", "engine.labels.<key>"].join(", ");

/** @param path field path for the error, e.g. `spec.task.placement.constraints[0]`. @throws AppError invalid */
export function parseConstraint(text: string, path: string): Constraint {
  if (text.length > CONSTRAINT_LENGTH_MAX) {
    throw invalid(path, `constraint is longer than ${CONSTRAINT_LENGTH_MAX} characters`, "shorten it");
  }
  const match = FORM.exec(text);
  if (match === null) throw invalid(path, `constraint "${text}" does not parse`, NEXT);
  const [, keyText = "", operator = "", value = ""] = match;
  if (value === "") throw invalid(path, `constraint "${text}" has no value`, NEXT);
  const parsed = parseKey(keyText);
  if (parsed === null) throw invalid(path, `constraint key "${keyText}" is unknown`, `use one of ${KEYS_TEXT}`);
  checkValue(parsed.key, value, path);
  return { ...parsed, operator: operator === "==" ? "==" : "!=", value };
}

export function matches(constraint: Constraint, node: Node): boolean {
  return holdsEqual(constraint, node) === (constraint.operator === "==");
}

/** The constraint in its one canonical spelling, for messages. */
export function constraintText(constraint: Constraint): string {
  return `${constraint.key}${constraint.label} ${constraint.operator} ${constraint.value}`;
}

function parseKey(text: string): Pick<Constraint, "key" | "label"> | null {
  const lower = text.toLowerCase();
  const plain = PLAIN_KEYS.find((key) => key === lower);
  if (plain !== undefined) return { key: plain, label: "" };
  const prefix = LABEL_KEYS.find((key) => lower.startsWith(key) && lower.length > key.length);
  return prefix === undefined ? null : { key: prefix, label: text.slice(prefix.length) };
}

function checkValue(key: Constraint["key"], value: string, path: string): void {
  if (key === "node.role" && !["worker", "manager"].includes(value.toLowerCase())) {
    throw invalid(path, `node role "${value}" is unknown`, "use worker or manager");
  }
  if (key === "node.ip" && parseCidr(value) === null) {
    throw invalid(path, `"${value}" is not an IP address or prefix`, "use for example 10.0.0.5 or 10.0.0.0/24");
  }
}

function holdsEqual({ key, label, value }: Constraint, node: Node): boolean {
  switch (key) {
    case "node.id":
      return same(node.id, value);
    case "node.hostname":
      return same(node.description?.hostname ?? "", value);
    case "node.ip":
      return ipMatches(node.address, value);
    case "node.role":
      return same(node.role, value);
    case "node.platform.os":
      return same(node.description?.platform?.os ?? "", value);
    case "node.platform.arch":
      return normalArchitecture(node.description?.platform?.architecture ?? "") === normalArchitecture(value);
    case "node.labels.":
      return same(labelOf(node.spec?.labels, label), value);
    case "engine.labels.":
      return same(labelOf(node.description?.engineLabels, label), value);
  }
}

function labelOf(labels: Readonly<Record<string, string>> | undefined, key: string): string {
  // Label keys come from users: `constructor` must not find what every object inherits.
  return labels !== undefined && Object.hasOwn(labels, key) ? (labels[key] ?? "") : "";
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** @param address `host:port`, the host of IPv6 in brackets. */
function ipMatches(address: string, value: string): boolean {
  const host = /^\[(.+)\](?::\d+)?$/.exec(address)?.[1] ?? /^([^:]+)(?::\d+)?$/.exec(address)?.[1] ?? address;
  const actual = parseCidr(host);
  const wanted = parseCidr(value);
  return actual !== null && wanted !== null && cidrContains(wanted, actual);
}
