/**
 * What reaches a node is its own: assignments name it and its cluster incarnation, and come with what it needs only. What
 * an agent does to its engine it was told to: it makes only what was assigned to it, and stops only what the managers
 * gave up. A blip is no reason.
 */
import { codec } from "../../../../src/proto/load.ts";
import type { AssignmentSet } from "../../../../src/model/index.ts";
import { TASK_STATE_NUMBER } from "../../../../src/model/task-state.ts";
import type { FakeEffect } from "../../../support/fake-engine.ts";
import type { Delivery } from "../../../support/memory-rpc.ts";
import type { Machine } from "../../../support/sim-cluster.ts";
import type { MakeInvariant } from "../invariant.ts";
import type { World } from "../world.ts";

const PATH = "/shoal.v1.Session/Session";
const INCARNATION = "1";
const downCodec = codec("SessionDown");
const setCodec = codec("AssignmentSet");
const HEALTH_CHECK_FAILED = "health check failed";
/** From its own word that a manager answered an agent waits 20 s; from its start 5 s. The answer may be late by 3 s. */
const CUT_OFF_MS = 16_500;
const CUT_OFF_AT_START_MS = 4_500;

export const assignments: MakeInvariant = (world) => {
  const chunks = new WeakMap<object, Uint8Array[]>();
  /** Ids of tasks that were ever assigned to a node. */
  const assigned = new Map<string, Set<string>>();
  /** When each agent last heard an answer of a manager, and when it started. */
  const answeredAt = new Map<string, number>();
  const bootedAt = new Map<string, number>();
  /** When each agent was last cut off: what it was to stop then it may stop later, once its engine answers. */
  const cutOffAt = new Map<string, number>();
  const startedAt = new Map<string, number>();

  /** It stops what never runs twice, though it is wanted. */
  const isCutOff = ({ name }: Machine): boolean => {
    const booted = bootedAt.get(name) ?? 0;
    const answered = answeredAt.get(name) ?? 0;
    const sinceMs = (1 - world.plan.drift) * (answered < booted ? CUT_OFF_AT_START_MS : CUT_OFF_MS);
    return world.sim.now - Math.max(answered, booted) >= sinceMs;
  };

  const wasCutOff = (machine: Machine, taskId: string): boolean =>
    isCutOff(machine) || (cutOffAt.get(machine.name) ?? -1) >= (startedAt.get(taskId) ?? 0);
  const onLook = (): void => {
    for (const machine of world.cluster.machines)
      if (machine.isUp && isCutOff(machine)) cutOffAt.set(machine.name, world.sim.now);
  };

  const take = (set: AssignmentSet, to: Machine): void => {
    if (set.clusterIncarnation !== INCARNATION) throw new Error(`${to.name} gets a set of ${set.clusterIncarnation}`);
    const own = assigned.get(to.id) ?? new Set<string>();
    assigned.set(to.id, own);
    for (const { task, spec } of set.assigned) {
      if (task?.nodeId !== to.id) throw new Error(`${to.name} gets the task ${task?.id} of node ${task?.nodeId}`);
      if (spec === null) throw new Error(`${to.name} gets the task ${task.id} without its spec`);
      own.add(task.id);
    }
  };

  const onDelivery = ({ path, direction, kind, data, to, pipe }: Delivery): void => {
    if (path !== PATH || direction !== "down" || kind !== "message" || data === null) return;
    const { assignments: chunk, heartbeat } = downCodec.decode(data);
    // An agent that has given the session up hears nothing by it any more.
    const hears = world.cluster.machine(to).node?.agent.status().sessionId !== "";
    if (heartbeat && hears) answeredAt.set(to, world.sim.now);
    if (!chunk) return;
    const parts = chunks.get(pipe) ?? [];
    chunks.set(pipe, parts);
    parts.push(chunk.data);
    if (!chunk.last) return;
    take(setCodec.decode(Buffer.concat(parts.splice(0))), world.cluster.machine(to));
  };

  const onEffect = (machine: Machine, effect: FakeEffect): void => {
    const { op, owner, taskId, container } = effect;
    if (owner.nodeId !== machine.id) throw new Error(`${machine.name} acts as ${owner.nodeId}`);
    if (op === "start") startedAt.set(taskId, world.sim.now);
    if (op === "prepare" || op === "start") {
      if (assigned.get(machine.id)?.has(taskId) !== true)
        throw new Error(`${machine.name} ${op}s ${taskId}, never assigned`);
    } else if (container?.state.state === "running") {
      const why =
        world.truth.get("task", taskId)?.single && wasCutOff(machine, taskId) ? null : wanted(world, machine, effect);
      if (why !== null) throw new Error(`${machine.name} ${op}s ${taskId}, but ${why}`);
    }
  };

  const onBoot = ({ name }: Machine): void => void bootedAt.set(name, world.sim.now);
  return { name: "agents do what they were told", onDelivery, onEffect, onBoot, onLook };
};

/** Why a running container should be left alone; null if there is a reason to stop it. */
function wanted(world: World, machine: Machine, { taskId, container }: FakeEffect): string | null {
  const { truth } = world;
  const task = truth.get("task", taskId);
  const node = truth.get("node", machine.id);
  if (task === undefined || node === undefined || machine.isStopping) return null;
  if (container?.state.health === "unhealthy") return null;
  // A check that failed is recorded before the stop, by the agent first.
  const errors = [task.status?.error, machine.node?.agent.worker.statusOf(taskId)?.error];
  const { liveness, startup } = truth.specOf(task)?.checks ?? {};
  const endsIt = (error = ""): boolean =>
    error === HEALTH_CHECK_FAILED || (error !== "" && Boolean(liveness ?? startup));
  if (errors.some(endsIt)) return null;
  if (TASK_STATE_NUMBER[task.desired] > TASK_STATE_NUMBER.RUNNING) return null;
  if (TASK_STATE_NUMBER[task.status?.state ?? "NEW"] > TASK_STATE_NUMBER.RUNNING) return null;
  return `it is wanted (${task.desired}) and ${task.status?.state ?? "NEW"}`;
}
