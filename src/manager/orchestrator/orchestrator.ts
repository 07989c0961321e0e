/**
 * Desired state to tasks, on the leader. Events mark services dirty; each is planned from the store
 * inside one transaction. It holds nothing that a new leader would miss.
 */
import type { Change, WriteTx } from "../../store/types.ts";
import type { Node, Task, TaskState } from "../../model/index.ts";
import { clusterLossTimes, type LossTimes } from "../../model/node-loss.ts";
import { compareStates, isTerminal, observedState } from "../../model/task-state.ts";
import { isFinished } from "../../model/rollout.ts";
import { runsOnEveryNode } from "../../model/service-mode.ts";
import { StoreLoop } from "../../store/store-loop.ts";
import { planOf } from "./plan.ts";
import { applyRollout, applyStep } from "./steps.ts";

/** Steps of one transaction: about 100 KiB of its 1 MiB, and a turn of a few milliseconds. */
export const STEPS_PER_TURN_MAX = 200;
/** Services planned in one turn, most of them without a step. */
const SERVICES_PER_TURN_MAX = 100;

export class Orchestrator extends StoreLoop {
  protected override note(change: Change): boolean {
    const before = this.dirty.size;
    if (change.table === "service") this.dirty.add(change.id);
    else if (change.table === "task") this.#noteTask(change);
    else if (change.table === "node") this.#noteNode(change);
    else if (change.table === "cluster") this.#noteCluster(change);
    else if (change.table === "run") this.dirty.add((change.after ?? change.before)?.serviceId ?? "");
    return this.dirty.size > before;
  }

  protected override noteAll(tx: WriteTx): void {
    for (const service of tx.all("service")) this.dirty.add(service.id);
    for (const task of tx.all("task")) this.dirty.add(task.serviceId);
  }

  protected override turn(tx: WriteTx): readonly string[] {
    const taken: string[] = [];
    let room = this.bound(STEPS_PER_TURN_MAX);
    const services = this.bound(SERVICES_PER_TURN_MAX);
    for (const id of this.dirty) {
      if (room <= 0 || taken.length >= services) break;
      this.dirty.delete(id);
      taken.push(id);
      this.guarded(tx, id, () => {
        room -= this.#planOne(tx, id, room);
      });
    }
    return taken;
  }

  /** @returns how many steps were applied. */
  #planOne(tx: WriteTx, serviceId: string, room: number): number {
    const service = tx.get("service", serviceId) ?? null;
    const plan = planOf(tx, serviceId);
    let applied = 0;
    let key: string | null = null;
    for (const step of plan.steps) {
      // Within a slot steps belong together: an old task stops only with its successor created.
      if (applied >= room && step.key !== key) {
        this.dirty.add(serviceId);
        break;
      }
      key = step.key;
      applied += 1;
      applyStep(tx, this.deps.env, service, step);
    }
    if (service !== null && plan.rollout !== undefined) {
      applied += 1;
      applyRollout(tx, service, plan.rollout);
    }
    this.alarm(serviceId, plan.wakeAtMs, tx.timeMs);
    return applied;
  }

  #noteTask({ before, after }: Extract<Change, { table: "task" }>): void {
    const task = after ?? before;
    if (task === undefined) return;
    const isRoutine =
      before !== undefined &&
      after !== undefined &&
      before.desired === after.desired &&
      before.nodeId === after.nodeId &&
      before.pendingReason === after.pendingReason &&
      before.unfit === after.unfit &&
      before.move?.sinceMs === after.move?.sinceMs &&
      compareStates(observedState(after), this.#decisiveState(after)) < 0 &&
      !isTerminal(observedState(before));
    if (isRoutine) return;
    this.dirty.add(task.serviceId);
    this.#noteDeparture(task);
  }

  /**
   * Between assignment and this state nothing is decided: one that waits for its start stops what it
   * replaces once it is prepared, and the time of a job's or a rollout's task begins with its start.
   */
  #decisiveState({ desired, run, serviceId }: Task): TaskState {
    if (desired === "READY") return "READY";
    const rollout = this.deps.store.speculative().get("service", serviceId)?.rollout ?? null;
    const isTimed = run > 0 || (rollout !== null && !isFinished(rollout.state));
    return isTimed ? "STARTING" : "RUNNING";
  }

  /** On a drained node tasks leave in turns: one that is gone makes way for another service's. */
  #noteDeparture({ nodeId, replaces }: Task): void {
    const state = this.deps.store.speculative();
    for (const id of new Set([nodeId, state.get("task", replaces)?.nodeId ?? ""])) {
      if (state.get("node", id)?.spec?.availability !== "DRAIN") continue;
      for (const { serviceId } of state.find("task", "node", id)) this.dirty.add(serviceId);
    }
  }

  #noteCluster({ before, after }: Extract<Change, { table: "cluster" }>): void {
    if (isSameTimes(clusterLossTimes(before?.spec ?? null), clusterLossTimes(after?.spec ?? null))) return;
    for (const service of this.deps.store.speculative().all("service")) this.dirty.add(service.id);
  }

  #noteNode({ id, before, after }: Extract<Change, { table: "node" }>): void {
    if (before !== undefined && after !== undefined && standing(before) === standing(after)) return;
    // Read outside an update, but only to learn which services to plan.
    const state = this.deps.store.speculative();
    for (const task of state.find("task", "node", id)) this.dirty.add(task.serviceId);
    for (const service of state.all("service")) if (runsOnEveryNode(service.spec)) this.dirty.add(service.id);
  }
}

function isSameTimes(a: LossTimes, b: LossTimes): boolean {
  return a.silentMs === b.silentMs && a.closedMs === b.closedMs;
}

/** All of a node that plans look at. */
function standing({ spec, status, description, role, address }: Node): string {
  return JSON.stringify([
    role,
    address,
    description?.hostname,
    description?.ip,
    spec?.availability,
    spec?.drainDeadlineMs,
    spec?.drainParallelism,
    spec?.labels,
    status?.state,
    status?.sinceMs,
    status?.silence,
    status?.engineOk,
    status?.drainSinceMs,
    status?.agentEpoch,
    description?.engineLabels,
    description?.platform,
    description?.runtimes,
  ]);
}
