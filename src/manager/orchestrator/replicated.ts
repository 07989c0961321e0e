/** The plan for a replicated service: a function of its arguments, empty once the service is as it should be. */
import { DEFAULT_REPLICAS } from "../../model/defaults.ts";
import type { Task } from "../../model/index.ts";
import { planScale } from "./scale.ts";
import { slotsOf } from "./slot.ts";
import type { ServiceState } from "./slot.ts";
import { planSlot } from "./slot-plan.ts";
import { cause, earlier } from "./steps.ts";
import type { Plan, Step } from "./steps.ts";
import { planRollout } from "./update.ts";

export function planService(state: ServiceState): Plan {
  const replicas = Math.max(0, state.service.spec?.replicated?.replicas ?? DEFAULT_REPLICAS);
  const scale = planScale(slotsOf(state), replicas);
  const slots = scale.keep.map((slot) => planSlot(slot, state));
  planRollout(slots, state);
  return {
    steps: [
      ...scale.drop.flatMap((slot) =>
        removalSteps(
          slot.tasks.map((view) => view.task),
          `scaled to ${replicas}`,
        ),
      ),
      ...slots.flatMap((plan) => plan.steps),
      ...scale.add.map((slot): Step => ({
        kind: "create",
        slot,
        desired: "RUNNING",
        startAfterMs: 0,
        replaces: "",
        cause: cause("orchestrator", `one of ${replicas} replicas`),
      })),
    ],
    wakeAtMs: slots.reduce<number | null>((wake, plan) => earlier(wake, plan.wakeAtMs), null),
  };
}

/** @param tasks of a service that no longer exists */
export function planServiceRemoval(tasks: readonly Task[]): Plan {
  return { steps: removalSteps(tasks, "the service was removed"), wakeAtMs: null };
}

/** Surplus and removed tasks keep no history: they are to be deleted, not only stopped. */
function removalSteps(tasks: readonly Task[], reason: string): Step[] {
  return tasks
    .filter((task) => task.desired !== "REMOVE" && task.desired !== "ORPHANED")
    .map((task) => ({
      kind: "desire",
      slot: task.slot,
      task,
      desired: "REMOVE",
      cause: cause("orchestrator", reason),
    }));
}
