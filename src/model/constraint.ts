/**
 * Placement constraints as text: `node.labels.zone == a`. Keys and meaning are Swarm's where it has them;
 * beyond it are `in (…)`, `exists`, comparison of numbers, and `service`: where tasks of another service are.
 * All constraints of a service must hold. Whether one does is constraint-match.ts's.
 *
 *   constraint = key ( "==" | "!=" ) value
 *              | key [ "not" ] "in" "(" value { "," value } ")"
 *              | label-key ( "<" | "<=" | ">" | ">=" ) number
 *              | label-key ( "exists" | "!exists" | "not exists" )
 *   value      = "quoted", or bare: to the end of the text, in a list to the next comma
 */
import { parseCidr } from "../util/cidr.ts";
import { invalid } from "../util/errors.ts";
import { TextScanner } from "../util/text-scanner.ts";

const PLAIN_KEYS = [
  "node.id",
  "node.hostname",
  "node.ip",
  "node.role",
  "node.platform.os",
  "node.platform.arch",
  "service",
] as const;
const LABEL_KEYS = ["node.labels.", "engine.labels."] as const;
type PlainKey = (typeof PLAIN_KEYS)[number];
type LabelKey = (typeof LABEL_KEYS)[number];

/** What is looked at. */
export type ConstraintKey = {
  readonly key: PlainKey | LabelKey;
  /** The label's own key, case kept; empty for plain keys. */
  readonly label: string;
};

export type ConstraintTest =
  /** `==` and `!=` are lists of one. */
  | { readonly kind: "one-of"; readonly negated: boolean; readonly values: readonly string[] }
  | { readonly kind: "compare"; readonly operator: "<" | "<=" | ">" | ">="; readonly number: number }
  | { readonly kind: "exists"; readonly negated: boolean };

export type Constraint = ConstraintKey & { readonly test: ConstraintTest };

/** Longer texts are refused: a constraint is evaluated for every node at every placement. */
export const CONSTRAINT_LENGTH_MAX = 512;
export const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)$/;

const KEY = /[A-Za-z_][A-Za-z0-9\-_./]*/y;
const SERVICE = /^[A-Za-z0-9_-]{1,63}$/;
const OPERATOR = /==|!=|<=|>=|<|>|(?:not\s+)?in(?=[\s(]|$)|(?:!|not\s+)?exists(?=\s|$)/iy;
const KEYS_TEXT = [...PLAIN_KEYS, "node.labels.<key>", "engine.labels.<key>"].join(", ");
const OPERATORS_TEXT = "write <key>, then ==, !=, in (a, b), not in (a, b), <, <=, >, >=, exists or !exists";

/** @param path field path for the error, e.g. `spec.task.placement.constraints[0]`. @throws AppError invalid */
export function parseConstraint(text: string, path: string): Constraint {
  if (text.length > CONSTRAINT_LENGTH_MAX)
    throw invalid(path, `constraint is longer than ${CONSTRAINT_LENGTH_MAX} characters`, "shorten it");
  const scanner = new TextScanner(text, path, "constraint");
  scanner.skipBlanks();
  const keyAt = scanner.at;
  const keyText = scanner.take(KEY) ?? scanner.fail("a key is missing", `begin with one of ${KEYS_TEXT}`);
  const key = parseKey(keyText) ?? scanner.fail(`key "${keyText}" is unknown`, `use one of ${KEYS_TEXT}`, keyAt);
  scanner.skipBlanks();
  const operatorAt = scanner.at;
  const operator = scanner.take(OPERATOR);
  if (operator === null) return scanner.fail(missingOperator(scanner.rest()), OPERATORS_TEXT);
  const test = parseTest(scanner, key, { name: operator.toLowerCase().replace(/\s+/, " "), at: operatorAt });
  scanner.end(OPERATORS_TEXT);
  return { ...key, test };
}

/** A key alone: what a spread goes by. Null for anything else, `service` included. */
export function parseNodeKey(text: string): ConstraintKey | null {
  const key = parseKey(text);
  return key === null || key.key === "service" || !/^[A-Za-z0-9\-_./]+$/.test(text) ? null : key;
}

/** The constraint in its one canonical spelling, for messages and comparison. */
export function constraintText({ key, label, test }: Constraint): string {
  const name = `${key}${label}`;
  switch (test.kind) {
    case "exists":
      return `${name} ${test.negated ? "!" : ""}exists`;
    case "compare":
      return `${name} ${test.operator} ${test.number}`;
    case "one-of": {
      const [only = "", ...more] = test.values;
      if (more.length === 0)
        return `${name} ${test.negated ? "!=" : "=="} ${/^[\s"]|\s$/.test(only) ? quoted(only) : only}`;
      const list = test.values.map((value) => (/[,()"]|^\s|\s$/.test(value) ? quoted(value) : value)).join(", ");
      return `${name} ${test.negated ? "not in" : "in"} (${list})`;
    }
  }
}

function parseKey(text: string): ConstraintKey | null {
  const lower = text.toLowerCase();
  const plain = PLAIN_KEYS.find((key) => key === lower);
  if (plain !== undefined) return { key: plain, label: "" };
  const prefix = LABEL_KEYS.find((key) => lower.startsWith(key) && lower.length > key.length);
  return prefix === undefined ? null : { key: prefix, label: text.slice(prefix.length) };
}

function missingOperator(rest: string): string {
  if (rest === "") return "the operator is missing";
  return rest.startsWith("=") ? '"=" is no operator' : `"${rest.slice(0, 20)}" begins with no operator`;
}

function parseTest(
  scanner: TextScanner,
  key: ConstraintKey,
  operator: { readonly name: string; readonly at: number },
): ConstraintTest {
  const { name, at } = operator;
  switch (name) {
    case "==":
    case "!=":
      return { kind: "one-of", negated: name === "!=", values: [parseValue(scanner, key)] };
    case "in":
    case "not in":
      return { kind: "one-of", negated: name === "not in", values: parseList(scanner, key) };
    case "<":
    case "<=":
    case ">":
    case ">=":
      if (key.label === "") scanner.fail("only labels are compared as numbers", "use == or !=", at);
      return { kind: "compare", operator: name, number: parseNumber(scanner) };
    default:
      if (key.label === "") scanner.fail("every node has it: only a label may be absent", "use == or !=", at);
      return { kind: "exists", negated: name !== "exists" };
  }
}

function parseNumber(scanner: TextScanner): number {
  scanner.skipBlanks();
  const at = scanner.at;
  const text = scanner.takeRest().trim();
  if (!NUMBER.test(text))
    scanner.fail(text === "" ? "the number is missing" : `"${text}" is no number`, "use one like 100 or 0.5", at);
  return Number(text);
}

/** To the end of the text, without the blanks around it. */
function parseValue(scanner: TextScanner, key: ConstraintKey): string {
  scanner.skipBlanks();
  const at = scanner.at;
  const value = scanner.takeQuoted() ?? scanner.takeRest().trim();
  checkValue(scanner, key, { value, at });
  return value;
}

const BARE_ITEM = /[^,()"]+/y;

function parseList(scanner: TextScanner, key: ConstraintKey): string[] {
  const next = "write it like in (a, b)";
  scanner.skipBlanks();
  if (!scanner.skip("(")) scanner.fail("( is missing", next);
  const values: string[] = [];
  do {
    scanner.skipBlanks();
    const at = scanner.at;
    const value = scanner.takeQuoted() ?? scanner.take(BARE_ITEM)?.trim() ?? "";
    checkValue(scanner, key, { value, at });
    values.push(value);
    scanner.skipBlanks();
  } while (scanner.skip(","));
  if (!scanner.skip(")")) scanner.fail(") is missing", next);
  return values;
}

function checkValue(
  scanner: TextScanner,
  { key }: ConstraintKey,
  { value, at }: { readonly value: string; readonly at: number },
): void {
  if (value === "") scanner.fail("a value is missing", "name one, or ask whether a label exists", at);
  if (key === "node.role" && !["worker", "manager"].includes(value.toLowerCase()))
    scanner.fail(`node role "${value}" is unknown`, "use worker or manager", at);
  if (key === "node.ip" && parseCidr(value) === null)
    scanner.fail(`"${value}" is no IP address or prefix`, "use for example 10.0.0.5 or 10.0.0.0/24", at);
  if (key === "service" && !SERVICE.test(value))
    scanner.fail(`"${value}" is no service's name`, "name a service, or use its id", at);
}

function quoted(value: string): string {
  return `"${value.replace(/["\\]/g, "\\$&")}"`;
}
