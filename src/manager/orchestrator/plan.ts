/** The plan the store's state calls for now, by the service's mode. Pure; what `shoal plan` and tests look at. */
import { isProven, rolloutRules } from "../../model/rollout.ts";
import { jobOf, modeOf } from "../../model/service-mode.ts";
import { clusterLossTimes } from "../../model/node-loss.ts";
import { tiesOf } from "../../model/ties.ts";
import type { Service, Task, TaskSpec } from "../../model/index.ts";
import { clusterOf } from "../../store/cluster.ts";
import { revisionId } from "../../store/revisions.ts";
import type { ReadTx } from "../../store/types.ts";
import { planCron } from "./cron.ts";
import { mayLeave } from "./drain.ts";
import { planGlobal } from "./global.ts";
import { planJob } from "./job.ts";
import { planReplicated, replicasOf } from "./replicated.ts";
import { planScale } from "./scale.ts";
import { slotsOf, type ServiceState } from "./slot.ts";
import { removalSteps } from "./steps.ts";
import type { Plan } from "./steps.ts";

export function planOf(tx: ReadTx, serviceId: string): Plan {
  const service = tx.get("service", serviceId);
  const spec = service?.spec?.task;
  if (service === undefined || !spec) {
    const tasks = tx.find("task", "service", serviceId);
    return { steps: removalSteps(tasks, "the service was removed"), wakeAtMs: null };
  }
  return planByMode(stateOf(tx, service, spec));
}

/** The tasks of each slot that a replicated service loses by its number of replicas as it is. */
export function tasksScaledAway(tx: ReadTx, serviceId: string): readonly (readonly Task[])[] {
  const service = tx.get("service", serviceId);
  const spec = service?.spec?.task;
  if (!spec || modeOf(service?.spec ?? null) !== "replicated") return [];
  const state = stateOf(tx, service, spec);
  return planScale(slotsOf(state), replicasOf(state)).drop.map(({ tasks }) => tasks.map(({ task }) => task));
}

function stateOf(tx: ReadTx, service: Service, spec: TaskSpec): ServiceState {
  const rules = rolloutRules(service);
  const tasks = tx.find("task", "service", service.id);
  return {
    service,
    spec,
    tasks,
    nodeOf: (id) => tx.get("node", id),
    nodes: () => tx.all("node"),
    specOf: (revision) => tx.get("revision", revisionId(service.id, revision))?.spec ?? undefined,
    lossTimes: clusterLossTimes(clusterOf(tx)?.spec ?? null),
    rules,
    isProven: isProven(tasks, service.rollout, rules, tx.timeMs),
    ties: tiesOf(service.spec),
    mayLeave: (task) => mayLeave(tx, task),
    nowMs: tx.timeMs,
    run: 0,
    runs: tx.find("run", "service", service.id),
    beside: new Map(),
    isBehind: false,
  };
}

function planByMode(state: ServiceState): Plan {
  const { spec } = state.service;
  const template = jobOf(spec);
  if (template === null) return modeOf(spec) === "global" ? planGlobal(state) : planReplicated(state);
  return spec?.cron ? planCron(state, spec.cron, template) : planJob(state, template);
}
