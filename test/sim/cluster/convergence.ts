/**
 * What is missing until a healed cluster is as it should be, by rules of its own and not by the orchestrator's plans:
 * every wanted slot runs once, where it may; nothing else runs; all managers hold the same.
 */
import type { Node, Service, Task, TaskSpec } from "../../../src/model/index.ts";
import { jobOf } from "../../../src/model/service-mode.ts";
import { isHeld } from "../../../src/model/rollout.ts";
import { isReady, observedState } from "../../../src/model/task-state.ts";
import type { Machine } from "../../support/sim-cluster.ts";
import { imageOf, isRestless, UNREADY } from "./images.ts";
import { jobMissing } from "./job-convergence.ts";
import { nodeRefusal, refusal, shuns } from "./invariants/placement.ts";
import { taskText } from "./task-text.ts";
import type { Truth } from "./truth.ts";
import type { World } from "./world.ts";

/** Empty once everything is as it should be; else what is not, for people. */
export function missing(world: World): string[] {
  const problems = [...managersMissing(world), ...nodesMissing(world)];
  // Without a leader the rest is old news.
  if (problems.length > 0) return problems;
  for (const service of world.truth.all("service")) {
    const isJob = jobOf(service.spec) !== null;
    problems.push(...(isJob ? jobMissing(world.truth, service) : serviceMissing(world, service)));
  }
  problems.push(...orphansMissing(world), ...containersMissing(world));
  return problems;
}

function managersMissing(world: World): string[] {
  const { cluster, truth, site } = world;
  const leader = cluster.leader();
  if (!site.isIdle) return ["an operator's work is under way"];
  if (leader === null) return ["nobody leads"];
  const problems: string[] = [];
  const wanted = [...truth.all("node")].filter(({ role }) => role === "MANAGER").map(({ id }) => id);
  const voters = (leader.node?.manager?.replica.members() ?? []).filter(({ role }) => role === "voter");
  const ids = voters.map(({ id }) => id);
  if (wanted.toSorted().join() !== ids.toSorted().join()) problems.push(`voters ${ids.join()}, not ${wanted.join()}`);
  for (const machine of cluster.machines) {
    if (!machine.isUp || machine.isStopping) problems.push(`${machine.name} is not up`);
    const isManager = machine.node?.manager !== null && machine.node !== null;
    if (isManager !== wanted.includes(machine.id))
      problems.push(`${machine.name} ${isManager ? "has" : "lacks"} a manager`);
    const version = machine.node?.manager?.store.view().version ?? null;
    const latest = leader.node?.manager?.store.view().version;
    if (version !== null && version !== latest) problems.push(`${machine.name} is at ${version} of ${latest}`);
  }
  return problems;
}

function nodesMissing({ cluster, truth }: World): string[] {
  const problems: string[] = [];
  const known = [...truth.all("node")];
  if (known.length !== cluster.machines.length)
    problems.push(`${known.length} nodes, ${cluster.machines.length} machines`);
  for (const { id, spec, status } of known) {
    const machine = cluster.machines.find((one) => one.id === id);
    if (status?.state !== "READY") problems.push(`node ${spec?.name} is ${status?.state}: ${status?.message}`);
    if (machine?.engine !== null && status?.engineOk !== true)
      problems.push(`engine of ${spec?.name}: ${status?.engineMessage}`);
  }
  return problems;
}

function serviceMissing(world: World, service: Service): string[] {
  const { truth } = world;
  const name = service.spec?.name ?? "";
  const replicas = Number(service.spec?.replicated?.replicas ?? 0);
  const wanted = truth.tasksOfService(service.id).filter(isWanted);
  const slots = new Map<number, Task[]>();
  for (const task of wanted) slots.set(task.slot, [...(slots.get(task.slot) ?? []), task]);
  const problems: string[] = [];
  // A rollout that waits for people stops nothing that serves.
  const isWaiting = waitsForPeople(service);
  for (const [slot, tasks] of slots) {
    const live = tasks.filter((task) => !isOver(task));
    const blocked = live.filter((one) => isStuck(truth, one, service) || isHomeless(truth, one));
    if (live.length > Math.max(isWaiting ? 2 : 1, 1 + blocked.length))
      problems.push(`${name} slot ${slot} has ${live.map(taskText).join(" and ")}`);
  }
  if (slots.size > replicas) problems.push(`${name} has ${slots.size} slots, not ${replicas}`);
  // What ends by itself is never settled; its bounds are looked at elsewhere.
  if (isRestless(service.spec?.task ?? null)) return problems;
  if (slots.size < replicas && !givenUp(truth, service))
    problems.push(`${name} has ${slots.size} slots, not ${replicas}`);
  for (const task of wanted) {
    const why = taskMissing(world, service, task);
    if (why !== null) problems.push(`${taskText(task)}: ${why}`);
  }
  return problems;
}

/** A restart policy, each task's own, may say that an ended task has no successor. */
function givenUp(truth: Truth, service: Service): boolean {
  return truth.tasksOfService(service.id).some((task) => {
    const { condition = "ANY", maxAttempts = 0 } = truth.specOf(task)?.restart ?? {};
    return isOver(task) && (condition !== "ANY" || Number(maxAttempts) > 0);
  });
}

function taskMissing(world: World, service: Service, task: Task): string | null {
  const { truth } = world;
  const spec = service.spec?.task ?? null;
  const own = truth.specOf(task);
  if (own === null || spec === null) return "has no spec";
  if (isOver(task)) return `is ${observedState(task)} and wanted`;
  if (task.nodeId === "")
    return world.machineOf(roomFor(truth, task, own)?.id ?? "") === undefined ? null : unplaced(truth, task, own);
  if (!isSameWork(own, spec) && waitsForPeople(service)) return null;
  // A rollout that no node has room for goes on until its deadline, one slot after the other.
  if (!isSameWork(own, spec) && truth.tasksOfService(service.id).some((other) => isStuck(truth, other, service)))
    return null;
  if (!isSameWork(own, spec))
    return placeable(truth, task, spec) ? `is of revision ${task.revision}, not ${service.revision}` : null;
  const isBeside = (other: Task): boolean => other.slot === task.slot && other.id !== task.id && isWanted(other);
  // It is prepared, and takes over once the rollout goes on: by hand, or past the slots whose turn it is.
  const isHeldUp =
    waitsForPeople(service) || truth.tasksOfService(service.id).some((one) => isStuck(truth, one, service));
  if (task.desired === "READY" && isHeldUp && truth.tasksOfService(service.id).some(isBeside)) return null;
  if (observedState(task) !== "RUNNING" || task.desired !== "RUNNING")
    return `is ${observedState(task)} of ${task.desired}: ${task.status?.message}`;
  const node = truth.get("node", task.nodeId);
  // It goes on until its stand-in serves, or the deadline.
  const standIn = truth.tasksOfService(service.id).find((other) => other.replaces === task.id && isWanted(other));
  const isUnplaced = standIn !== undefined && standIn.nodeId === "" && roomFor(truth, standIn, own) === null;
  if (node?.spec?.availability === "DRAIN") return isUnplaced ? null : "runs on a drained node";
  const broken = node === undefined ? "its node is not there" : nodeRefusal(node, own);
  return broken;
}

function waitsForPeople({ rollout }: Service): boolean {
  return isHeld(rollout) || rollout?.state === "CANARY";
}

/** A rollout waits for it, until its deadline: no node takes it, or it does not become ready. */
function isStuck(truth: Truth, task: Task, { revision, rollout }: Service): boolean {
  const spec = truth.specOf(task);
  if (!isWanted(task) || isOver(task) || task.revision !== revision || spec === null) return false;
  if (rollout?.state !== "UPDATING" && rollout?.state !== "ROLLING_BACK") return false;
  if (task.nodeId !== "") return imageOf(spec) === UNREADY && !isReady(task);
  return roomFor(truth, task, spec) === null;
}

/** No node takes it as things are. */
function isHomeless(truth: Truth, task: Task): boolean {
  const spec = truth.specOf(task);
  return task.nodeId === "" && spec !== null && roomFor(truth, task, spec) === null;
}

function unplaced(truth: Truth, task: Task, spec: TaskSpec): string {
  return `waits (${task.pendingReason}) while ${roomFor(truth, task, spec)?.spec?.name} has room`;
}

/** A node that would take an unplaced task as things are. */
function roomFor(truth: Truth, task: Task, spec: TaskSpec): Node | null {
  for (const node of truth.all("node")) {
    const isShunned = truth.tasksOfNode(node.id).some((other) => shuns(truth, other, task));
    const isFit = nodeRefusal(node, spec) === null && refusal(truth, { ...task, nodeId: node.id }) === null;
    if (isFit && !isShunned) return node;
  }
  return null;
}

/** Whether the rollout has somewhere to go. */
function placeable(truth: Truth, task: Task, spec: TaskSpec): boolean {
  for (const node of truth.all("node")) if (nodeRefusal(node, spec) === null) return true;
  return false;
}

function isSameWork(a: TaskSpec, b: TaskSpec): boolean {
  const text = ({ container, ports, resources, forceUpdate }: TaskSpec): string =>
    JSON.stringify([container?.image, container?.env, ports, resources, forceUpdate]);
  return text(a) === text(b);
}

function orphansMissing({ truth }: World): string[] {
  const problems: string[] = [];
  for (const task of truth.all("task")) {
    if (truth.get("service", task.serviceId) === undefined)
      problems.push(`task ${task.id} of a removed service is left`);
    else if (!isWanted(task) && !isOver(task))
      problems.push(`task ${task.id.slice(0, 6)} is ${task.desired} but ${observedState(task)}`);
  }
  return problems;
}

/** Engines run what the store says that runs, and nothing else. */
function containersMissing({ cluster, truth }: World): string[] {
  const problems: string[] = [];
  for (const machine of cluster.machines) {
    for (const container of machine.engine?.running() ?? []) {
      const task = truth.get("task", container.task.id);
      const isExpected = task !== undefined && isWanted(task) && task.nodeId === machine.id && isLive(task);
      if (!isExpected) problems.push(`${machine.name} runs ${container.task.id.slice(0, 6)}: ${textOf(task)}`);
    }
  }
  for (const task of truth.all("task")) {
    if (observedState(task) !== "RUNNING" || !isWanted(task) || isRestless(truth.specOf(task))) continue;
    if (!runs(cluster.machines, task)) problems.push(`${task.id.slice(0, 6)} is said to run`);
  }
  return problems;
}

function runs(machines: readonly Machine[], { id, nodeId }: Task): boolean {
  const engine = machines.find((machine) => machine.id === nodeId)?.engine ?? null;
  return engine?.container(id)?.state.state === "running";
}

function isWanted({ desired, run }: Task): boolean {
  return desired === "RUNNING" || desired === "READY" || (run > 0 && desired === "COMPLETE");
}

function isLive(task: Task): boolean {
  const state = observedState(task);
  return state === "STARTING" || state === "RUNNING";
}

function isOver(task: Task): boolean {
  return ["COMPLETE", "SHUTDOWN", "FAILED", "REJECTED", "ORPHANED"].includes(observedState(task));
}

function textOf(task: Task | undefined): string {
  return task === undefined ? "no task" : `${task.desired} ${observedState(task)} on ${task.nodeId}`;
}
