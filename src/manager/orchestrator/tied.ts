/**
 * What a slot may do with its next task where it has data on one node, or must never run twice (model/ties.ts). A job's slot
 * goes on from run to run: tasks of other runs count as its own. Pure.
 */
import { hasStoppedUnheard, SINGLE_REPLACE_AFTER_MS, tiesOf } from "../../model/ties.ts";
import { isTerminal, isWanted, observedState } from "../../model/task-state.ts";
import type { Task } from "../../model/index.ts";
import { bySlotName, type ServiceState, type Slot, type SlotTask } from "./slot.ts";
import { cause, earlier, removalSteps } from "./steps.ts";
import type { Step } from "./steps.ts";

type SlotPast = Pick<Slot, "key" | "tasks">;

type Revised = Pick<Task, "revision">;

/**
 * Id of the only node on which the slot's next task finds its data; empty for any. Which revision it has counts, and not
 * what the service's newest one has.
 */
export function homeOf(slot: SlotPast, next: Revised, state: ServiceState): string {
  if (!hasData(next, state)) return "";
  const last = atHome(pastOf(slot, state), state);
  const nodeId = last === undefined ? "" : last.pinnedNodeId || last.nodeId;
  return state.nodeOf(nodeId) === undefined ? "" : nodeId;
}

/** Where its data will be is an earlier run's to find: two at once would find it on two nodes. */
export function isHomeOpen(slot: Slot, next: Revised, state: ServiceState): boolean {
  return state.isBehind && slot.nodeId === "" && hasData(next, state) && homeOf(slot, next, state) === "";
}

/** The slot's tasks of all runs, from the oldest to the newest. */
function pastOf({ key, tasks }: SlotPast, { beside }: ServiceState): readonly Task[] {
  const own = tasks.map(({ task }) => task);
  const others = beside.get(key) ?? [];
  return others.length === 0 ? own : [...others, ...own].sort(byCreation);
}

function byCreation(a: Task, b: Task): number {
  return (a.meta?.createdAtMs ?? 0) - (b.meta?.createdAtMs ?? 0) || a.run - b.run;
}

type Revisions = Pick<ServiceState, "specOf">;

/** Another revision may have none. */
function hasData({ revision }: Revised, { specOf }: Revisions): boolean {
  const own = specOf(revision);
  return own === undefined || tiesOf({ single: false, task: own }).local !== "";
}

/** The task that tells where the slot's data is: the last that had any. */
function atHome(past: readonly Task[], revisions: Revisions): Task | undefined {
  return past.findLast(
    (task) => task.desired !== "REMOVE" && hasData(task, revisions) && (task.pinnedNodeId !== "" || mayHaveRun(task)),
  );
}

function mayHaveRun({ nodeId, status }: Task): boolean {
  return nodeId !== "" && ((status?.startedAtMs ?? 0) > 0 || !isTerminal(status?.state ?? "NEW"));
}

/**
 * Ids of the tasks that alone tell where the data of a service's slots is, one a slot: they stay when others are
 * forgotten. None of a service that has no local data any more, or whose slots are known by their nodes.
 */
export function homesOf(
  tasks: readonly Task[],
  { ties, specOf }: Pick<ServiceState, "ties" | "specOf">,
): ReadonlySet<string> {
  const homes = new Set<string>();
  if (ties.local === "") return homes;
  for (const past of bySlotName(tasks.filter(({ slot }) => slot > 0)).values()) {
    const task = atHome(past.toSorted(byCreation), { specOf });
    if (task !== undefined) homes.add(task.id);
  }
  return homes;
}

/** Of a job: tasks of runs that are over or forgotten go, but for those that tell where the data of its slots is. */
export function forgetTasks(
  tasks: readonly Task[],
  state: ServiceState,
  { total, why }: { readonly total: number; readonly why: string },
): Step[] {
  if (tasks.length === 0) return [];
  const homes = homesOf(state.tasks, state);
  const stays = ({ id, slot }: Task): boolean => slot <= total && homes.has(id);
  const stops = tasks.filter((task) => stays(task) && isWanted(task));
  return [
    ...removalSteps(
      tasks.filter((task) => !stays(task)),
      why,
    ),
    ...stops.map((task): Step => {
      return { kind: "desire", key: String(task.slot), task, desired: "SHUTDOWN", cause: cause("orchestrator", why) };
    }),
  ];
}

export type Wait = {
  readonly isOver: boolean;
  /** When to look again although nothing changed; null is never. */
  readonly untilMs: number | null;
};

/**
 * Whether a task that never runs twice may start beside the others of its slot, those of other runs too; of a service that
 * is called single, beside any other of it: slots that it was scaled down by may still stop.
 */
export function waitForOthers(slot: SlotPast, state: ServiceState, self: Task | null = null): Wait {
  const { ties, nowMs, beside, isBehind } = state;
  if (ties.single === "") return { isOver: true, untilMs: null };
  // In one plan two runs could find that nothing runs yet.
  if (isBehind) return { isOver: false, untilMs: null };
  const isWhole = state.service.spec?.single === true;
  const own = isWhole ? state.tasks.map((task) => placedIn(state, task)) : slot.tasks;
  const others = isWhole ? [...beside.values()].flat() : (beside.get(slot.key) ?? []);
  const ahead = others.filter((task) => !isWaitingBehind(task, state)).map((task) => placedIn(state, task));
  const running = [...own, ...ahead].filter((view) => view.task.id !== self?.id && mayRun(view, nowMs));
  const untilMs = running.reduce<number | null>((at, { node }) => {
    // It said goodbye: what it runs has a bounded time to stop.
    const isLeaving = node?.status?.state === "LEFT";
    return isLeaving ? earlier(at, (node?.status?.sinceMs ?? 0) + SINGLE_REPLACE_AFTER_MS) : at;
  }, null);
  return { isOver: running.length === 0, untilMs };
}

/** A later run's, which itself waits for this one. */
function isWaitingBehind({ run, desired }: Task, state: ServiceState): boolean {
  return run > state.run && desired === "READY";
}

type Placed = Pick<SlotTask, "task" | "node">;

function placedIn({ nodeOf }: ServiceState, task: Task): Placed {
  return { task, node: task.nodeId === "" ? undefined : nodeOf(task.nodeId) };
}

function mayRun({ task, node }: Placed, nowMs: number): boolean {
  if (task.nodeId === "" || isTerminal(observedState(task))) return false;
  return node !== undefined && !hasStoppedUnheard(task, node, nowMs);
}
