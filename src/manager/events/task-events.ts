/** What a changed task means to people. Pure. */
import type { Cause, Task, TaskState } from "../../model/index.ts";
import { slotName, taskName } from "../../model/naming.ts";
import { observedState } from "../../model/task-state.ts";
import { actorOr, happening, nodeOf, type ChangeOf, type Context, type Happening, type What } from "./event.ts";

const NO_CAUSE: Cause = { actor: "", reason: "" };

export function taskEvents({ before, after }: ChangeOf<"task">, context: Context): Happening[] {
  if (after === undefined) return before === undefined ? [] : [removed(before, context)];
  if (before === undefined) return [created(after, context), ...progress(undefined, after, context)];
  return progress(before, after, context);
}

/** A task may come to several things in one change: placed, and at once refused. */
function progress(before: Task | undefined, after: Task, context: Context): Happening[] {
  const events: Happening[] = [];
  if (before !== undefined && before.nodeId === "" && after.nodeId !== "") events.push(placed(before, after, context));
  if ((before?.pendingReason ?? "") === "" && after.pendingReason !== "") {
    const cause = { actor: "scheduler", reason: after.pendingReason };
    events.push(about(after, context, { action: "pending", level: "WARNING", cause }));
  }
  const state = observedState(after);
  const wasRunning = before !== undefined && observedState(before) === "RUNNING";
  if (before === undefined || observedState(before) !== state) events.push(...reached(state, after, context));
  else if (wasRunning) events.push(...health(before, after, context));
  return events;
}

function created(task: Task, context: Context): Happening {
  const message = task.replaces === "" ? "" : `stands in for task ${task.replaces}`;
  return about(task, context, { action: "created", cause: task.cause ?? NO_CAUSE, message });
}

/** Where the slot's task before was elsewhere, it is what people call moved. */
function placed(before: Task, after: Task, context: Context): Happening {
  const from = predecessor(after, context)?.nodeId ?? after.nodeId;
  const placedBy = after.cause ?? NO_CAUSE;
  if (from === after.nodeId) return about(after, context, { action: "placed", cause: placedBy });
  const message = `from node ${nodeOf(context, from).name} to ${nodeOf(context, after.nodeId).name}`;
  // The scheduler says only where to; who made the task says why it has to be somewhere.
  const cause = before.cause === null || before.cause.actor === "scheduler" ? placedBy : before.cause;
  return about(after, context, { action: "moved", cause, message });
}

/** The task that the slot had on a node before, in the same run. */
function predecessor(task: Task, { tx }: Context): Task | null {
  let newest: Task | null = null;
  for (const other of tx.find("task", "slot", `${task.serviceId}/${slotName(task)}`)) {
    if (other.id === task.id || other.nodeId === "" || other.run !== task.run) continue;
    if (newest === null || isNewer(other, newest)) newest = other;
  }
  return newest;
}

/** Rows come in another order after a restart, so the id decides between those of one time. */
function isNewer(a: Task, b: Task): boolean {
  const [timeA, timeB] = [a.meta?.createdAtMs ?? 0, b.meta?.createdAtMs ?? 0];
  return timeA === timeB ? a.id > b.id : timeA > timeB;
}

function reached(state: TaskState, task: Task, context: Context): Happening[] {
  const { message = "", error = "", exitCode } = task.status ?? {};
  const said = { actor: `node:${task.nodeId}`, reason: message };
  const wanted = task.cause ?? said;
  switch (state) {
    case "RUNNING":
      return [about(task, context, { action: "running", cause: said })];
    case "COMPLETE":
      return [about(task, context, { action: "completed", cause: said, exitCode })];
    case "SHUTDOWN":
      return [about(task, context, { action: "stopped", cause: wanted, message, exitCode })];
    case "FAILED": {
      const late = task.timedOut ? wanted.reason : "";
      const text = error === "" ? late : error;
      return [about(task, context, { action: "failed", level: "ERROR", cause: said, message: text, exitCode })];
    }
    case "REJECTED":
      return [about(task, context, { action: "rejected", level: "ERROR", cause: said, message: error })];
    case "ORPHANED":
      return [about(task, context, { action: "orphaned", level: "WARNING", cause: wanted, message })];
    case "NEW":
    case "PENDING":
    case "ASSIGNED":
    case "ACCEPTED":
    case "PREPARING":
    case "READY":
    case "STARTING":
    case "REMOVE":
      return [];
  }
}

/** Of one that runs: its runtime's own check, and the readiness that the agent checks. */
function health({ status: before }: Task, after: Task, context: Context): Happening[] {
  const { healthy = false, ready = false, message = "", checkMessage = "" } = after.status ?? {};
  const said = (action: string, isGood: boolean, reason: string): Happening => {
    const cause = { actor: `node:${after.nodeId}`, reason };
    return about(after, context, { action, level: isGood ? "INFO" : "WARNING", cause });
  };
  const events: Happening[] = [];
  if (before?.healthy !== healthy) events.push(said(healthy ? "healthy" : "unhealthy", healthy, message));
  if (before?.ready !== ready) events.push(said(ready ? "ready" : "not-ready", ready, checkMessage));
  return events;
}

/** The reaper deletes the rows; why is what made the task one to delete. */
function removed(task: Task, context: Context): Happening {
  const isHistory = task.desired !== "REMOVE" && task.desired !== "ORPHANED";
  const reason = isHistory ? "history: newer tasks of its slot are kept" : (task.cause?.reason ?? "");
  return about(task, context, { action: "removed", cause: { actor: actorOr(context, "reaper"), reason } });
}

function about(task: Task, context: Context, what: Omit<What, "type" | "id" | "name">): Happening {
  return happening({
    type: "task",
    id: task.id,
    name: taskName(task),
    service: { id: task.serviceId, name: task.serviceName },
    node: nodeOf(context, task.nodeId === "" ? task.pinnedNodeId : task.nodeId),
    ...what,
  });
}
