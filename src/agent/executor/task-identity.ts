/** What a task is told of itself: by environment variables, and as labels of its container. Pure. */
import { slotName, taskName } from "../../model/naming.ts";
import type { ExecutorOwner, ExecutorTask } from "./executor.ts";

/** A variable that the spec sets itself is the spec's. */
export function identityEnv(task: ExecutorTask, { nodeName }: ExecutorOwner): Readonly<Record<string, string>> {
  return {
    SHOAL_SERVICE: task.serviceName,
    // `web.3`: the same for whatever fills the slot.
    SHOAL_TASK: taskName(task),
    SHOAL_SLOT: slotName(task),
    SHOAL_NODE: nodeName,
    ...(task.run > 0 && { SHOAL_RUN: String(task.run) }),
  };
}
