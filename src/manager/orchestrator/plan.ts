/** The plan the store's state calls for now, by the service's mode. Pure; what `shoal plan` and tests look at. */
import type { ReadTx } from "../../store/types.ts";
import { planReplicated } from "./replicated.ts";
import { removalSteps } from "./steps.ts";
import type { Plan } from "./steps.ts";

export function planOf(tx: ReadTx, serviceId: string): Plan {
  const service = tx.get("service", serviceId);
  const tasks = tx.find("task", "service", serviceId);
  const spec = service?.spec?.task;
  if (service === undefined || !spec) {
    return { steps: removalSteps(tasks, "the service was removed"), wakeAtMs: null };
  }
  return planReplicated({
    service,
    spec,
    tasks,
    nodeOf: (id) => tx.get("node", id),
    specOf: (revision) => tx.get("revision", `${serviceId}/${revision}`)?.spec ?? undefined,
    nowMs: tx.timeMs,
  });
}
