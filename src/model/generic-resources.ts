/**
 * Generic resources as text and as environment. Docker's words: a node has `gpu=2` or `gpu=UUID1,UUID2`,
 * a service takes `gpu=1`, a task finds what it got in DOCKER_RESOURCE_GPU.
 */
import { checkInteger, checkLength, checkText } from "./checks.ts";
import type { GenericResource } from "./index.ts";
import { invalid } from "../util/errors.ts";

export const GENERIC_KINDS_MAX = 32;
export const GENERIC_COUNT_MAX = 1_000_000;
/** A node has at most so many of a kind by name; its description has 16 KiB. */
export const GENERIC_NAMES_MAX = 256;
export const GENERIC_NAME_LENGTH_MAX = 128;
const KIND = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;
const NAME = /^[^\s,=]+$/;

/** Of a reservation: which ones a task gets is the scheduler's choice. */
export function checkGenericReservations(list: readonly GenericResource[], path: string): void {
  checkLength(list, path, GENERIC_KINDS_MAX);
  for (const [at, { kind, count, names }] of list.entries()) {
    const here = `${path}[${at}]`;
    checkKind(kind, `${here}.kind`);
    if (names.length > 0)
      throw invalid(
        `${here}.names`,
        "a task cannot ask for single ones",
        "ask for a count: which ones is the scheduler's choice",
      );
    checkInteger(count, `${here}.count`, { min: 1, max: GENERIC_COUNT_MAX });
    const first = list.findIndex((other) => other.kind === kind);
    if (first < at)
      throw invalid(
        `${here}.kind`,
        `"${kind}" is asked for twice, first by ${path}[${first}]`,
        "ask once, for their sum",
      );
  }
}

/**
 * What a node has: `gpu=2`, or names: `gpu=UUID1`, several as `gpu=UUID1,UUID2` or one an entry.
 * @param path of the setting, for errors. @throws AppError invalid
 */
export function parseNodeGenericResources(entries: readonly string[], path: string): GenericResource[] {
  const kinds = new Map<string, GenericResource>();
  let kind = "";
  for (const part of entries.flatMap((entry) => entry.split(","))) {
    const text = part.trim();
    if (text === "") continue;
    const at = text.indexOf("=");
    if (at >= 0) kind = text.slice(0, at).trim();
    const value = text.slice(at + 1).trim();
    checkKind(kind, path);
    kinds.set(kind, withValue(kinds.get(kind) ?? { kind, count: 0, names: [] }, value, path));
  }
  return [...kinds.values()];
}

/** `gpu=2`, as services ask. @throws AppError invalid */
export function parseGenericReservation(text: string, path: string): GenericResource {
  const at = text.indexOf("=");
  const kind = text.slice(0, Math.max(0, at));
  const count = text.slice(at + 1);
  if (!/^\d+$/.test(count) || at < 1)
    throw invalid(path, `"${text}" is not KIND=COUNT`, "write it like gpu=2: which ones is the scheduler's choice");
  return { kind, count: Number(count), names: [] };
}

/** The variables that tell a task what it got. Docker's name, and one that every shell can read where that differs. */
export function genericEnv(generic: readonly GenericResource[]): Record<string, string> {
  const env: Record<string, string> = {};
  for (const { kind, count, names } of generic) {
    const name = `DOCKER_RESOURCE_${kind.toUpperCase()}`;
    const value = names.length > 0 ? names.join(",") : String(count);
    env[name] = value;
    env[name.replace(/[^A-Z0-9_]/g, "_")] = value;
  }
  return env;
}

function withValue(before: GenericResource, value: string, path: string): GenericResource {
  const { kind, count, names } = before;
  const mixed = `"${kind}" is given as a number and by name`;
  if (/^\d+$/.test(value)) {
    if (names.length > 0) throw invalid(path, mixed, "choose one of them");
    if (count > 0)
      throw invalid(path, `the number of "${kind}" is given twice`, "give it once, or names that are no numbers");
    checkInteger(Number(value), path, { min: 1, max: GENERIC_COUNT_MAX });
    return { kind, count: Number(value), names };
  }
  if (count > 0) throw invalid(path, mixed, "choose one of them");
  checkText(value, path);
  if (!NAME.test(value) || value.length > GENERIC_NAME_LENGTH_MAX)
    throw invalid(
      path,
      `"${value}" is no name of one`,
      `use at most ${GENERIC_NAME_LENGTH_MAX} characters without blanks`,
    );
  if (names.includes(value)) throw invalid(path, `${kind}=${value} is given twice`, "give it once");
  if (names.length >= GENERIC_NAMES_MAX)
    throw invalid(path, `"${kind}" has more than ${GENERIC_NAMES_MAX} names`, "give a number instead");
  return { kind, count, names: [...names, value] };
}

function checkKind(kind: string, path: string): void {
  if (KIND.test(kind)) return;
  throw invalid(
    path,
    kind === "" ? "the kind is missing" : `"${kind}" is no kind of resource`,
    "write it like gpu=2, the kind of letters, digits, dots, dashes and underscores, at most 63",
  );
}
