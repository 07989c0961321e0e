/** Telling a task to stop outside the orchestrator's plans. */
import type { Cause, Task } from "../model/index.ts";
import { isTerminal } from "../model/task-state.ts";
import type { WriteTx } from "./types.ts";

/** @param desired above what it is now */
export function endTask(tx: WriteTx, task: Task, desired: "SHUTDOWN" | "REMOVE", cause: Cause): void {
  const { status } = task;
  // What was never assigned has no agent to report its end.
  const ended: Task["status"] =
    task.nodeId === "" && status !== null && !isTerminal(status.state)
      ? {
          ...status,
          state: "SHUTDOWN",
          message: "stopped before it was placed",
          atMs: tx.timeMs,
          healthy: false,
          ready: false,
        }
      : status;
  tx.put("task", { ...task, desired, status: ended, cause, pendingReason: "" });
}
