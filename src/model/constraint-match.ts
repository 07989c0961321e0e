/** Whether a node satisfies a constraint, and if not, what it is instead. Where services run is the scheduler's to know. */
import { NUMBER, parseConstraint } from "./constraint.ts";
import type { Constraint, ConstraintKey } from "./constraint.ts";
import { cidrContains, parseCidr } from "../util/cidr.ts";
import type { Cidr } from "../util/cidr.ts";
import type { Node, Placement } from "./index.ts";
import { normalArchitecture } from "./platform.ts";

/** Of a stored placement, which was validated: parsing it cannot fail. Parsed once, not once a node. */
export function constraintsOf(placement: Placement | null | undefined): readonly Constraint[] {
  if (!placement || placement.constraints.length === 0) return NONE;
  const known = parsed.get(placement);
  if (known !== undefined) return known;
  const constraints = placement.constraints.map((text) => parseConstraint(text, "placement.constraints"));
  parsed.set(placement, constraints);
  return constraints;
}

const NONE: readonly Constraint[] = [];
const parsed = new WeakMap<Placement, readonly Constraint[]>();

/** Always true for `service`, which says nothing of the node itself. */
export function matches(constraint: Constraint, node: Node): boolean {
  const { key, test } = constraint;
  if (key === "service") return true;
  const actual = valueOf(constraint, node);
  switch (test.kind) {
    case "exists":
      return (actual === undefined) === test.negated;
    case "compare":
      return actual !== undefined && NUMBER.test(actual) && compares(Number(actual), test.operator, test.number);
    case "one-of": {
      // A missing label is the empty text, as in Swarm: it differs from every value.
      const isOne =
        key === "node.ip" ? hasAddress(constraint, actual ?? "") : wantedOf(constraint).has(normal(key, actual ?? ""));
      return isOne !== test.negated;
    }
  }
}

/** What the node is where the constraint asks for something else: `its label zone is b`. */
export function actualText(key: ConstraintKey, node: Node): string {
  const value = valueOf(key, node);
  if (key.label === "") return `its ${key.key.slice("node.".length)} is ${value === "" ? "not known" : value}`;
  const kind = key.key === "engine.labels." ? "its engine's label" : "its label";
  return value === undefined
    ? `it has no ${kind.slice(4)} ${key.label}`
    : `${kind} ${key.label} is ${value === "" ? "empty" : value}`;
}

/** Undefined for a label that is not there. */
export function valueOf({ key, label }: ConstraintKey, node: Node): string | undefined {
  switch (key) {
    case "node.id":
      return node.id;
    case "node.hostname":
      return node.description?.hostname ?? "";
    case "node.ip":
      return ipOf(node);
    case "node.role":
      return node.role.toLowerCase();
    case "node.platform.os":
      return node.description?.platform?.os ?? "";
    case "node.platform.arch":
      return normalArchitecture(node.description?.platform?.architecture ?? "");
    case "node.labels.":
      return labelOf(node.spec?.labels, label);
    case "engine.labels.":
      return labelOf(node.description?.engineLabels, label);
    case "service":
      return "";
  }
}

function labelOf(labels: Readonly<Record<string, string>> | undefined, key: string): string | undefined {
  // Label keys come from users: `constructor` must not find what every object inherits.
  return labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined;
}

/** Values compare without regard to case, as in Swarm. */
function normal(key: Constraint["key"], value: string): string {
  return key === "node.platform.arch" ? normalArchitecture(value) : value.toLowerCase();
}

/** In the form they are compared in; made once a constraint. */
function wantedOf(constraint: Constraint): ReadonlySet<string> {
  const known = wanted.get(constraint);
  if (known !== undefined) return known;
  const { key, test } = constraint;
  const values = new Set(test.kind === "one-of" ? test.values.map((value) => normal(key, value)) : []);
  wanted.set(constraint, values);
  return values;
}

const wanted = new WeakMap<Constraint, ReadonlySet<string>>();

function compares(actual: number, operator: "<" | "<=" | ">" | ">=", bound: number): boolean {
  switch (operator) {
    case "<":
      return actual < bound;
    case "<=":
      return actual <= bound;
    case ">":
      return actual > bound;
    case ">=":
      return actual >= bound;
  }
}

function hasAddress({ test }: Constraint, host: string): boolean {
  const actual = parseCidr(host);
  if (actual === null || test.kind !== "one-of") return false;
  return test.values.some((value) => {
    const range: Cidr | null = parseCidr(value);
    return range !== null && cidrContains(range, actual);
  });
}

/** What its address says, or where that is a name, what the node says that it means. */
function ipOf({ address, description }: Node): string {
  // `host:port`, the host of IPv6 in brackets.
  const host = /^\[(.+)\](?::\d+)?$/.exec(address)?.[1] ?? /^([^:]+)(?::\d+)?$/.exec(address)?.[1] ?? address;
  return parseCidr(host) === null && description?.ip ? description.ip : host;
}
