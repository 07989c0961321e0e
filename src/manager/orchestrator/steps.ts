/** What a plan may ask for, and how one step is written to the store. */
import { assert } from "../../util/assert.ts";
import type { Env } from "../../util/env.ts";
import { newId } from "../../util/id.ts";
import { canRaise, compareStates, isTerminal, observedState } from "../../model/task-state.ts";
import { slotName } from "../../model/naming.ts";
import { reasonText } from "../../model/reason.ts";
import { tiesOf } from "../../model/ties.ts";
import type { Cause, Rollout, Run, Service, Task } from "../../model/index.ts";
import { noteOverdueDrain } from "./drain.ts";
import { goBack, setOutcome } from "../../store/rollouts.ts";
import type { WriteTx } from "../../store/types.ts";

/** `key` names the slot (model/naming.ts). */
export type Step =
  | {
      readonly kind: "create";
      readonly key: string;
      /** 0 for a slot that is known by its node. */
      readonly slot: number;
      /** The only node that may run it, or empty. */
      readonly pinnedNodeId: string;
      readonly revision: number;
      /** Of a job; 0 for a service. */
      readonly run: number;
      /** READY waits: for `startAfterMs`, and for the slot's stopping predecessors. */
      readonly desired: "READY" | "RUNNING" | "COMPLETE";
      readonly startAfterMs: number;
      /** Tasks of the slot that ended early in a row, its predecessor the last of them. */
      readonly earlyEnds: number;
      /** Id of the silent task this one stands in for, or empty. */
      readonly replaces: string;
      readonly cause: Cause;
    }
  | {
      readonly kind: "desire";
      readonly key: string;
      readonly task: Task;
      readonly desired: "RUNNING" | "COMPLETE" | "SHUTDOWN" | "REMOVE";
      /** It is stopped for its timeout. */
      readonly timedOut?: true;
      readonly cause: Cause;
    }
  /** It never runs twice from now on: its agent must know. */
  | { readonly kind: "single"; readonly key: string; readonly task: Task }
  /** It was to make way for another one elsewhere, and does not. */
  | { readonly kind: "stay"; readonly key: string; readonly task: Task; readonly cause: Cause }
  /** A job's run begins, or is another than it was. */
  | { readonly kind: "run"; readonly key: string; readonly run: Run }
  /** Its node was removed: nobody else will report its end. */
  | { readonly kind: "orphan"; readonly key: string; readonly task: Task; readonly cause: Cause };

/** What becomes of a service's rollout. */
export type RolloutChange =
  | { readonly kind: "record"; readonly rollout: Rollout }
  /** It is over: the revision has proven itself as far as a rollout can tell. */
  | { readonly kind: "done"; readonly rollout: Rollout }
  /** The failure action is to go back. */
  | { readonly kind: "back"; readonly to: number; readonly message: string };

export type Plan = {
  /** Steps of one slot are adjacent: a caller that must cut a plan cuts between slots. */
  readonly steps: readonly Step[];
  /** Cluster time at which to plan again although nothing changed; null is never. */
  readonly wakeAtMs: number | null;
  /** What becomes of the rollout's record; absent for nothing. */
  readonly rollout?: RolloutChange;
};

export function cause(actor: "orchestrator" | "restart" | "reaper" | "cron", reason: string): Cause {
  return { actor, reason: reasonText(reason) };
}

/** The earlier of two times, null being never. */
export function earlier(a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null ? a : Math.min(a, b);
}

/** Surplus and removed tasks keep no history: they are to be deleted, not only stopped. */
export function removalSteps(tasks: readonly Task[], reason: string): Step[] {
  return tasks
    .filter((task) => task.desired !== "REMOVE" && task.desired !== "ORPHANED")
    .map((task) => ({
      kind: "desire",
      key: slotName(task),
      task,
      desired: "REMOVE",
      cause: cause("orchestrator", reason),
    }));
}

/** @param service whose new tasks are created; null allows only the other steps. */
export function applyStep(tx: WriteTx, env: Env, service: Service | null, step: Step): void {
  switch (step.kind) {
    case "create": {
      assert(service !== null, "only a service that exists gets tasks");
      tx.put("task", newTask(tx, env, service, step));
      return;
    }
    case "desire": {
      const { task, desired, timedOut = task.timedOut } = step;
      assert(canRaise(task.desired, desired), `the desired state of a task only rises: ${task.desired} to ${desired}`);
      // What was never assigned has no agent to report its end.
      const isEnd = compareStates(desired, "SHUTDOWN") >= 0;
      const ends = isEnd && task.nodeId === "" && !isTerminal(observedState(task));
      const status = ends ? stoppedStatus(tx, task, "SHUTDOWN", "stopped before it was placed") : task.status;
      const pendingReason = isEnd ? "" : task.pendingReason;
      tx.put("task", { ...task, desired, status, timedOut, cause: step.cause, pendingReason });
      if (isEnd) noteOverdueDrain(tx, task);
      return;
    }
    case "single":
      tx.put("task", { ...step.task, single: true });
      return;
    case "stay":
      tx.put("task", { ...step.task, move: null, cause: step.cause });
      return;
    case "run":
      tx.put("run", step.run);
      return;
    case "orphan": {
      const { task } = step;
      const desired = compareStates(task.desired, "SHUTDOWN") < 0 ? "SHUTDOWN" : task.desired;
      const status = stoppedStatus(tx, task, "ORPHANED", "its node was removed");
      tx.put("task", { ...task, desired, status, cause: step.cause, pendingReason: "" });
    }
  }
}

export function applyRollout(tx: WriteTx, service: Service, change: RolloutChange): void {
  switch (change.kind) {
    case "record":
      tx.put("service", { ...service, rollout: change.rollout });
      return;
    case "done":
      tx.put("service", { ...service, rollout: change.rollout });
      setOutcome(tx, service, "COMPLETED", change.rollout.message);
      return;
    case "back": {
      const { to, message } = change;
      goBack(tx, service, { to, message, outcome: "FAILED", cause: cause("orchestrator", message) });
    }
  }
}

function newTask(tx: WriteTx, env: Env, service: Service, step: Extract<Step, { kind: "create" }>): Task {
  const single = tiesOf(service.spec).single !== "";
  return {
    id: newId(env),
    meta: null,
    serviceId: service.id,
    serviceName: service.spec?.name ?? "",
    revision: step.revision,
    slot: step.slot,
    nodeId: "",
    desired: step.desired,
    // There is no allocator yet, so nothing stands between NEW and PENDING.
    status: { ...EMPTY_STATUS, state: "PENDING", message: "waiting for a node", atMs: tx.timeMs, single },
    replaces: step.replaces,
    startAfterMs: step.startAfterMs,
    cause: step.cause,
    pendingReason: "",
    ports: [],
    pinnedNodeId: step.pinnedNodeId,
    run: step.run,
    single,
    timedOut: false,
    readyAtMs: 0,
    earlyEnds: step.earlyEnds,
    generic: [],
    unfit: "",
    move: null,
  };
}

const EMPTY_STATUS: NonNullable<Task["status"]> = {
  state: "NEW",
  message: "",
  error: "",
  atMs: 0,
  agentEpoch: 0,
  sequence: 0,
  runtimeId: "",
  ports: [],
  startedAtMs: 0,
  finishedAtMs: 0,
  healthy: false,
  ready: false,
  checkMessage: "",
  single: false,
};

function stoppedStatus(tx: WriteTx, task: Task, state: "SHUTDOWN" | "ORPHANED", message: string): Task["status"] {
  return { ...(task.status ?? EMPTY_STATUS), state, message, atMs: tx.timeMs, healthy: false, ready: false };
}
