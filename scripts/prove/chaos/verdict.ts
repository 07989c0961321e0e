// Was every promise kept? A pure function of what clients and watchers saw.
import { judge } from "../../../test/support/linearizability/judge.ts";
import { REGISTER, SERVICE } from "../../../test/support/linearizability/models.ts";
import { ChangeLog } from "./change-log.ts";
import type { Snapshot, Testimony } from "./change-log.ts";
import type { History, Write } from "./history.ts";

export type Evidence = {
  /** The state before the first change. */
  readonly base: Snapshot;
  readonly history: Pick<History, "registers" | "services" | "writes" | "problems">;
  readonly testimonies: readonly Testimony[];
  /** Read on the way, by watchers that were told that they missed something. */
  readonly snapshots: readonly Snapshot[];
  /** One of each manager, after everything. */
  readonly finals: readonly Snapshot[];
  /** The last acknowledged change of all: everybody must have been told of everything up to it. */
  readonly end: number;
};

/** @returns every broken promise, empty if all were kept */
export function judgeEvidence(evidence: Evidence): string[] {
  const { history, end } = evidence;
  const log = new ChangeLog(evidence.base, evidence.testimonies);
  const problems = [...history.problems, ...log.problems];
  if (log.to < end) problems.push(`nobody knows all changes between ${log.to} and ${end}: this is no pass`);
  for (const snapshot of [...evidence.snapshots, ...evidence.finals]) {
    const problem = log.against(snapshot);
    if (problem !== null) problems.push(problem);
  }
  for (const { witness, version } of evidence.finals) {
    if (version < end) problems.push(`${witness} is at version ${version} in the end, not at ${end}`);
  }
  problems.push(...judgeWrites(history.writes, log));
  problems.push(...judgeOrder(history));
  return problems;
}

function judgeOrder({ registers, services }: Evidence["history"]): string[] {
  const problems: string[] = [];
  const attempt = (what: string, check: () => void): void => {
    try {
      check();
    } catch (error) {
      problems.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const keyOf = { objectOf: (op: (typeof registers)[number]) => op.input.key };
  attempt("registers", () => judge(REGISTER, registers, { ...keyOf, isRead: ({ op }) => op === "read" }));
  const nameOf = { objectOf: (op: (typeof services)[number]) => op.input.name };
  attempt("services", () => judge(SERVICE, services, { ...nameOf, isRead: ({ op }) => op === "get" }));
  return problems;
}

/** Acknowledged is there once, refused is not there, unknown at most once, and a repetition is recognised as one. */
function judgeWrites(writes: readonly Write[], log: ChangeLog): string[] {
  const problems: string[] = [];
  const madeAt = new Map<string, number[]>();
  const removedAt = new Map<string, number[]>();
  for (const { version, changes } of log.groups) {
    for (const { action, id, value } of changes) {
      const [map, key] = action === "REMOVED" ? [removedAt, id] : [madeAt, value];
      map.set(key, [...(map.get(key) ?? []), version]);
    }
  }
  for (const [value, versions] of madeAt) {
    if (versions.length > 1 && value !== "") problems.push(`value ${value} was written at ${versions.join(" and ")}`);
  }
  for (const [id, versions] of removedAt) {
    if (versions.length > 1) problems.push(`service ${id} was removed at ${versions.join(" and ")}`);
  }
  for (const write of writes) {
    const problem = judgeWrite(write, { madeAt, removedAt });
    if (problem !== null) problems.push(`${write.kind} of ${write.name} ${write.value}: ${problem}`);
  }
  return problems;
}

type Made = {
  readonly madeAt: ReadonlyMap<string, readonly number[]>;
  readonly removedAt: ReadonlyMap<string, readonly number[]>;
};

function judgeWrite(write: Write, { madeAt, removedAt }: Made): string | null {
  const { kind, outcome, value, version, id, knownBefore } = write;
  if (kind === "remove") {
    return outcome === "done" && !removedAt.has(id) ? `acknowledged, and ${id} was never removed` : null;
  }
  const [at] = madeAt.get(value) ?? [];
  switch (outcome) {
    case "done":
      return at === version ? null : `acknowledged at ${version}, and made at ${at ?? "no version"}`;
    case "refused":
      return at === undefined ? null : `refused, and made at ${at}`;
    case "denied":
      if (at === undefined) return null;
      // An earlier attempt may take effect after the denial, but not have taken it before.
      return knownBefore === null || at <= knownBefore ? `denied, and made at ${at}` : null;
    case "unknown":
      return null;
  }
}
