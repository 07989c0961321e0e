/**
 * What the tasks of one slot amount to: which still count, which are lost with their node, which
 * are only silent. Pure; it decides nothing.
 */
import { compareStates, endedByItself, isReady, isTerminal, isWanted, observedState } from "../../model/task-state.ts";
import { brokenPlacement, isOutOfDate, specDifference } from "../../model/revision-diff.ts";
import { nodeName, slotName } from "../../model/naming.ts";
import { leavesGently } from "./drain.ts";
import { engineLostAtMs, isLost, type LossTimes } from "../../model/node-loss.ts";
import { isOpen } from "../../model/run.ts";
import { hasStoppedUnheard, stopsItself, tiedLossTimes, tiesOf, type Ties } from "../../model/ties.ts";
import type { RolloutRules } from "../../model/rollout.ts";
import type { SpecDifference } from "../../model/revision-diff.ts";
import type { Node, Run, Service, Task, TaskSpec } from "../../model/index.ts";

/**
 * - stopping: no longer wanted, whatever it still does
 * - ended: wanted, but it stopped
 * - lost: wanted, but its node is drained, has left, is gone or does not fit any more, or it has stopped
 *   itself there by now; it must be stopped and replaced
 * - silent: wanted, and its node is silent for longer than its service waits; it may well run, so it
 *   stays wanted beside a stand-in
 * - good: wanted, and nothing is known against it
 */
export type Fate = "stopping" | "ended" | "lost" | "silent" | "good";

export type SlotTask = {
  readonly task: Task;
  readonly fate: Fate;
  /** Of the current revision, or of one whose difference does not matter to it. */
  readonly current: boolean;
  /** Running, ready and reachable. */
  readonly serving: boolean;
  readonly node: Node | undefined;
  /** What is wrong with its node, in words; empty if nothing is. */
  readonly trouble: string;
  /** Good, but its node is drained: it goes once another one serves. */
  readonly leaving: boolean;
  /** Its node's object was removed: nobody will ever report its end. */
  readonly gone: boolean;
};

export type Slot = {
  /** What it is known by within the service (model/naming.ts). */
  readonly key: string;
  /** From 1; 0 where slots are known by their node. */
  readonly number: number;
  /** The node it is known by, or empty. */
  readonly nodeId: string;
  /** From the oldest to the newest. */
  readonly tasks: readonly SlotTask[];
};

/** Everything a plan for one service may look at. */
export type ServiceState = {
  readonly service: Service;
  readonly spec: TaskSpec;
  /** All tasks of the service, in any order. */
  readonly tasks: readonly Task[];
  readonly nodeOf: (id: string) => Node | undefined;
  /** Every node of the cluster. */
  readonly nodes: () => Iterable<Node>;
  /** The task spec of a revision; undefined if it is no longer stored. */
  readonly specOf: (revision: number) => TaskSpec | undefined;
  /** The cluster's, for a service that does not say. */
  readonly lossTimes: LossTimes;
  /** Of the rollout under way, or of the next one. */
  readonly rules: RolloutRules;
  /** Nothing is held back any more for fear that the new revision fails (model/rollout.ts). */
  readonly isProven: boolean;
  /** What forbids that a task is started elsewhere. */
  readonly ties: Ties;
  /** Whether it is the turn of this task of a drained node. */
  readonly mayLeave: (task: Task) => boolean;
  /** Cluster time. */
  readonly nowMs: number;
  /** Number of the job's run that is planned; 0 for a service. */
  readonly run: number;
  /** What is remembered of the job's runs. */
  readonly runs: readonly Run[];
  /** Of what is tied: tasks of the job's other runs, by slot. Empty for a service. */
  readonly beside: ReadonlyMap<string, readonly Task[]>;
  /** Another run of the job began before, and is open: what is tied is that one's turn first. */
  readonly isBehind: boolean;
};

/** With the tasks of one run only, and tied as its own revision is: which may not be the newest. */
export function ofRun(state: ServiceState, run: Run): ServiceState {
  const { number, revision } = run;
  const own = state.specOf(revision);
  const ties = own === undefined ? state.ties : tiesOf({ single: state.service.spec?.single === true, task: own });
  const isTied = isOpen(run) && (ties.local !== "" || ties.single !== "");
  return {
    ...state,
    tasks: state.tasks.filter((task) => task.run === number),
    ties,
    beside: isTied ? bySlotName(state.tasks.filter((task) => task.run !== number)) : NONE,
    isBehind: isTied && state.runs.some((other) => other.number < number && isOpen(other)),
  };
}

const NONE: ReadonlyMap<string, readonly Task[]> = new Map();

export function bySlotName(tasks: readonly Task[]): ReadonlyMap<string, readonly Task[]> {
  const slots = new Map<string, Task[]>();
  for (const task of tasks) {
    const key = slotName(task);
    const list = slots.get(key);
    if (list === undefined) slots.set(key, [task]);
    else list.push(task);
  }
  return slots;
}

/** In the order of their numbers. */
export function slotsOf(state: ServiceState): Slot[] {
  const isCurrent = currencyTest(state);
  const slots = new Map<string, Slot & { readonly tasks: SlotTask[] }>();
  for (const task of state.tasks) {
    const key = slotName(task);
    const view = viewOf(task, state, isCurrent);
    const slot = slots.get(key);
    if (slot !== undefined) slot.tasks.push(view);
    else slots.set(key, { key, number: task.slot, nodeId: task.slot > 0 ? "" : task.pinnedNodeId, tasks: [view] });
  }
  for (const { tasks } of slots.values()) if (tasks.length > 1) tasks.sort(byAge);
  return [...slots.values()].sort(bySlot);
}

/** By number; those of nodes by the node's id, so that plans are reproducible. */
export function bySlot(a: Slot, b: Slot): number {
  return a.number - b.number || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
}

/** One comparison of specs a revision, not one a task. */
function currencyTest({ service, spec, specOf, nodeOf }: ServiceState): (task: Task) => boolean {
  const differences = new Map<number, SpecDifference>();
  return (task) => {
    if (task.revision === service.revision) return true;
    let difference = differences.get(task.revision);
    if (difference === undefined) {
      const own = specOf(task.revision);
      difference = own === undefined ? "other" : specDifference(own, spec);
      differences.set(task.revision, difference);
    }
    return !isOutOfDate(difference, spec, task.nodeId === "" ? undefined : nodeOf(task.nodeId));
  };
}

function viewOf(task: Task, state: ServiceState, isCurrent: (task: Task) => boolean): SlotTask {
  const node = task.nodeId === "" ? undefined : state.nodeOf(task.nodeId);
  const isOver = isTerminal(observedState(task));
  const trouble = task.nodeId === "" || isOver ? null : troubleOf(task, node, state);
  const fate = !isWanted(task) ? "stopping" : isOver ? "ended" : (trouble?.fate ?? "good");
  return {
    task,
    fate,
    node,
    trouble: trouble?.text ?? "",
    current: isCurrent(task),
    serving: fate === "good" && isReady(task) && !isSilent(node),
    leaving: fate === "good" && node?.spec?.availability === "DRAIN",
    gone: task.nodeId !== "" && node === undefined && !isOver,
  };
}

function isSilent(node: Node | undefined): boolean {
  return node?.status?.state === "UNREACHABLE" || node?.status?.state === "DOWN";
}

function troubleOf(
  task: Task,
  node: Node | undefined,
  state: ServiceState,
): { readonly fate: "lost" | "silent"; readonly text: string } | null {
  if (node === undefined) return { fate: "lost", text: "its node was removed" };
  const name = nodeName(node);
  if (node.spec?.availability === "DRAIN") {
    return leavesGently(task, node, state) ? null : { fate: "lost", text: `node ${name} is drained` };
  }
  if (node.status?.state === "LEFT") return { fate: "lost", text: `node ${name} left` };
  if (isLost(node, tiedLossTimes(state.service.spec, state.lossTimes))) return ofSilentNode(task, node, state);
  if (isEngineLost(task, node, state)) return ofLostEngine(node, state);
  if (task.unfit !== "") return { fate: "lost", text: task.unfit };
  // What only the service's newer placement refuses is the rollout's, which replaces in turns; what that one allows stays.
  const broken = brokenPlacement(state.spec.placement, node);
  if (broken === null) return null;
  const own = task.revision === state.service.revision ? state.spec : state.specOf(task.revision);
  if (brokenPlacement(own?.placement ?? null, node) === null) return null;
  return { fate: "lost", text: `node ${name} does not satisfy ${broken} any more` };
}

function isEngineLost({ slot }: Task, node: Node, { spec, nowMs }: ServiceState): boolean {
  const lostAtMs = engineLostAtMs(node);
  return slot > 0 && !spec.process && lostAtMs !== null && nowMs >= lostAtMs;
}

function ofLostEngine(node: Node, { ties }: ServiceState): ReturnType<typeof troubleOf> {
  if (ties.local !== "" || ties.single !== "") return null;
  return { fate: "silent", text: `the engine of node ${nodeName(node)} does not answer` };
}

/**
 * Null: nothing takes its place, though nobody knows whether it runs. What never runs twice is over by the time it is
 * replaced, and a host that comes back must be told so first of all: it would start it again beside its stand-in.
 */
function ofSilentNode(task: Task, node: Node, { ties, nowMs }: ServiceState): ReturnType<typeof troubleOf> {
  if (ties.local !== "" || (ties.single !== "" && !stopsItself(task, node))) return null;
  const isOver = ties.single !== "" && hasStoppedUnheard(task, node, nowMs);
  return { fate: isOver ? "lost" : "silent", text: `node ${nodeName(node)} is down` };
}

/** Creation times have millisecond steps: on a tie the one that ended is the predecessor. */
function byAge(a: SlotTask, b: SlotTask): number {
  const created = (a.task.meta?.createdAtMs ?? 0) - (b.task.meta?.createdAtMs ?? 0);
  if (created !== 0) return created;
  if (a.task.replaces === b.task.id) return 1;
  if (b.task.replaces === a.task.id) return -1;
  if (endedByItself(a.task) !== endedByItself(b.task)) return endedByItself(a.task) ? -1 : 1;
  return compareStates(b.task.desired, a.task.desired);
}
