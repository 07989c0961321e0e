/**
 * Carries one task through the reducer: one operation at a time, and after each the question
 * again. What arrives meanwhile (events, a new desired state) is looked at when it ends; only a
 * shutdown interrupts a prepare or start under way.
 */
import { DEFAULT_STOP_GRACE_MS } from "../model/defaults.ts";
import { canRaise, compareStates, isTerminal } from "../model/task-state.ts";
import { taskName } from "../model/naming.ts";
import { CUT_OFF_GRACE_MS } from "../model/ties.ts";
import type { Assignment, HeldTask, Task, TaskSpec, TaskState, TaskStatus } from "../model/index.ts";
import { assert, must } from "../util/assert.ts";
import { AppError } from "../util/errors.ts";
import type { Env, Timer } from "../util/env.ts";
import type { Logger } from "../util/log.ts";
import { CheckRunner } from "./check-runner.ts";
import { NOT_CHECKED_YET, UNCHECKED, type CheckVerdicts } from "./check-set.ts";
import type { Executor, ExecutorTask, RuntimeState } from "./executor/executor.ts";
import { grantedSpec } from "./executor/granted.ts";
import type { Limiter } from "./limiter.ts";
import type { ProbePlaces } from "./probe-places.ts";
import { nextStep, type StepInput, type TaskOp } from "./task.ts";

export type TaskRunnerDeps = {
  readonly env: Env;
  readonly log: Logger;
  readonly executor: Executor;
  /** Prepares and starts share a bound; stops never wait behind pulls. */
  readonly startLimiter: Limiter;
  readonly stopLimiter: Limiter;
  readonly probePlaces: ProbePlaces;
  /** The status changed; the owner stamps it with epoch and sequence, persists and reports it. */
  readonly onStatus: (runner: TaskRunner, status: TaskStatus) => TaskStatus;
  /** `status` is the new one now. */
  readonly onChanged: (runner: TaskRunner) => void;
  /** The mark of an absence of the engine was cleared. */
  readonly onCaughtUp: () => void;
};

/** More transitions than the scale has in one go would be a loop in the reducer. */
const TRANSITIONS_MAX = 32;

export class TaskRunner {
  readonly id: string;
  readonly #deps: TaskRunnerDeps;
  #task: Task;
  #spec: TaskSpec | null;
  #status: TaskStatus;
  #runtime: RuntimeState | null | "unknown" = "unknown";
  #engineWasAway: boolean;
  #isHeld: boolean;
  #ending = "";
  #hasLooked = false;
  /** While it runs, if it has checks. */
  #checks: CheckRunner | null = null;
  /** An event came while looking: what is seen may be older than it. */
  #isStale = false;
  #op: { readonly name: TaskOp; readonly controller: AbortController } | null = null;
  #failure: StepInput["failure"] = null;
  #timer: Timer | null = null;
  #isStopped = false;
  #done: (() => void)[] = [];

  constructor(
    deps: TaskRunnerDeps,
    {
      assignment,
      status,
      engineWasAway,
      isHeld,
      isNew,
    }: { assignment: Assignment; status: TaskStatus; engineWasAway: boolean; isHeld: boolean; isNew: boolean },
  ) {
    const task = must(assignment.task, "an assignment without a task is refused where it arrives");
    this.id = task.id;
    this.#deps = deps;
    this.#task = task;
    this.#spec = assignment.spec;
    this.#status = status;
    this.#engineWasAway = engineWasAway;
    this.#isHeld = isHeld;
    // Preparing finds whatever there may be of it all the same.
    if (isNew) this.#runtime = null;
  }

  get status(): TaskStatus {
    return this.#status;
  }

  get desired(): TaskState {
    return this.#task.desired;
  }

  get engineWasAway(): boolean {
    return this.#engineWasAway;
  }

  /** Whether something of it may be running now, as far as is known. */
  get mayRun(): boolean {
    if (this.#runtime === "unknown") return !isTerminal(this.#status.state);
    return this.#runtime?.state === "running" || this.#op?.name === "start";
  }

  /** A newer assignment of the same task. Desired only rises; a status the manager knows may be ahead of ours. */
  update({ task, spec }: Assignment, { isHeld }: { readonly isHeld: boolean }): void {
    if (task === null) return;
    const isTold = task.single && !this.#task.single;
    const desired = canRaise(this.#task.desired, task.desired) ? task.desired : this.#task.desired;
    this.#task = { ...task, desired, single: task.single || this.#task.single };
    this.#spec = spec ?? this.#spec;
    this.#isHeld &&= isHeld;
    if (task.status !== null && canRaise(this.#status.state, task.status.state)) this.#record(task.status);
    // Managers start it elsewhere only where its agent said that it knows.
    else if (isTold) this.#record(this.#status);
    this.#interruptIfUnwanted();
    this.advance();
  }

  /** Something happened to it: what we know of the runtime is out of date. */
  touch(): void {
    this.#runtime = "unknown";
    this.#isStale = true;
    this.advance();
  }

  /**
   * What a list of everything showed. It may be older than an event that came meanwhile, so it is
   * believed only by a runner that has not looked itself; any other looks again if it differs.
   */
  observe(runtime: RuntimeState | null): void {
    if (this.#op !== null) return;
    if (this.#runtime === "unknown" && !this.#hasLooked) this.#saw(runtime);
    else if (differs(this.#runtime, runtime)) this.#runtime = "unknown";
    this.advance();
  }

  engineGone(): void {
    if (this.#status.state === "STARTING" || this.#status.state === "RUNNING") this.#engineWasAway = true;
  }

  /** What never runs twice ends here, whatever managers say later: they may start it elsewhere. */
  endIfSingle(reason: string): void {
    if (!this.#task.single || this.#ending !== "" || isTerminal(this.#status.state)) return;
    this.#ending = reason;
    this.#interruptIfUnwanted();
    this.advance();
  }

  get isSingle(): boolean {
    return this.#task.single;
  }

  get isEnding(): boolean {
    return this.#ending !== "" && !isTerminal(this.#status.state);
  }

  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.advance();
  }

  /** Resolves once nothing is under way any more; the runtime is left as it is. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#endChecks();
    this.#op?.controller.abort();
    if (this.#op !== null) await new Promise<void>((resolve) => this.#done.push(resolve));
  }

  executorTask(): ExecutorTask {
    const { id, serviceId, serviceName, slot, pinnedNodeId, run } = this.#task;
    const spec = must(this.#spec, "an operation needs a spec: the reducer rejects a task without one");
    const granted = grantedSpec(spec, this.#task);
    const asked = this.#ending === "" ? granted : withGraceAtMost(granted, CUT_OFF_GRACE_MS);
    return { id, serviceId, serviceName, slot, pinnedNodeId, run, spec: asked };
  }

  held(): HeldTask {
    const { id, serviceId, desired } = this.#task;
    return { id, serviceId, name: taskName(this.#task), desired, observed: this.#status.state };
  }

  get hasSpec(): boolean {
    return this.#spec !== null;
  }

  advance(): void {
    if (this.#op !== null || this.#isStopped) return;
    this.#timer?.cancel();
    this.#timer = null;
    for (let at = 0; at < TRANSITIONS_MAX; at++) {
      const step = nextStep({
        desired: this.#task.desired,
        spec: this.#spec,
        status: this.#status,
        runtime: this.#runtime,
        checks: this.#verdicts(),
        failure: this.#failure,
        engineWasAway: this.#engineWasAway,
        isHeld: this.#isHeld,
        ending: this.#ending,
      });
      this.#failure = null;
      if (step.status !== null) this.#record(step.status);
      if (step.retryInMs !== null) {
        this.#timer = this.#deps.env.setTimer(step.retryInMs, () => this.touch());
        return;
      }
      if (step.op !== "none") {
        void this.#perform(step.op);
        return;
      }
      if (step.status === null) return;
    }
    assert(false, `the reducer settles: task ${this.id} does not in state ${this.#status.state}`);
  }

  #record(status: TaskStatus): void {
    this.#status = this.#deps.onStatus(this, status);
    this.#deps.onChanged(this);
  }

  #saw(runtime: RuntimeState | null): void {
    this.#runtime = runtime;
    if (runtime?.state !== "running") {
      this.#endChecks();
      return;
    }
    this.#caughtUp();
    if (this.#checks?.isOf(runtime) !== true) this.#beginChecks(runtime);
  }

  #verdicts(): CheckVerdicts {
    if (this.#spec?.checks === null || this.#spec === null) return UNCHECKED;
    return this.#checks?.verdicts ?? NOT_CHECKED_YET;
  }

  /** Of another runtime than before, or for the first time in this life of the agent. */
  #beginChecks(runtime: RuntimeState): void {
    this.#endChecks();
    const checks = this.#spec?.checks ?? null;
    if (checks === null || isTerminal(this.#status.state)) return;
    const { env, log, executor, probePlaces: places } = this.#deps;
    const { runtimeId, startedAtMs, healthy, ready } = this.#status;
    const isKnown = runtimeId === runtime.runtimeId && startedAtMs === runtime.startedAtMs;
    const before = isKnown ? { isStarted: healthy, isReady: ready } : null;
    const onVerdicts = (): void => this.#onVerdicts();
    const { serviceId } = this.#task;
    const deps = { env, log, executor, places, onVerdicts };
    this.#checks = new CheckRunner(deps, { serviceId, checks, runtime, before });
    this.#checks.start();
  }

  #endChecks(): void {
    this.#checks?.stop();
    this.#checks = null;
  }

  /** What ends a task is believed only of one that still runs: with an engine that goes down its containers end first. */
  #onVerdicts(): void {
    if (this.#checks?.verdicts.doom === "") this.advance();
    else this.touch();
  }

  #caughtUp(): void {
    if (!this.#engineWasAway) return;
    this.#engineWasAway = false;
    this.#deps.onCaughtUp();
  }

  #interruptIfUnwanted(): void {
    if (this.#op === null || (compareStates(this.#task.desired, "SHUTDOWN") < 0 && this.#ending === "")) return;
    if (this.#op.name === "prepare" || this.#op.name === "start") this.#op.controller.abort();
  }

  async #perform(name: TaskOp): Promise<void> {
    const controller = new AbortController();
    this.#op = { name, controller };
    if (name === "stop") this.#endChecks();
    // Whatever an operation did shows in the next look; those that know it themselves replace this.
    this.#runtime = "unknown";
    try {
      await this.#call(name, controller.signal);
    } catch (error) {
      if (!controller.signal.aborted) this.#failed(name, AppError.from(error));
    } finally {
      this.#op = null;
    }
    if (this.#isStopped) for (const wake of this.#done.splice(0)) wake();
    else this.advance();
  }

  async #call(name: TaskOp, signal: AbortSignal): Promise<void> {
    const { executor, startLimiter, stopLimiter } = this.#deps;
    switch (name) {
      case "none":
        return;
      case "inspect": {
        this.#isStale = false;
        this.#hasLooked = true;
        const runtime = await executor.inspect(this.id, signal);
        if (!this.#isStale) this.#saw(runtime);
        return;
      }
      case "prepare": {
        this.#isStale = false;
        // Its pull holds no place: what is here already starts meanwhile, however slow a registry is.
        const made = await startLimiter.run(signal, (outside) =>
          executor.prepareTask(this.executorTask(), signal, outside),
        );
        if (made !== null && !this.#isStale) this.#saw(made);
        return;
      }
      case "start":
        await startLimiter.run(signal, () => executor.startTask(this.executorTask(), signal));
        // Another exit from here on is its own.
        this.#caughtUp();
        return;
      case "stop":
        return await stopLimiter.run(signal, () => executor.stopTask(this.executorTask(), signal));
    }
  }

  #failed(op: TaskOp, error: AppError): void {
    if (error.code === "unavailable") this.engineGone();
    else this.#deps.log.warn("task operation failed", { taskId: this.id, op, code: error.code, error: error.message });
    this.#failure = { op, error };
  }
}

function withGraceAtMost(spec: TaskSpec, maxMs: number): TaskSpec {
  const { container, process } = spec;
  const graceOf = ({ stopGraceMs = DEFAULT_STOP_GRACE_MS }: { stopGraceMs?: number }): { stopGraceMs: number } => ({
    stopGraceMs: Math.min(stopGraceMs, maxMs),
  });
  return {
    ...spec,
    ...(container ? { container: { ...container, ...graceOf(container) } } : {}),
    ...(process ? { process: { ...process, ...graceOf(process) } } : {}),
  };
}

function differs(known: RuntimeState | null | "unknown", listed: RuntimeState | null): boolean {
  if (known === "unknown" || known === null || listed === null) return known !== listed;
  return known.state !== listed.state || known.runtimeId !== listed.runtimeId || known.health !== listed.health;
}
