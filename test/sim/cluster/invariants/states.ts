/** Both the desired and the observed state of a task only rise, it never changes its node, and time never goes back. */
import type { Task } from "../../../../src/model/index.ts";
import { TASK_STATE_NUMBER } from "../../../../src/model/task-state.ts";
import type { MakeInvariant } from "../invariant.ts";

export const statesRise: MakeInvariant = (world) => ({
  name: "states only rise",
  onEntry: ({ changes, timeMs, version }) => {
    if (timeMs < world.truth.timeMs) throw new Error(`cluster time goes back to ${timeMs} at ${version}`);
    for (const change of changes) {
      if (change.table === "task" && change.before !== undefined && change.after !== undefined) {
        checkRise(change.before, change.after);
      }
    }
  },
});

function checkRise(before: Task, after: Task): void {
  const number = (state: Task["desired"] | undefined): number => TASK_STATE_NUMBER[state ?? "NEW"];
  if (number(after.desired) < number(before.desired)) {
    throw new Error(`desired state of ${after.id} falls from ${before.desired} to ${after.desired}`);
  }
  if (number(after.status?.state) < number(before.status?.state)) {
    throw new Error(`state of ${after.id} falls from ${before.status?.state} to ${after.status?.state}`);
  }
  if (before.nodeId !== "" && after.nodeId !== before.nodeId) {
    throw new Error(`${after.id} moves from ${before.nodeId} to ${after.nodeId}`);
  }
}
