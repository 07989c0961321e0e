/**
 * A rollout's record goes its ways only, whoever leads, and a way back stops no ready task of what it goes back to.
 * Each is an operation of the service's history, whoever began it: clients see another version after it.
 */
import { isBackward } from "../../../../src/model/rollout.ts";
import { isReady, isWanted } from "../../../../src/model/task-state.ts";
import type { Rollout, RolloutState, Service, Task } from "../../../../src/model/index.ts";
import type { Change } from "../../../../src/store/types.ts";
import type { MakeInvariant } from "../invariant.ts";
import type { World } from "../world.ts";

/** No client has this number. */
const SOMEBODY = 0;
/** The last two where there is no task to replace. */
const BEGINNINGS: readonly RolloutState[] = ["UPDATING", "CANARY", "ROLLING_BACK", "COMPLETED", "ROLLED_BACK"];
const WAYS: Readonly<Record<RolloutState, readonly RolloutState[]>> = {
  NONE: [],
  UPDATING: ["PAUSED", "COMPLETED"],
  CANARY: ["UPDATING", "PAUSED", "COMPLETED"],
  PAUSED: ["UPDATING", "CANARY"],
  COMPLETED: [],
  ROLLING_BACK: ["ROLLBACK_PAUSED", "ROLLED_BACK"],
  ROLLBACK_PAUSED: ["ROLLING_BACK"],
  ROLLED_BACK: [],
};

export const rollouts: MakeInvariant = (world) => ({
  name: "rollouts go their ways",
  onEntry: ({ changes, version }) => {
    for (const change of changes) {
      if (change.table === "service") noteService(world, change, version);
      if (change.table === "task") checkTask(world, change);
    }
  },
});

function noteService(world: World, { before, after }: Extract<Change, { table: "service" }>, version: number): void {
  if (after?.rollout == null) return;
  const was = before?.rollout ?? null;
  checkWay(was, after.rollout, after);
  const state = after.rollout.state;
  if (was?.state !== state) world.coverage.add(`rollout ${state.toLowerCase().replaceAll("_", " ")}`);
  if (!isBackward(state) || isSameRollout(was, after.rollout)) return;
  const input = { name: after.spec?.name ?? "" };
  const [call, returned] = [world.point(), world.point()];
  const output = { version };
  world.history.push({ client: SOMEBODY, op: "rollback", input, call, return: returned, output, index: version });
}

function checkWay(before: Rollout | null, after: Rollout, { id }: Service): void {
  const ways = isSameRollout(before, after) ? [before.state, ...WAYS[before.state]] : BEGINNINGS;
  if (ways.includes(after.state)) return;
  throw new Error(`the rollout of ${id} goes from ${before?.state ?? "nothing"} to ${after.state}`);
}

function isSameRollout(before: Rollout | null, after: Rollout): before is Rollout {
  return before !== null && before.startedAtMs === after.startedAtMs && before.to === after.to;
}

function checkTask({ truth }: World, { before, after }: Extract<Change, { table: "task" }>): void {
  if (before === undefined || after === undefined || !isWanted(before) || isWanted(after) || !isReady(before)) return;
  const rollout = truth.get("service", after.serviceId)?.rollout;
  if (rollout?.state !== "ROLLING_BACK" || !isOriginal(before, rollout)) return;
  const reason = after.cause?.reason ?? "";
  if (/^(update to|replaced by) revision/.test(reason)) {
    throw new Error(`${after.id} is ready and of revision ${rollout.to}, and stopped by the way back to it: ${reason}`);
  }
}

function isOriginal(task: Task, rollout: Rollout): boolean {
  return task.revision === rollout.to && (task.meta?.createdAtMs ?? 0) < rollout.startedAtMs;
}
