/**
 * The plan for one run of a job, from its start to its end. Pure. What has completed is counted from
 * the run's tasks, which are kept as long as the run is, so any leader comes to the same count.
 */
import { isOpen } from "../../model/run.ts";
import { endedAtMs, endText } from "../../model/restart.ts";
import type { JobTemplate } from "../../model/service-mode.ts";
import { endedByItself, isComplete, isWanted } from "../../model/task-state.ts";
import { slotName } from "../../model/naming.ts";
import type { Run, RunState, Task } from "../../model/index.ts";
import { planJobSlot } from "./job-slot.ts";
import type { JobSlot } from "./job-slot.ts";
import { nodeSlotsOf } from "./node-slots.ts";
import { slotsOf } from "./slot.ts";
import type { ServiceState, Slot } from "./slot.ts";
import { create, newPlan } from "./slot-plan.ts";
import { cause, earlier, removalSteps } from "./steps.ts";
import type { Plan, Step } from "./steps.ts";

/** @param state of this run (`ofRun`): with its tasks only, tied as its own revision is. */
export function planRun(run: Run, template: JobTemplate, state: ServiceState): Plan {
  const { tasks, nowMs } = state;
  if (!isOpen(run)) return { steps: stopSteps(tasks, `run ${run.number} is over`), wakeAtMs: null };
  const spec = state.specOf(run.revision);
  if (spec === undefined)
    return closed(run, state, { state: "STOPPED", message: "its revision is not stored any more" });
  if (run.deadlineAtMs > 0 && nowMs >= run.deadlineAtMs) {
    const message = `its deadline passed with ${completedIn(tasks)} of ${run.wanted} tasks completed`;
    return closed(run, state, { state: "TIMED_OUT", message });
  }
  const work = workOf(run, template, {
    ...state,
    spec,
    service: { ...state.service, revision: run.revision },
    run: run.number,
  });
  const end = endOf(work);
  if (end !== null) {
    const plan = closed(run, state, { ...end, wanted: work.wanted });
    return { steps: [...work.steps, ...plan.steps.filter((step) => step.kind === "run")], wakeAtMs: null };
  }
  return { steps: work.steps, wakeAtMs: earlier(work.wakeAtMs, run.deadlineAtMs > 0 ? run.deadlineAtMs : null) };
}

/** Another run takes its place. @param state as of planRun */
export function planStop(run: Run, message: string, state: ServiceState): Plan {
  return closed(run, state, { state: "STOPPED", message });
}

/** The row of a run that is over, with what became of it. @param state as of planRun */
export function endedRun(run: Run, { tasks, nowMs }: ServiceState, { state, message, wanted = run.wanted }: End): Run {
  const failures = tasks.filter((task) => endedByItself(task) && !isComplete(task));
  const last = failures.toSorted((a, b) => endedAtMs(a) - endedAtMs(b)).at(-1);
  const exitCode = state === "SUCCEEDED" ? 0 : last?.status?.exitCode;
  return {
    ...run,
    state,
    message,
    finishedAtMs: nowMs,
    wanted,
    completed: completedIn(tasks),
    failures: failures.length,
    ...(exitCode === undefined ? {} : { exitCode, _exitCode: "exitCode" as const }),
  };
}

/** Its deadline counts anew: what it has still to do began now. */
export function reopenedRun(run: Run, { policy }: JobTemplate, nowMs: number): Run {
  const deadlineAtMs = policy.deadlineMs > 0 ? nowMs + policy.deadlineMs : 0;
  return { ...run, state: "RUNNING", message: "a node has it to do", finishedAtMs: 0, deadlineAtMs };
}

/** A run over every node that ended, and that some node still has to do. @param state as of planRun */
export function isReopened(run: Run, template: JobTemplate, state: ServiceState): boolean {
  if (template.replicated !== null || (run.state !== "SUCCEEDED" && run.state !== "FAILED")) return false;
  const { wanted, done, failed } = workOf(run, template, { ...state, run: run.number });
  return done + failed < wanted;
}

type Work = {
  readonly steps: readonly Step[];
  readonly wakeAtMs: number | null;
  /** Slots that are to complete, and of them those that did, or never will. */
  readonly wanted: number;
  readonly done: number;
  readonly failed: number;
  /** Not wanted, and may yet complete: a node that is silent or paused. */
  readonly kept: number;
  /** How the last one failed, in words. */
  readonly failure: string;
};

function workOf(run: Run, template: JobTemplate, state: ServiceState): Work {
  const completed = new Set<string>();
  const others: Task[] = [];
  // Most tasks of a long run completed, and nothing more is to be decided about their slots.
  for (const task of state.tasks) {
    if (isComplete(task)) completed.add(slotName(task));
    else others.push(task);
  }
  const isDone = (task: Task): boolean => completed.has(slotName(task));
  const open: ServiceState = { ...state, tasks: others.filter((task) => !isDone(task)) };
  const { taskTimeoutMs } = template.policy;
  const work =
    template.replicated === null
      ? nodeWork(open, completed, taskTimeoutMs)
      : slotWork(open, completed, { total: run.wanted, concurrent: template.replicated.concurrent, taskTimeoutMs });
  const standIns = stopSteps(others.filter(isDone), "another task of the slot completed");
  return { ...work, steps: [...standIns, ...work.steps] };
}

type Amount = { readonly total: number; readonly concurrent: number; readonly taskTimeoutMs: number };

/** Slots 1 to `total`, as many at once as may be: a slot that is tried again keeps its place. */
function slotWork(
  state: ServiceState,
  completed: ReadonlySet<string>,
  { total, concurrent, taskTimeoutMs }: Amount,
): Work {
  const slots = slotsOf(state).map((slot) => planJobSlot(slot, state, { taskTimeoutMs }));
  const done = completed.size;
  const { failed, active } = tally(slots);
  const steps = slots.flatMap((slot) => slot.steps);
  const taken = new Set(slots.map(({ slot }) => slot.key));
  let room = Math.min(concurrent, total - done - failed) - active;
  for (let number = 1; number <= total && room > 0; number += 1) {
    const key = String(number);
    if (taken.has(key) || completed.has(key)) continue;
    steps.push(...firstSteps({ key, number, nodeId: "", tasks: [] }, state));
    room -= 1;
  }
  return { steps, wakeAtMs: wakeOf(slots), wanted: total, done, failed, kept: 0, failure: failureOf(slots) };
}

function nodeWork(state: ServiceState, completed: ReadonlySet<string>, taskTimeoutMs: number): Work {
  const { members, gone } = nodeSlotsOf(state);
  const steps = gone.flatMap((slot) => removalSteps(tasksOf(slot), "its node was removed"));
  const working: JobSlot[] = [];
  const kept: JobSlot[] = [];
  let fresh = 0;
  let wakeAtMs: number | null = null;
  for (const { slot, kind, why, untilMs } of members) {
    if (completed.has(slot.key)) continue;
    if (slot.tasks.length === 0) {
      if (kind !== "run") continue;
      fresh += 1;
      steps.push(...firstSteps(slot, state));
    } else if (kind === "run") working.push(planJobSlot(slot, state, { taskTimeoutMs }));
    else if (kind === "keep") {
      kept.push(planJobSlot(slot, state, { taskTimeoutMs, startsNone: true }));
      wakeAtMs = earlier(wakeAtMs, untilMs);
    } else steps.push(...stopSteps(tasksOf(slot), why));
  }
  const all = [...working, ...kept];
  return {
    steps: [...steps, ...all.flatMap((slot) => slot.steps)],
    wakeAtMs: earlier(wakeAtMs, wakeOf(all)),
    wanted: completed.size + working.length + fresh,
    done: completed.size,
    failed: tally(working).failed,
    // What nobody wants of a paused node any more is no reason to wait.
    kept: kept.filter(({ slot }) => slot.tasks.some(({ task }) => isWanted(task))).length,
    failure: failureOf(working),
  };
}

function endOf({ wanted, done, failed, kept, failure }: Work): { state: RunState; message: string } | null {
  if (done + failed < wanted || kept > 0) return null;
  if (failed > 0) return { state: "FAILED", message: `${failed} of ${wanted} tasks failed for good: ${failure}` };
  return { state: "SUCCEEDED", message: wanted === 0 ? "no node has it to do" : "" };
}

type End = { readonly state: RunState; readonly message: string; readonly wanted?: number };

function closed(run: Run, state: ServiceState, end: End): Plan {
  const why = `run ${run.number} is over: ${end.message}`;
  return {
    steps: [{ kind: "run", key: "", run: endedRun(run, state, end) }, ...stopSteps(state.tasks, why)],
    wakeAtMs: null,
  };
}

function firstSteps(slot: Slot, state: ServiceState): readonly Step[] {
  const plan = newPlan(slot);
  const why = cause("orchestrator", `run ${state.run}`);
  create(plan, { revision: state.service.revision, startAtMs: 0, why }, state);
  return plan.steps;
}

function stopSteps(tasks: readonly Task[], why: string): Step[] {
  return tasks.filter(isWanted).map((task) => ({
    kind: "desire",
    key: slotName(task),
    task,
    desired: "SHUTDOWN",
    cause: cause("orchestrator", why),
  }));
}

/** Slots that have a completed task. */
function completedIn(tasks: readonly Task[]): number {
  return new Set(tasks.filter(isComplete).map(slotName)).size;
}

function tally(slots: readonly JobSlot[]): Readonly<Record<JobSlot["standing"], number>> {
  const counts = { failed: 0, active: 0 };
  for (const { standing } of slots) counts[standing] += 1;
  return counts;
}

function failureOf(slots: readonly JobSlot[]): string {
  const task = slots.findLast(({ standing }) => standing === "failed")?.slot.tasks.at(-1)?.task;
  return task === undefined ? "" : endText(task);
}

function tasksOf({ tasks }: Slot): readonly Task[] {
  return tasks.map(({ task }) => task);
}

function wakeOf(slots: readonly JobSlot[]): number | null {
  return slots.reduce<number | null>((wake, slot) => earlier(wake, slot.wakeAtMs), null);
}
