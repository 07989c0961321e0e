/** The plan for one slot of a job's run: a task of it completes once, is tried again, or is given up. Pure. */
import { isRemovedByHand } from "../../model/hand-removal.ts";
import { NODE_DOWN_KEPT_MS } from "../../model/membership.ts";
import { isTerminal, observedState } from "../../model/task-state.ts";
import { formatSpan } from "../../util/units.ts";
import type { ServiceState, Slot, SlotTask } from "./slot.ts";
import { planSlot } from "./slot-plan.ts";
import { cause, earlier } from "./steps.ts";
import type { Step } from "./steps.ts";

export type JobSlot = {
  readonly slot: Slot;
  readonly steps: readonly Step[];
  readonly wakeAtMs: number | null;
  /** Failed for good, or not yet. */
  readonly standing: "failed" | "active";
};

type Limits = {
  /** 0 is none. */
  readonly taskTimeoutMs: number;
  /** What is there goes on, but nothing takes its place. */
  readonly startsNone?: boolean;
};

/** @param slot with at least one task of the run, none of which completed */
export function planJobSlot(slot: Slot, state: ServiceState, { taskTimeoutMs, startsNone = false }: Limits): JobSlot {
  const timeout = planTimeout(slot, state, taskTimeoutMs);
  if (timeout.steps.length > 0) return { slot, steps: timeout.steps, wakeAtMs: null, standing: "active" };
  // Its end is the failure that the next attempt answers.
  if (slot.tasks.some(isBeingStopped)) return { slot, steps: [], wakeAtMs: null, standing: "active" };
  const plan = planSlot(slot, state);
  const keptUntilMs = silentUntilMs(slot, state.nowMs);
  const isKept = startsNone || keptUntilMs !== null;
  return {
    slot,
    steps: isKept ? plan.steps.filter((step) => step.kind !== "create") : plan.steps,
    wakeAtMs: earlier(earlier(plan.wakeAtMs, timeout.wakeAtMs), keptUntilMs),
    standing: plan.givenUp === "" ? "active" : "failed",
  };
}

function planTimeout(
  slot: Slot,
  { nowMs }: ServiceState,
  timeoutMs: number,
): { readonly steps: readonly Step[]; readonly wakeAtMs: number | null } {
  const steps: Step[] = [];
  let wakeAtMs: number | null = null;
  if (timeoutMs === 0) return { steps, wakeAtMs };
  for (const { task, fate } of slot.tasks) {
    const state = observedState(task);
    // Waiting for a node or an image is no work; being started for ever is.
    if ((fate !== "good" && fate !== "silent") || (state !== "STARTING" && state !== "RUNNING")) continue;
    const dueMs = (task.status?.atMs ?? nowMs) + timeoutMs;
    if (nowMs < dueMs) {
      wakeAtMs = earlier(wakeAtMs, dueMs);
      continue;
    }
    const why = cause("restart", `it ran longer than its timeout of ${formatSpan(timeoutMs)}`);
    steps.push({ kind: "desire", key: slot.key, task, desired: "SHUTDOWN", timedOut: true, cause: why });
  }
  return { steps, wakeAtMs };
}

/** Told to stop for its timeout or by hand, by a node that will say so: until then its work may go on. */
function isBeingStopped({ task, fate, node }: SlotTask): boolean {
  const state = node?.status?.state;
  return (
    fate === "stopping" &&
    (task.timedOut || isRemovedByHand(task)) &&
    !isTerminal(observedState(task)) &&
    (state === "READY" || state === "UNREACHABLE")
  );
}

/** A silent node's task may be about to complete: it is tried elsewhere only after a while. Null if none is silent. */
function silentUntilMs(slot: Slot, nowMs: number): number | null {
  const silent = slot.tasks.findLast(({ fate }) => fate === "silent");
  if (silent === undefined) return null;
  const untilMs = (silent.node?.status?.sinceMs ?? nowMs) + NODE_DOWN_KEPT_MS;
  return nowMs < untilMs ? untilMs : null;
}
