/**
 * More than one good task in a slot: which stays. It happens when a silent node answers again beside
 * its stand-in, and after anything nobody thought of. Replace fast, kill late: as long as it is not
 * certain that the one to keep serves, both run.
 */
import type { OnReturn } from "../../model/index.ts";
import type { SlotTask } from "./slot.ts";
import { earlier } from "./steps.ts";

/** After a node answers again its agent gets this long to report before anything is stopped. */
export const RETURN_SETTLE_MS = 2000;
/** The same for a task that was last reported by an earlier run of its agent. */
export const RETURN_REPORT_MS = 10_000;

export type Surplus = {
  readonly keep: readonly SlotTask[];
  readonly drop: readonly SlotTask[];
  readonly wakeAtMs: number | null;
};

/**
 * @param byAge good tasks of one slot from the oldest to the newest, all current or all out of date
 * @param onReturn the replacement stays only if it serves: what is still being started is no reason to stop what runs
 */
export function planSurplus(byAge: readonly SlotTask[], nowMs: number, onReturn: OnReturn = "KEEP_ORIGINAL"): Surplus {
  const group = onReturn === "KEEP_REPLACEMENT" ? byAge.toReversed() : byAge;
  if (group.length < 2) return { keep: group, drop: [], wakeAtMs: null };
  const keeper = group.find((view) => view.serving && settlesAtMs(view, nowMs) === 0);
  if (keeper === undefined) return withoutKeeper(group, nowMs);
  const older = group.slice(0, group.indexOf(keeper));
  const unsettled = older.filter((view) => settlesAtMs(view, nowMs) !== 0);
  const drop = group.filter((view) => view !== keeper && !unsettled.includes(view));
  return unsettled.length === 0
    ? { keep: [keeper], drop, wakeAtMs: null }
    : // The one to prefer is about to report; only what is neither it nor its proven stand-in goes.
      { keep: group.filter((view) => !drop.includes(view)), drop, wakeAtMs: soonest(unsettled, nowMs) };
}

/** Nobody serves for certain: what has no node yet is not needed beside what has one. */
function withoutKeeper(group: readonly SlotTask[], nowMs: number): Surplus {
  const placed = group.filter((view) => view.task.nodeId !== "");
  const hasGround = placed.some((view) => settlesAtMs(view, nowMs) === 0);
  const keep = placed.length === 0 ? group.slice(0, 1) : hasGround ? placed : group;
  return { keep, drop: group.filter((view) => !keep.includes(view)), wakeAtMs: soonest(group, nowMs) };
}

/** 0 once what the store says of the task can be believed; null if only the node can change that. */
export function settlesAtMs({ node, task }: SlotTask, nowMs: number): number | null {
  if (task.nodeId === "") return 0;
  const status = node?.status;
  if (status?.state !== "READY") return null;
  const reported = (task.status?.agentEpoch ?? 0) >= status.agentEpoch;
  const atMs = Math.max(status.sinceMs, status.engineSinceMs) + (reported ? RETURN_SETTLE_MS : RETURN_REPORT_MS);
  return atMs <= nowMs ? 0 : atMs;
}

function soonest(views: readonly SlotTask[], nowMs: number): number | null {
  let atMs: number | null = null;
  for (const view of views) {
    const settles = settlesAtMs(view, nowMs);
    if (settles !== null && settles > 0) atMs = earlier(atMs, settles);
  }
  return atMs;
}
