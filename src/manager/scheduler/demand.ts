/** What the tasks of one revision want, with what the cluster says beside their spec: who is who, the strategy, failures. */
import { clusterStrategy } from "../../model/defaults.ts";
import { constraintText } from "../../model/constraint.ts";
import type { Constraint } from "../../model/constraint.ts";
import { observedState } from "../../model/task-state.ts";
import type { Task, TaskSpec } from "../../model/index.ts";
import type { ReadTx } from "../../store/types.ts";
import { needsOf } from "./needs.ts";
import type { Needs } from "./needs.ts";

/** This many failures of a service's revision on a node within the window make every other node better. */
export const FAILURES_MAX = 5;
export const FAILURE_WINDOW_MS = 5 * 60_000;

export type Demand = {
  readonly serviceId: string;
  /** By which others may shun it, lower case. */
  readonly names: readonly string[];
  readonly needs: Needs;
  readonly company: readonly Company[];
  readonly affinities: readonly { readonly rule: Constraint | Company; readonly weight: number }[];
  readonly strategy: "SPREAD" | "BINPACK";
  /** Recent ones of this revision, by node. */
  readonly failures: ReadonlyMap<string, number>;
};

/** A constraint on what else runs on the engine. */
export type Company = {
  readonly key: "service";
  /** Tasks of any of them must be there, or where `negated` of none. */
  readonly serviceIds: readonly string[];
  readonly negated: boolean;
  /** As it was written. */
  readonly text: string;
  /** Names that no service has. */
  readonly unknown: readonly string[];
};

export type RevisionRef = { readonly serviceId: string; readonly revision: number };

/** @returns null if the revision is not stored. */
export function demandOf(tx: ReadTx, { serviceId, revision }: RevisionRef): Demand | null {
  const spec = specOf(tx, { serviceId, revision });
  if (spec === null) return null;
  const needs = needsOf(spec);
  const name = tx.get("service", serviceId)?.spec?.name.toLowerCase();
  return {
    serviceId,
    names: name === undefined ? [serviceId] : [serviceId, name],
    needs,
    company: needs.company.map((constraint) => companyOf(tx, constraint)),
    affinities: needs.affinities.map(({ constraint, weight }) => ({
      rule: constraint.key === "service" ? companyOf(tx, constraint) : constraint,
      weight,
    })),
    // Without a reservation there is nothing to pack by.
    strategy: needs.reservesAny ? strategyOf(tx, needs) : "SPREAD",
    failures: recentFailures(tx.find("task", "service", serviceId), revision, tx.timeMs),
  };
}

export function specOf(tx: ReadTx, { serviceId, revision }: RevisionRef): TaskSpec | null {
  return tx.get("revision", `${serviceId}/${revision}`)?.spec ?? null;
}

function strategyOf(tx: ReadTx, { strategy }: Needs): "SPREAD" | "BINPACK" {
  return strategy === "DEFAULT" ? clusterStrategy(tx.all("cluster")) : strategy;
}

function companyOf(tx: ReadTx, constraint: Constraint): Company {
  const { test } = constraint;
  const unknown: string[] = [];
  const serviceIds: string[] = [];
  for (const name of test.kind === "one-of" ? test.values : []) {
    const service = tx.find("service", "name", name.toLowerCase())[0] ?? tx.get("service", name);
    if (service === undefined) unknown.push(name);
    else serviceIds.push(service.id);
  }
  const negated = test.kind === "one-of" && test.negated;
  return { key: "service", serviceIds, negated, text: constraintText(constraint), unknown };
}

/** @param tasks of the service */
export function recentFailures(tasks: readonly Task[], revision: number, nowMs: number): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const task of tasks) {
    if (task.revision !== revision || task.nodeId === "") continue;
    const state = observedState(task);
    if (state !== "FAILED" && state !== "REJECTED") continue;
    if ((task.status?.atMs ?? 0) <= nowMs - FAILURE_WINDOW_MS) continue;
    counts.set(task.nodeId, (counts.get(task.nodeId) ?? 0) + 1);
  }
  return counts;
}
