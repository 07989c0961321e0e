/**
 * The plan for a global service: one task on every node that is its. The slot is the node, so there
 * is never a second task beside one that is wanted, whatever happened to nodes and leaders.
 */
import { bySlot } from "./slot.ts";
import type { ServiceState, Slot, SlotTask } from "./slot.ts";
import { nodeSlotsOf } from "./node-slots.ts";
import { create, newPlan, planSlot } from "./slot-plan.ts";
import type { SlotPlan } from "./slot-plan.ts";
import { cause, earlier, removalSteps } from "./steps.ts";
import type { Plan, Step } from "./steps.ts";
import { planRollout, revisionOfNewSlot } from "./rollout.ts";

export function planGlobal(state: ServiceState): Plan {
  const { members, gone } = nodeSlotsOf(state);
  const working: SlotPlan[] = [];
  const steps = gone.flatMap((slot) => removal(slot, "its node was removed"));
  const isServed = members.some(({ kind, slot }) => kind === "run" && slot.tasks.some(({ serving }) => serving));
  let wakeAtMs: number | null = null;
  for (const { slot, kind, why, untilMs } of members) {
    if (kind === "run") {
      working.push(planNode(slot, state));
      continue;
    }
    if (slot.tasks.length > 0) wakeAtMs = earlier(wakeAtMs, untilMs);
    const isOnlyHope = kind === "stop" && !isServed && slot.tasks.some(isOnSilentNode);
    if (kind === "none") steps.push(...removal(slot, why));
    else if (kind === "stop" && !isOnlyHope) steps.push(...shutDownSteps(slot, why));
    else {
      const kept = planKept(slot, state);
      steps.push(...kept.steps);
      wakeAtMs = earlier(wakeAtMs, kept.wakeAtMs);
    }
  }
  const rollout = planRollout(
    working.sort((a, b) => bySlot(a.slot, b.slot)),
    state,
  );
  return {
    steps: [...steps, ...working.flatMap((plan) => plan.steps)],
    wakeAtMs: working.reduce((wake, plan) => earlier(wake, plan.wakeAtMs), earlier(wakeAtMs, rollout.wakeAtMs)),
    ...(rollout.change === null ? {} : { rollout: rollout.change }),
  };
}

/** It may run for all that is known: silence alone never takes the last task of a service. */
function isOnSilentNode({ node }: SlotTask): boolean {
  return node?.status?.state === "DOWN";
}

function planNode(slot: Slot, state: ServiceState): SlotPlan {
  if (slot.tasks.length > 0) return planSlot(slot, state);
  const plan = newPlan(slot);
  plan.phase = "moving";
  create(
    plan,
    { revision: revisionOfNewSlot(state), startAtMs: 0, why: cause("orchestrator", "one on every node") },
    state,
  );
  return plan;
}

/** What is there goes on, and nothing takes its place. */
function planKept(slot: Slot, state: ServiceState): Plan {
  if (slot.tasks.length === 0) return { steps: [], wakeAtMs: null };
  const { steps, wakeAtMs } = planSlot(slot, state);
  return { steps: steps.filter((step) => step.kind !== "create"), wakeAtMs };
}

function shutDownSteps({ key, tasks }: Slot, why: string): Step[] {
  return tasks
    .filter(({ fate }) => fate !== "stopping")
    .map(({ task }) => ({ kind: "desire", key, task, desired: "SHUTDOWN", cause: cause("orchestrator", why) }));
}

function removal({ tasks }: Slot, why: string): Step[] {
  return removalSteps(
    tasks.map(({ task }) => task),
    why,
  );
}
