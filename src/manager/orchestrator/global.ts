/**
 * The plan for a global service: one task on every node that is its. The slot is the node, so there
 * is never a second task beside one that is wanted, whatever happened to nodes and leaders.
 */
import { membershipOf } from "../../model/membership.ts";
import type { Node } from "../../model/index.ts";
import { bySlot, slotsOf } from "./slot.ts";
import type { ServiceState, Slot } from "./slot.ts";
import { create, planSlot } from "./slot-plan.ts";
import type { SlotPlan } from "./slot-plan.ts";
import { cause, earlier, removalSteps } from "./steps.ts";
import type { Plan, Step } from "./steps.ts";
import { planRollout } from "./update.ts";

export function planGlobal(state: ServiceState): Plan {
  const { working, steps, wakeAtMs } = planNodes(state);
  planRollout(working, state);
  return {
    steps: [...steps, ...working.flatMap((plan) => plan.steps)],
    wakeAtMs: working.reduce<number | null>((wake, plan) => earlier(wake, plan.wakeAtMs), wakeAtMs),
  };
}

/** `working` are the plans of the nodes that are to have a task; `steps` is what is done on the others. */
export type NodePlans = {
  readonly working: readonly SlotPlan[];
  readonly steps: readonly Step[];
  readonly wakeAtMs: number | null;
};

export function planNodes(state: ServiceState): NodePlans {
  const known = new Map(slotsOf(state).map((slot) => [slot.key, slot]));
  const working: SlotPlan[] = [];
  const steps: Step[] = [];
  let wakeAtMs: number | null = null;
  for (const node of state.nodes()) {
    const slot = known.get(node.id) ?? emptySlot(node);
    known.delete(node.id);
    const { kind, why, untilMs } = membershipOf(node, state.spec, state.nowMs);
    if (kind === "run") working.push(planNode(slot, state));
    else if (slot.tasks.length > 0) {
      wakeAtMs = earlier(wakeAtMs, untilMs);
      if (kind === "keep") {
        const plan = planSlot(slot, state);
        steps.push(...plan.steps.filter((step) => step.kind !== "create"));
        wakeAtMs = earlier(wakeAtMs, plan.wakeAtMs);
      } else steps.push(...(kind === "stop" ? shutDownSteps(slot, why) : removal(slot, why)));
    }
  }
  for (const slot of known.values()) steps.push(...removal(slot, "its node was removed"));
  return { working: working.sort((a, b) => bySlot(a.slot, b.slot)), steps, wakeAtMs };
}

function planNode(slot: Slot, state: ServiceState): SlotPlan {
  if (slot.tasks.length > 0) return planSlot(slot, state);
  const plan: SlotPlan = { slot, steps: [], wakeAtMs: null, phase: "moving", outdated: [] };
  create(plan, { startAtMs: 0, why: cause("orchestrator", "one on every node") }, state);
  return plan;
}

function emptySlot(node: Node): Slot {
  return { key: node.id, number: 0, nodeId: node.id, tasks: [] };
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
