/**
 * The plan for a job: one run at a time, the newest. A changed job starts a new one, and the tasks of
 * the runs before it are removed. Pure.
 */
import { isOpen, newestRun, newRun } from "../../model/run.ts";
import type { JobTemplate } from "../../model/service-mode.ts";
import type { Run } from "../../model/index.ts";
import { endedRun, isReopened, planRun, reopenedRun } from "./run-plan.ts";
import { ofRun } from "./slot.ts";
import type { ServiceState } from "./slot.ts";
import { cause } from "./steps.ts";
import type { Plan, Step } from "./steps.ts";
import { forgetTasks } from "./tied.ts";

export function planJob(state: ServiceState, template: JobTemplate): Plan {
  const known = newestRun(state.runs);
  const current = currentRun(known, template, state);
  const message = `run ${current.number} took its place`;
  const steps: Step[] = current === known ? [] : [{ kind: "run", key: "", run: current }];
  for (const run of state.runs) {
    if (run.number === current.number || !isOpen(run)) continue;
    steps.push({ kind: "run", key: "", run: endedRun(run, ofRun(state, run), { state: "STOPPED", message }) });
  }
  const older = state.tasks.filter((task) => task.run !== current.number);
  const plan = planRun(current, template, ofRun(state, current));
  const forgotten = forgetTasks(older, state, { total: current.wanted, why: message });
  return { steps: [...steps, ...forgotten, ...plan.steps], wakeAtMs: plan.wakeAtMs };
}

function currentRun(known: Run | undefined, template: JobTemplate, state: ServiceState): Run {
  const { service, runs, nowMs } = state;
  if (known === undefined || !isUpToDate(known, template, state)) {
    const why = cause("orchestrator", known === undefined ? "the job was created" : "the job was changed");
    return newRun({ service, runs, cause: why, scheduledAtMs: 0, nowMs });
  }
  return isReopened(known, template, ofRun(state, known)) ? reopenedRun(known, template, nowMs) : known;
}

function isUpToDate(run: Run, { replicated }: JobTemplate, { service }: ServiceState): boolean {
  return run.revision === service.revision && (replicated === null || run.wanted === replicated.total);
}
