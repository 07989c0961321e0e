/**
 * A rollout takes no more away than it may: under start-first an old task that serves goes when its slot has another one
 * that is ready; under stop-first no more slots are without a ready task for the rollout's sake than take their turn at
 * once. What it counts as updated is ready. A canary has as many slots as were asked for, until it is promoted.
 */
import { slotName } from "../../../../src/model/naming.ts";
import { failureKey, isActive, isFinished } from "../../../../src/model/rollout.ts";
import { endedByItself, isReady, isTerminal, isWanted, observedState } from "../../../../src/model/task-state.ts";
import type { Rollout, Service, Task } from "../../../../src/model/index.ts";
import type { Change, ChangeSet } from "../../../../src/store/types.ts";
import type { MakeInvariant } from "../invariant.ts";
import type { World } from "../world.ts";

export const rolloutPace: MakeInvariant = (world) => {
  const dark: Dark = new Map();
  return {
    name: "rollouts keep what they may",
    afterEntry: ({ changes }: ChangeSet) => {
      const touched = new Set<string>();
      for (const change of changes) {
        if (change.table === "task") noteTask(world, dark, change, touched);
        if (change.table !== "service" || change.after === undefined) continue;
        checkService(world, change.before, change.after);
        const known = darknessOf(dark, change.id);
        known.most = Math.max(parallelismOf(change.after), isFinishedIn(change.after) ? 0 : known.most);
      }
      for (const serviceId of touched) checkDark(world, dark, serviceId);
    },
  };
};

type Darkness = {
  /** Slots whose ready task was stopped by the rollout, and that have had none since. */
  readonly slots: Set<string>;
  /** The largest parallelism of late: what was in motion when it was lowered goes on. */
  most: number;
};
type Dark = Map<string, Darkness>;

function darknessOf(dark: Dark, serviceId: string): Darkness {
  const known = dark.get(serviceId) ?? { slots: new Set(), most: 0 };
  dark.set(serviceId, known);
  return known;
}

function noteTask(
  world: World,
  dark: Dark,
  { before, after }: Extract<Change, { table: "task" }>,
  touched: Set<string>,
): void {
  if (after === undefined) return;
  if (before === undefined) checkCanary(world, after);
  // Scaled away; what comes in its place begins afresh.
  if (after.desired === "REMOVE") darknessOf(dark, after.serviceId).slots.delete(slotName(after));
  // What was started in its place ended by itself.
  if (isWanted(after) && endedByItself(after)) darknessOf(dark, after.serviceId).slots.delete(slotName(after));
  const isStopped = before !== undefined && isWanted(before) && !isWanted(after) && isReady(before);
  if (!isStopped) return;
  const reason = after.cause?.reason ?? "";
  if (reason.startsWith("replaced by revision") && !hasReady(world, after))
    throw new Error(`${after.id} was ready and is stopped, but nothing of its slot is ready: ${reason}`);
  if (!reason.startsWith("update to revision") || hasReady(world, after)) return;
  darknessOf(dark, after.serviceId).slots.add(slotName(after));
  touched.add(after.serviceId);
}

function checkDark(world: World, dark: Dark, serviceId: string): void {
  const { truth } = world;
  const service = truth.get("service", serviceId);
  const { slots, most } = darknessOf(dark, serviceId);
  if (service?.rollout == null) return;
  const failed = new Set(service.rollout.failures.map(failureKey));
  const tasks = truth.tasksOfService(serviceId);
  for (const slot of slots) {
    const own = tasks.filter((task) => slotName(task) === slot);
    const isOut =
      own.some((task) => isWanted(task) && isReady(task)) || !own.some(({ desired }) => desired !== "REMOVE");
    if (isOut || failed.has(slot) || own.some((task) => isElsewhere(world, task))) slots.delete(slot);
  }
  if (slots.size > most)
    throw new Error(`slots ${[...slots].join()} of ${serviceId} have nothing ready, of at most ${most}`);
  world.coverage.add("rollout stopped first");
}

function isFinishedIn({ rollout }: Service): boolean {
  return rollout === null || isFinished(rollout.state);
}

/** Its node is in trouble, or it waits for one: that is none of the rollout's doing. */
export function isElsewhere({ truth }: World, task: Task): boolean {
  if (!isWanted(task)) return false;
  if (isTerminal(observedState(task))) return true;
  if (task.nodeId === "") return task.pendingReason !== "";
  const node = truth.get("node", task.nodeId);
  return node?.status?.state !== "READY" || node.spec?.availability === "DRAIN";
}

export function parallelismOf({ spec, rollout }: Service): number {
  const isBack = rollout?.state === "ROLLING_BACK";
  const config = (isBack ? (spec?.rollback ?? spec?.update) : spec?.update) ?? null;
  const { parallelism = 1 } = config ?? {};
  return parallelism === 0 ? Infinity : parallelism;
}

function hasReady({ truth }: World, { id, serviceId, slot, pinnedNodeId }: Task): boolean {
  return truth
    .tasksOfService(serviceId)
    .some(
      (other) =>
        other.id !== id && slotName(other) === slotName({ slot, pinnedNodeId }) && isWanted(other) && isReady(other),
    );
}

function checkService({ truth, coverage }: World, before: Service | undefined, service: Service): void {
  const { rollout } = service;
  if (rollout === null || !isActive(rollout.state) || rollout.updated === before?.rollout?.updated) return;
  const slots = new Map<string, Task[]>();
  for (const task of truth.tasksOfService(service.id)) {
    if (task.revision !== rollout.to || task.desired === "REMOVE") continue;
    slots.set(slotName(task), [...(slots.get(slotName(task)) ?? []), task]);
  }
  const counted = [...slots.values()].filter((tasks) => tasks.some(isUpdated)).length;
  if (rollout.updated > counted)
    throw new Error(`the rollout of ${service.id} says ${rollout.updated} updated, but ${counted} slots are ready`);
  coverage.add("rollout counted");
}

/** Ready; or nobody waits for it any more: it ended for good, or no node takes it. */
function isUpdated(task: Task): boolean {
  return isReady(task) || isTerminal(observedState(task)) || (task.nodeId === "" && task.pendingReason !== "");
}

function checkCanary({ truth }: World, task: Task): void {
  const rollout = truth.get("service", task.serviceId)?.rollout ?? null;
  if (rollout?.state !== "CANARY" || !isOfCanary(task, rollout)) return;
  const slots = new Set(
    truth
      .tasksOfService(task.serviceId)
      .filter((other) => isOfCanary(other, rollout) && isWanted(other))
      .map(slotName),
  );
  if (slots.size > rollout.canary)
    throw new Error(`slots ${[...slots].join()} of ${task.serviceId} are the canary's, of ${rollout.canary}`);
}

function isOfCanary({ revision, meta }: Task, rollout: Rollout): boolean {
  return revision === rollout.to && (meta?.createdAtMs ?? 0) >= rollout.startedAtMs;
}
