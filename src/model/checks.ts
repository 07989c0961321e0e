/** Checks of single values, each with the field's path, what is allowed, and what to do next. */
import { invalid } from "../util/errors.ts";

/** Longer waits than a year are a mistake in the unit. */
export const DURATION_MS_MAX = 365 * 24 * 3_600_000;
export const LABEL_KEY_LENGTH_MAX = 255;
/** Elements of any one list in a spec; the whole spec's size is bounded as well. */
export const LIST_LENGTH_MAX = 1_000;
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?$/;
const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?)*$/;
/** An IPv6 address in brackets. */
const HOST_PORT = /^(?:\[[0-9a-fA-F:.]+\]|[^\s:[\]]+):(\d{1,5})$/;
const HOST_PORT_LENGTH_MAX = 253;
const IPV4_PART = /^(?:0|[1-9]\d{0,2})$/;

/** Underscores as in Swarm, whose stacks need them. */
export function checkName(value: string, path: string, { lengthMax = 63 }: { lengthMax?: number } = {}): void {
  if (value === "") throw invalid(path, "a name is needed", "give one like web or web-2");
  if (value.length > lengthMax)
    throw invalid(path, `name has ${value.length} characters, at most ${lengthMax} are allowed`, "shorten it");
  if (NAME.test(value)) return;
  throw invalid(
    path,
    `"${shown(value)}" is not a valid name`,
    "use letters, digits, dashes and underscores, with a letter or digit first and last",
  );
}

/** Names with dots, as hosts have. */
export function checkHostName(value: string, path: string, lengthMax: number): void {
  if (value.length <= lengthMax && HOST_NAME.test(value)) return;
  throw invalid(
    path,
    `"${shown(value)}" is not a host name of at most ${lengthMax} characters`,
    "use letters, digits, dashes and dots",
  );
}

/** @param portMin 0 where any free port will do */
export function checkHostPort(value: string, path: string, { portMin = 1 }: { portMin?: number } = {}): void {
  const port = Number(HOST_PORT.exec(value)?.[1] ?? -1);
  if (value.length <= HOST_PORT_LENGTH_MAX && port >= portMin && port <= 65_535) return;
  throw invalid(path, `"${shown(value)}" is not HOST:PORT`, "write it like 10.0.0.5:7377 or [fd00::5]:7377");
}

export function checkInteger(value: number, path: string, { min, max }: { min: number; max: number }): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  throw invalid(path, `${value} is out of range`, `use a whole number from ${min} to ${max}`);
}

export function checkDuration(value: number, path: string): void {
  if (value < 0) throw invalid(path, `${value} ms is negative`, "use 0 or more milliseconds");
  if (!Number.isSafeInteger(value) || value > DURATION_MS_MAX) {
    throw invalid(path, `${value} ms is longer than a year`, "durations are milliseconds: check the unit");
  }
}

export function checkOneOf(value: string, path: string, allowed: readonly string[]): void {
  if (!allowed.includes(value))
    throw invalid(path, `unknown value ${shown(value)}`, `use one of ${allowed.join(", ")}`);
}

export function checkLabels(labels: Readonly<Record<string, string>>, path: string): void {
  const entries = Object.entries(labels);
  if (entries.length > LIST_LENGTH_MAX)
    throw invalid(path, `${entries.length} labels`, `use at most ${LIST_LENGTH_MAX}`);
  for (const [key, value] of entries) {
    if (key === "" || key.length > LABEL_KEY_LENGTH_MAX || /[\s=\0]/.test(key)) {
      throw invalid(
        `${path}.${shown(key)}`,
        "is not a label key",
        `use 1 to ${LABEL_KEY_LENGTH_MAX} characters without spaces and equals signs`,
      );
    }
    checkText(value, `${path}.${key}`);
  }
}

/** Programs and the kernel end a text at a zero byte: what follows would silently be lost. */
export function checkText(value: string, path: string): void {
  if (value.includes("\0")) throw invalid(path, "contains a zero byte", "remove it");
}

export function checkTexts(values: readonly string[], path: string): void {
  checkLength(values, path);
  for (const [at, value] of values.entries()) checkText(value, `${path}[${at}]`);
}

export function checkLength(values: readonly unknown[], path: string, lengthMax = LIST_LENGTH_MAX): void {
  if (values.length > lengthMax) throw invalid(path, `${values.length} elements`, `use at most ${lengthMax}`);
}

export function checkEnv(values: readonly string[], path: string): void {
  checkLength(values, path);
  for (const [at, value] of values.entries()) {
    const here = `${path}[${at}]`;
    checkText(value, here);
    if (value.indexOf("=") > 0) continue;
    throw invalid(
      here,
      `"${shown(value)}" is not NAME=value`,
      value.includes("=") ? "name the variable" : `write ${shown(value) || "NAME"}=value`,
    );
  }
}

/** Empty is allowed: it is the image's or the agent's own. */
export function checkAbsolutePath(value: string, path: string): void {
  checkText(value, path);
  if (value !== "" && !value.startsWith("/"))
    throw invalid(path, `"${shown(value)}" is not an absolute path`, "start it with /");
}

export function isIpAddress(text: string): boolean {
  return isIpv4(text) || isIpv6(text);
}

function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => IPV4_PART.test(part) && Number(part) <= 255);
}

function isIpv6(text: string): boolean {
  if (!text.includes(":") || text.includes(":::")) return false;
  const halves = text.split("::");
  if (halves.length > 2) return false;
  let groups = 0;
  for (const [at, half] of halves.entries()) {
    if (half === "") continue;
    const parts = half.split(":");
    const tail = parts.at(-1) ?? "";
    // The last four bytes may be written as IPv4.
    if (at === halves.length - 1 && isIpv4(tail)) {
      groups += 1;
    } else if (!/^[0-9a-fA-F]{1,4}$/.test(tail)) return false;
    if (!parts.slice(0, -1).every((part) => /^[0-9a-fA-F]{1,4}$/.test(part))) return false;
    groups += parts.length;
  }
  return halves.length === 2 ? groups < 8 : groups === 8;
}

export function shown(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 77)}…`;
}
