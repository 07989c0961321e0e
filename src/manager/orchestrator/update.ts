/**
 * Rolling replacement of out-of-date tasks. Level-triggered: at most `parallelism` slots are moving
 * at any time, and the next one starts only when those serve. A new task that fails is the restart
 * supervisor's; its slot keeps its place in the budget, so a bad revision stops after it.
 */
import { DEFAULT_UPDATE_PARALLELISM } from "../../model/defaults.ts";
import { create, shutDown, startsFirst } from "./slot-plan.ts";
import type { SlotPlan } from "./slot-plan.ts";
import { bySlot } from "./slot.ts";
import type { ServiceState, SlotTask } from "./slot.ts";
import { cause } from "./steps.ts";

/** Adds the rollout's steps to the plans of the slots whose turn it is. */
export function planRollout(plans: readonly SlotPlan[], state: ServiceState): void {
  const outdated = plans.filter((plan) => plan.phase === "outdated");
  if (outdated.length === 0) return;
  let budget = budgetOf(plans, state.service.spec?.update?.parallelism || DEFAULT_UPDATE_PARALLELISM);
  for (const plan of brokenFirst(outdated)) {
    // Nothing of an unplaced task runs, so replacing it costs nobody anything.
    if (plan.outdated.every(({ task }) => task.nodeId === "")) replaceNow(plan, state);
    else if (budget > 0) {
      budget -= 1;
      replaceRunning(plan, state);
    }
  }
}

function budgetOf(plans: readonly SlotPlan[], parallelism: number): number {
  const count = (phase: SlotPlan["phase"]): number => plans.filter((plan) => plan.phase === phase).length;
  const moving = count("moving");
  const unplaced = count("unplaced");
  const budget = parallelism - moving - unplaced;
  // More replicas than places: the new revision is known to run, and what stops next makes the place.
  if (budget <= 0 && moving === 0 && unplaced <= parallelism && count("serving") > 0) return 1;
  return Math.max(0, budget);
}

function brokenFirst(plans: readonly SlotPlan[]): SlotPlan[] {
  const serves = (plan: SlotPlan): boolean => plan.outdated.some((view: SlotTask) => view.serving);
  return plans.toSorted((a, b) => Number(serves(a)) - Number(serves(b)) || bySlot(a.slot, b.slot));
}

function replaceNow(plan: SlotPlan, state: ServiceState): void {
  const why = cause("orchestrator", `update to revision ${state.service.revision}`);
  shutDown(plan, plan.outdated, why);
  create(plan, { startAtMs: 0, why }, state);
}

function replaceRunning(plan: SlotPlan, state: ServiceState): void {
  const why = cause("orchestrator", `update to revision ${state.service.revision}`);
  if (startsFirst(state)) {
    create(plan, { startAtMs: 0, why }, state);
    return;
  }
  shutDown(plan, plan.outdated, why);
  create(plan, { startAtMs: "after-predecessors", why }, state);
}
