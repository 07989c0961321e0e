/** The plan the store's state calls for now, by the service's mode. Pure; what `shoal plan` and tests look at. */
import { isProven, rolloutRules } from "../../model/rollout.ts";
import { jobOf, modeOf } from "../../model/service-mode.ts";
import { clusterLossTimes } from "../../model/node-loss.ts";
import { tiesOf } from "../../model/ties.ts";
import { clusterOf } from "../../store/cluster.ts";
import type { ReadTx } from "../../store/types.ts";
import { planCron } from "./cron.ts";
import { mayLeave } from "./drain.ts";
import { planGlobal } from "./global.ts";
import { planJob } from "./job.ts";
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
  const rules = rolloutRules(service);
  return planByMode({
    service,
    spec,
    tasks,
    nodeOf: (id) => tx.get("node", id),
    nodes: () => tx.all("node"),
    specOf: (revision) => tx.get("revision", `${serviceId}/${revision}`)?.spec ?? undefined,
    lossTimes: clusterLossTimes(clusterOf(tx)?.spec ?? null),
    rules,
    isProven: isProven(tasks, service.rollout, rules, tx.timeMs),
    ties: tiesOf(service.spec),
    mayLeave: (task) => mayLeave(tx, task),
    nowMs: tx.timeMs,
    run: 0,
    runs: tx.find("run", "service", serviceId),
  });
}

function planByMode(state: ServiceState): Plan {
  const { spec } = state.service;
  const template = jobOf(spec);
  if (template === null) return modeOf(spec) === "global" ? planGlobal(state) : planReplicated(state);
  return spec?.cron ? planCron(state, spec.cron, template) : planJob(state, template);
}
