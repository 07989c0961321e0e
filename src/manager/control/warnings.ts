/**
 * What follows from a change that nobody asked for, said in its answer: data that stays behind, nodes that are missing.
 * Pure; nothing is refused for it.
 */
import type { Node, Service, Task } from "../../model/index.ts";
import { nodeName, taskName } from "../../model/naming.ts";
import { isTerminal, observedState } from "../../model/task-state.ts";
import { localData, tiesOf } from "../../model/ties.ts";
import { revisionId } from "../../store/revisions.ts";
import { unfinishedOn } from "../../store/task-names.ts";
import type { ReadTx } from "../../store/types.ts";

/** Of one answer; what is left out is counted. */
export const WARNINGS_MAX = 20;

/** The tasks of each slot that goes by the service's number of replicas; the orchestrator's to say. */
export type ScaledAway = (tx: ReadTx, serviceId: string) => readonly (readonly Task[])[];

/** @param slots the tasks of each slot that goes */
export function scaleWarnings(tx: ReadTx, service: Service, slots: readonly (readonly Task[])[]): string[] {
  const data = slots.flatMap((tasks) => dataOf(tx, tasks));
  const found = data.map((one) => `${dataText(one)} stays behind: scaled up again, ${one.name} may start elsewhere`);
  const { single } = tiesOf(service.spec);
  for (const [task] of single === "" ? [] : slots) {
    if (task !== undefined) found.push(`${taskName(task)} stops, and nothing takes its place although ${single}`);
  }
  return bounded(found);
}

/** Of a service that is removed. */
export function dataLeftBehind(tx: ReadTx, tasks: readonly Task[]): string[] {
  return bounded(dataOf(tx, tasks).map((one) => `${dataText(one)} stays behind`));
}

/** Of a node that is removed, with what runs there. */
export function removalWarnings(tx: ReadTx, node: Node): string[] {
  const lost = dataOf(tx, unfinishedOn(tx, node.id)).map(
    (one) => `${dataText(one)} is out of reach: what starts in its place elsewhere begins without it`,
  );
  const runtimes = runtimesLost(tx, node);
  const none = runtimes === null ? [] : [`${noNodeText(runtimes)}: they wait until one joins or is activated`];
  return [...none, ...bounded(lost)];
}

/** Of a node that takes no new tasks any more. */
export function availabilityWarnings(tx: ReadTx, node: Node): string[] {
  const next = `shoal node activate ${nodeName(node)}`;
  const isDrained = node.spec?.availability === "DRAIN";
  const kept = isDrained ? dataOf(tx, unfinishedOn(tx, node.id)) : [];
  const stopped = kept.map((one) => `${dataText(one)} keeps it there: it stops, and starts nowhere else (${next})`);
  const runtimes = runtimesLost(tx, node);
  if (runtimes === null) return bounded(stopped);
  const then = isDrained ? "those here go on until the deadline of the drain, then they wait" : "new ones wait";
  return [`${noNodeText(runtimes)}: ${then} (${next})`, ...bounded(stopped)];
}

/** Runtimes of the node that no other one offers to new tasks; empty where no other offers any, null for none. */
function runtimesLost(tx: ReadTx, { id, description }: Node): readonly string[] | null {
  const offered = new Set<string>();
  for (const other of tx.all("node")) if (other.id !== id) for (const runtime of offers(other)) offered.add(runtime);
  const lost = (description?.runtimes ?? []).filter((runtime) => !offered.has(runtime));
  if (lost.length === 0) return null;
  return offered.size === 0 ? [] : lost;
}

function offers({ spec, status, description }: Node): readonly string[] {
  const isActive = status?.state === "READY" && (spec?.availability ?? "ACTIVE") === "ACTIVE";
  if (!isActive || (description?.fullPaths.length ?? 0) > 0) return [];
  const hasEngine = status.engineOk || status.engineMessage === "";
  return (description?.runtimes ?? []).filter((runtime) => runtime !== "container" || hasEngine);
}

function noNodeText(runtimes: readonly string[]): string {
  const kind = runtimes.length === 0 ? "tasks" : `tasks of the ${runtimes.join(" and ")} runtime`;
  return `No node is left that takes ${kind}`;
}

type Data = { readonly name: string; readonly data: string; readonly node: string };

function dataText({ data, node, name }: Data): string {
  return `The ${data} of ${name} on node ${node}`;
}

/** Once for each slot and node, whichever revisions and attempts had it. */
function dataOf(tx: ReadTx, tasks: readonly Task[]): Data[] {
  const found = new Map<string, Data>();
  for (const task of tasks) {
    const node = tx.get("node", task.nodeId);
    const mayHaveRun = (task.status?.startedAtMs ?? 0) > 0 || !isTerminal(observedState(task));
    if (!mayHaveRun || node === undefined) continue;
    const spec = tx.get("revision", revisionId(task.serviceId, task.revision))?.spec;
    for (const data of localData(spec)) {
      const one = { name: taskName(task), data, node: nodeName(node) };
      found.set(JSON.stringify(one), one);
    }
  }
  return [...found.values()];
}

function bounded(warnings: readonly string[]): string[] {
  const more = warnings.length - WARNINGS_MAX;
  return more <= 0 ? [...warnings] : [...warnings.slice(0, WARNINGS_MAX), `${more} more like these are not listed`];
}
