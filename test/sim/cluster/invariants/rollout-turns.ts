/**
 * A rollout takes its turns: no more slots at once have a task of it that was never ready than its parallelism, besides
 * those that failed by themselves, that no node takes, or whose node is in trouble.
 */
import { slotName } from "../../../../src/model/naming.ts";
import { failureKey, isFinished, isOfRollout } from "../../../../src/model/rollout.ts";
import { compareStates, isReady, isTerminal, isWanted, observedState } from "../../../../src/model/task-state.ts";
import type { Rollout, Service, Task } from "../../../../src/model/index.ts";
import type { Change } from "../../../../src/store/types.ts";
import type { MakeInvariant } from "../invariant.ts";
import type { World } from "../world.ts";
import { isElsewhere, parallelismOf } from "./rollout-pace.ts";

type Turns = {
  startedAtMs: number;
  /** Slots whose turn it is. */
  readonly slots: Set<string>;
  /** The largest parallelism of late: what was in motion when it was lowered goes on. */
  most: number;
};

export const rolloutTurns: MakeInvariant = (world) => {
  const known = new Map<string, Turns>();

  const turnsOf = (service: Service, rollout: Rollout): Turns => {
    const found = known.get(service.id);
    const isSame = found?.startedAtMs === rollout.startedAtMs;
    const turns = isSame ? found : { startedAtMs: rollout.startedAtMs, slots: new Set<string>(), most: 0 };
    turns.most = Math.max(turns.most, parallelismOf(service));
    known.set(service.id, turns);
    return turns;
  };

  /** New tasks that spend no turn, as things were before their entry. */
  const free = new Set<string>();

  const begin = ({ before, after }: Extract<Change, { table: "task" }>): void => {
    if (before !== undefined || after === undefined || after.cause?.reason.startsWith("update to revision") !== true)
      return;
    const service = world.truth.get("service", after.serviceId);
    const rollout = service?.rollout ?? null;
    if (service === undefined || rollout === null || !isOfRollout(after, rollout) || free.has(after.id)) return;
    const { slots, most } = turnsOf(service, rollout);
    slots.add(slotName(after));
    prune(world, service.id, rollout, slots);
    world.coverage.add("rollout took a turn");
    if (slots.size > most)
      throw new Error(`it is the turn of slots ${[...slots].join()} of ${service.id}, of at most ${most} at once`);
  };

  return {
    name: "rollouts take turns",
    onEntry: ({ changes }) => {
      free.clear();
      for (const { table, before, after } of changes)
        if (table === "task" && before === undefined && after !== undefined && isFree(world, after)) free.add(after.id);
    },
    afterEntry: ({ changes }) => {
      for (const { table, id, after } of changes) {
        if (table !== "service") continue;
        if (after?.rollout == null || isFinished(after.rollout.state)) known.delete(id);
        else turnsOf(after, after.rollout);
      }
      // Trouble that is over by the next turn counts, too.
      for (const id of touched(world, changes)) {
        const rollout = world.truth.get("service", id)?.rollout ?? null;
        const turns = known.get(id);
        if (rollout !== null && turns !== undefined) prune(world, id, rollout, turns.slots);
      }
      for (const change of changes) if (change.table === "task") begin(change);
    },
  };
};

function touched({ truth }: World, changes: readonly Change[]): Set<string> {
  return new Set(
    changes.flatMap(({ table, id, before, after }) => {
      if (table === "node") return truth.tasksOfNode(id).map(({ serviceId }) => serviceId);
      return table === "task" ? [(after ?? before)?.serviceId ?? ""] : [];
    }),
  );
}

/** Forgets slots that are through, or that nobody waits for any more. */
function prune(world: World, serviceId: string, rollout: Rollout, slots: Set<string>): void {
  if (slots.size === 0) return;
  const failed = new Set(rollout.failures.map(failureKey));
  const tasks = world.truth.tasksOfService(serviceId).filter((task) => isOfRollout(task, rollout));
  for (const slot of slots) {
    const own = tasks.filter((task) => slotName(task) === slot && isWanted(task) && !isTerminal(observedState(task)));
    const isThrough = own.some((task) => isReady(task) || task.readyAtMs > 0 || isElsewhere(world, task));
    if (own.length === 0 || isThrough || failed.has(slot)) slots.delete(slot);
  }
}

/** What it takes the place of never ran, or waits for it: that spends no turn. */
function isFree(world: World, task: Task): boolean {
  const ofSlot = world.truth
    .tasksOfService(task.serviceId)
    .filter((other) => other.id !== task.id && slotName(other) === slotName(task));
  // It is that one again, which waits for its turn to take over: no node had room for both.
  if (ofSlot.some((other) => isWanted(other) && other.revision === task.revision)) return true;
  const others = ofSlot.filter((other) => other.revision !== task.revision);
  const last = others.filter(
    (other) =>
      isWanted(other) && !isTerminal(observedState(other)) && (other.nodeId === "" || !isElsewhere(world, other)),
  );
  const neverRan = ({ nodeId, desired, status }: Task): boolean =>
    nodeId === "" || (desired === "READY" && compareStates(status?.state ?? "NEW", "STARTING") < 0);
  return last.length > 0 && last.every(neverRan);
}
