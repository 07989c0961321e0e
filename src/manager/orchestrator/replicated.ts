/** The plan for a replicated service: a function of its arguments, empty once the service is as it should be. */
import { DEFAULT_REPLICAS } from "../../model/defaults.ts";
import { planScale } from "./scale.ts";
import { slotsOf } from "./slot.ts";
import type { ServiceState } from "./slot.ts";
import { planSlot } from "./slot-plan.ts";
import { cause, earlier, removalSteps } from "./steps.ts";
import type { Plan, Step } from "./steps.ts";
import { planRollout, revisionOfNewSlot } from "./rollout.ts";
import { waitForOthers } from "./tied.ts";

export function planReplicated(state: ServiceState): Plan {
  const replicas = replicasOf(state);
  const before = slotsOf(state);
  const scale = planScale(before, replicas);
  // A slot that comes back may have a task that still stops.
  const leaving = new Map(before.map((slot) => [slot.number, slot]));
  const slots = scale.keep.map((slot) => planSlot(slot, state));
  const rollout = planRollout(slots, state);
  const revision = revisionOfNewSlot(state);
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
        key: String(slot),
        slot,
        pinnedNodeId: "",
        revision,
        run: 0,
        desired: waitForOthers(leaving.get(slot) ?? { key: String(slot), tasks: [] }, state).isOver
          ? "RUNNING"
          : "READY",
        startAfterMs: 0,
        earlyEnds: 0,
        replaces: "",
        cause: cause("orchestrator", `one of ${replicas} replicas`),
      })),
    ],
    wakeAtMs: slots.reduce<number | null>((wake, plan) => earlier(wake, plan.wakeAtMs), rollout.wakeAtMs),
    ...(rollout.change === null ? {} : { rollout: rollout.change }),
  };
}

export function replicasOf({ service }: ServiceState): number {
  return Math.max(0, service.spec?.replicated?.replicas ?? DEFAULT_REPLICAS);
}
