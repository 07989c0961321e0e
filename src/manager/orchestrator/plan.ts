/** The plan the store's state calls for now, by the service's mode. Pure; what `shoal plan` and tests look at. */
import { modeOf } from "../../model/service-mode.ts";
import type { ReadTx } from "../../store/types.ts";
import { planGlobal } from "./global.ts";
import { planReplicated } from "./replicated.ts";
import type { ServiceState } from "./slot.ts";
import { removalSteps } from "./steps.ts";
import type { Plan } from "./steps.ts";

export function planOf(tx: ReadTx, serviceId: string): Plan {
  const service = tx.get("service", serviceId);
  const tasks = tx.find("task", "service", serviceId);
  const spec = service?.spec?.task;
  if (service === undefined || !spec) {
    return { steps: removalSteps(tasks, "the service was removed"), wakeAtMs: null };
  }
  return planByMode({
    service,
    spec,
    tasks,
    nodeOf: (id) => tx.get("node", id),
    nodes: () => tx.all("node"),
    specOf: (revision) => tx.get("revision", `${serviceId}/${revision}`)?.spec ?? undefined,
    nowMs: tx.timeMs,
  });
}

function planByMode(state: ServiceState): Plan {
  switch (modeOf(state.service.spec)) {
    case "replicated":
      return planReplicated(state);
    case "global":
      return planGlobal(state);
  }
}
