/**
 * Makes the probes of one running task when they are due: at most one of a check at a time, each within its deadline,
 * and all of a node within a bound that its services share.
 */
import type { Check, TaskChecks } from "../model/index.ts";
import { AppError } from "../util/errors.ts";
import { withDeadline, type Env, type Timer } from "../util/env.ts";
import type { Logger } from "../util/log.ts";
import { afterOutcome, beginChecks, dueTimes, verdictsOf, type CheckSet, type CheckVerdicts } from "./check-set.ts";
import type { CheckName } from "./check-set.ts";
import { PROBE_TEXT_MAX, type Executor, type ProbeOutcome, type RuntimeState } from "./executor/executor.ts";
import type { ProbePlaces } from "./probe-places.ts";

/** Beyond a probe's own time, for the engine to say what came of it. */
const ENGINE_MS = 15_000;

export type CheckRunnerDeps = {
  readonly env: Env;
  readonly log: Logger;
  readonly executor: Pick<Executor, "probe">;
  readonly places: ProbePlaces;
  /** They are other ones than before. */
  readonly onVerdicts: () => void;
};

export class CheckRunner {
  readonly #deps: CheckRunnerDeps;
  readonly #serviceId: string;
  readonly #checks: TaskChecks;
  readonly #runtime: RuntimeState;
  readonly #life = new AbortController();
  readonly #underWay = new Set<CheckName>();
  #set: CheckSet;
  #timer: Timer | null = null;

  /** @param before see beginChecks */
  constructor(
    deps: CheckRunnerDeps,
    {
      serviceId,
      checks,
      runtime,
      before,
    }: {
      readonly serviceId: string;
      readonly checks: TaskChecks;
      readonly runtime: RuntimeState;
      readonly before: Pick<CheckVerdicts, "isStarted" | "isReady"> | null;
    },
  ) {
    this.#deps = deps;
    this.#serviceId = serviceId;
    this.#checks = checks;
    this.#runtime = runtime;
    this.#set = beginChecks(checks, deps.env.now(), before);
  }

  get verdicts(): CheckVerdicts {
    return verdictsOf(this.#set);
  }

  isOf({ runtimeId, startedAtMs }: RuntimeState): boolean {
    return this.#runtime.runtimeId === runtimeId && this.#runtime.startedAtMs === startedAtMs;
  }

  start(): void {
    this.#schedule();
  }

  /** No further probe, and no further word. Idempotent. */
  stop(): void {
    this.#life.abort();
    this.#timer?.cancel();
    this.#timer = null;
  }

  #schedule(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#life.signal.aborted) return;
    const waiting = dueTimes(this.#set).filter(({ name }) => !this.#underWay.has(name));
    if (waiting.length === 0) return;
    const nextAtMs = Math.min(...waiting.map(({ dueAtMs }) => dueAtMs));
    this.#timer = this.#deps.env.setTimer(Math.max(0, nextAtMs - this.#deps.env.now()), () => this.#probeDue());
  }

  #probeDue(): void {
    const now = this.#deps.env.now();
    for (const { name, dueAtMs } of dueTimes(this.#set)) {
      const check = this.#checks[name];
      if (check === null || dueAtMs > now || this.#underWay.has(name)) continue;
      this.#underWay.add(name);
      void this.#probe(name, check);
    }
    this.#schedule();
  }

  async #probe(name: CheckName, check: Check): Promise<void> {
    const outcome = await this.#outcome(name, check);
    this.#underWay.delete(name);
    if (this.#life.signal.aborted) return;
    const before = this.verdicts;
    this.#set = afterOutcome(this.#checks, this.#set, { name, outcome }, this.#deps.env.now());
    this.#schedule();
    if (!isSame(before, this.verdicts)) this.#deps.onVerdicts();
  }

  async #outcome(name: CheckName, check: Check): Promise<ProbeOutcome | "unknown"> {
    const { env, executor, places, log } = this.#deps;
    const life = this.#life.signal;
    try {
      return await places.run(this.#serviceId, life, () =>
        withDeadline(env, { ms: check.timeoutMs + ENGINE_MS, what: "The probe", parent: life }, (signal) =>
          executor.probe(this.#runtime, check, { timeoutMs: check.timeoutMs, signal }),
        ),
      );
    } catch (error) {
      const { code, message } = AppError.from(error);
      // The engine's silence, or the end of this runner, says nothing of the task.
      if (code === "unavailable" || code === "deadline" || code === "cancelled") return "unknown";
      log.debug("probe cannot be made", { taskId: this.#runtime.taskId, check: name, error: message });
      return { isOk: false, message: message.slice(0, PROBE_TEXT_MAX) };
    }
  }
}

function isSame(a: CheckVerdicts, b: CheckVerdicts): boolean {
  return a.isStarted === b.isStarted && a.isReady === b.isReady && a.doom === b.doom && a.message === b.message;
}
