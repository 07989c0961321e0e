/**
 * What forbids a service's tasks to be started elsewhere although their node does not answer: data that
 * is on the node only, or that two tasks at once would spoil. Pure.
 */
import type { Mount, Node, ServiceSpec, Silence, Task, TaskSpec } from "./index.ts";
import { lossTimes, type LossTimes } from "./node-loss.ts";

/** From its last word that a manager answered, an agent stops what must never run twice after so long. */
export const CUT_OFF_STOP_MS = 20_000;
/**
 * From the node's last word that the leader knows of until it is started elsewhere. Between the two lie the task's end (a
 * grace of at most CUT_OFF_GRACE_MS), a manager that answered its agents without reaching the leader (4.75 s: its last
 * news was up to a second old), and slack for clocks that differ. How late an answer was makes no difference.
 */
export const SINGLE_REPLACE_AFTER_MS = 30_000;
export const CUT_OFF_GRACE_MS = 4000;

export type Ties = {
  /** Why a slot's task never runs twice; empty if it may for a moment. */
  readonly single: string;
  /** What a slot's tasks have on their node and would miss on another; empty for nothing. */
  readonly local: string;
};

export function tiesOf(spec: Pick<ServiceSpec, "single" | "task"> | null): Ties {
  const mounts = spec?.task?.container?.mounts ?? [];
  const shared = mounts.find((mount) => isShared(mount) && !mount.readOnly);
  const single = shared === undefined ? "" : `it writes to the shared ${nameOf(shared)}`;
  return { single: spec?.single === true ? "it is marked single" : single, local: localData(spec?.task)[0] ?? "" };
}

/** `volume db`, `directory /srv/db`: all that a task has on its node only. */
export function localData(task: TaskSpec | null | undefined): string[] {
  return (task?.container?.mounts ?? []).filter(isLocal).map(nameOf);
}

/** By word, or kept by a plugin: that is what plugins for volumes are for, though some manage the node's own disks. */
function isShared({ type, source, shared, driver, local }: Mount): boolean {
  return shared || (type === "VOLUME" && source !== "" && !isOwnDriver(driver) && !local);
}

/** The engine's: directories of the node, whatever is mounted there. */
export function isOwnDriver(driver: string): boolean {
  return driver === "" || driver === "local";
}

/** A volume without a name is the task's own, and goes with it. */
function isLocal(mount: Mount): boolean {
  const { type, source, readOnly } = mount;
  if (isShared(mount) || source === "") return false;
  return type === "VOLUME" || (type === "BIND" && !readOnly);
}

function nameOf({ type, source }: Mount): string {
  return `${type === "VOLUME" ? "volume" : "directory"} ${source}`;
}

/**
 * As lossTimes; of what never runs twice, a node whose kernel closed the connection is never given up:
 * its agent may be dead, and nobody stops what it left running.
 */
export function tiedLossTimes(spec: ServiceSpec | null, cluster: LossTimes): LossTimes {
  const times = lossTimes(spec, cluster);
  if (tiesOf(spec).single === "") return times;
  return { silentMs: Math.max(times.silentMs, SINGLE_REPLACE_AFTER_MS), closedMs: Infinity };
}

/**
 * What never runs twice has stopped there by now, though nobody heard of it: whoever leaves stops everything; of whoever
 * is silent it is certain only if its agent had said that it knows.
 */
export function hasStoppedUnheard(
  task: Pick<Task, "status">,
  { status }: Pick<Node, "status">,
  nowMs: number,
): boolean {
  switch (status?.state) {
    case "LEFT":
      return nowMs - status.sinceMs >= SINGLE_REPLACE_AFTER_MS;
    case "DOWN":
    case "UNREACHABLE":
      return isCutOffFor(status.silence) && stopsItself(task, { status });
    default:
      return false;
  }
}

/** Cut off, its agent would stop it: it knows that it should, and was able to when it was last heard of. */
export function stopsItself({ status }: Pick<Task, "status">, node: Pick<Node, "status">): boolean {
  return status?.single === true && node.status?.engineOk === true;
}

function isCutOffFor(silence: Silence | null): boolean {
  return silence !== null && !silence.closed && silence.ms >= SINGLE_REPLACE_AFTER_MS;
}
