/**
 * The tasks of this node: takes assignment sets, keeps a runner for each task, and removes what is
 * no longer assigned. Nothing here waits for a manager: tasks go on without one.
 *
 * Stopping what has no assignment needs three things at once: a complete set, of the incarnation
 * that assigned it or a newer one, made from a state no older than any seen before. A manager whose
 * cluster began a new life sends no set before `shoal cluster resume`, so until then all goes on.
 */
import { setMaxListeners } from "node:events";
import { relate } from "../model/incarnation.ts";
import type { Assignment, AssignmentSet, HeldTask, TaskStatus } from "../model/index.ts";
import { codec } from "../proto/load.ts";
import type { NodeIdentity } from "../pki/types.ts";
import { AppError } from "../util/errors.ts";
import { withDeadline, type Env, type Timer } from "../util/env.ts";
import type { Logger } from "../util/log.ts";
import { Scope } from "../util/scope.ts";
import type { Executor, RuntimeState } from "./executor/executor.ts";
import { Limiter } from "./limiter.ts";
import { ProbePlaces } from "./probe-places.ts";
import type { Reporter } from "./reporter.ts";
import type { TaskDb, TaskRecord } from "./task-db.ts";
import { leftoverTask, TaskRemover } from "./task-remover.ts";
import { TaskRunner } from "./task-runner.ts";

export const STARTS_MAX = 8;
export const STOPS_MAX = 64;
/** Everything is listed anew this often: the net under the executor's events. */
export const RESYNC_MS = 20_000;
/** An engine call of the worker itself; the executor has its own, shorter deadlines. */
const LIST_DEADLINE_MS = 30_000;

export type WorkerDeps = {
  readonly env: Env;
  readonly log: Logger;
  readonly executor: Executor;
  readonly db: TaskDb;
  readonly reporter: Reporter;
};

export class Worker {
  readonly #deps: WorkerDeps;
  readonly #runners = new Map<string, TaskRunner>();
  /** The incarnation that last assigned each task. */
  readonly #incarnations = new Map<string, string>();
  readonly #remover: TaskRemover;
  readonly #listeners = new Map<string, Set<() => void>>();
  readonly #scope: Scope;
  readonly #startLimiter = new Limiter(STARTS_MAX);
  readonly #stopLimiter = new Limiter(STOPS_MAX);
  readonly #probePlaces = new ProbePlaces();
  #sequence = 0;
  #hasCompleteSet = false;
  #resyncTimer: Timer | null = null;

  constructor(deps: WorkerDeps) {
    this.#deps = deps;
    const { env, log, executor } = deps;
    this.#scope = new Scope((name, error) => log.error("agent background task failed", { name, error }));
    // One listener for each task under way, bounded by the limiters.
    setMaxListeners(0, this.#scope.signal);
    this.#remover = new TaskRemover({ env, log, executor, scope: this.#scope, stopLimiter: this.#stopLimiter });
  }

  /** Takes up what the last run of this agent left: re-attaches, restarts nothing. */
  async start(identity: NodeIdentity, { nodeName, bootId }: { nodeName: string; bootId: string }): Promise<void> {
    const { db, executor, log } = this.#deps;
    const { records, before } = await db.start(identity, bootId);
    await executor.start({ clusterId: identity.clusterId, nodeId: identity.nodeId, nodeName });
    const engineWasAway = before !== null && (before.bootId !== bootId || before.engineIsAway || !executor.health().ok);
    for (const [id, record] of records) this.#restore(id, record, { engineWasAway, isHeld: db.meta.saidGoodbye });
    db.update({ engineIsAway: this.#anyoneMissed() });
    this.#scope.onClose(executor.onTaskEvent((taskId) => this.#runners.get(taskId)?.touch()));
    this.#scope.onClose(executor.onChange(() => this.#onEngineChange()));
    this.#scope.spawn("list", (signal) => this.#takeUp(signal));
    this.#scheduleResync();
    log.info("agent started", { tasks: records.size, epoch: db.meta.epoch });
  }

  /** Leaves everything running. */
  async stop(): Promise<void> {
    this.#resyncTimer?.cancel();
    await Promise.all([...this.#runners.values()].map((runner) => runner.stop()));
    await this.#scope.close();
  }

  /**
   * Stops what runs, within `boundMs`, without recording it as ended: the managers decide what
   * becomes of these tasks, and until they say so the next start of this agent starts none of them.
   */
  async stopRuntimes(boundMs: number, { remove }: { readonly remove: boolean }): Promise<void> {
    const { env, log } = this.#deps;
    const runners = [...this.#runners.values()];
    await Promise.all(runners.map((runner) => runner.stop()));
    await withDeadline(env, { ms: boundMs, what: "Stopping this node's tasks" }, async (signal) => {
      setMaxListeners(0, signal);
      await Promise.all(runners.map((runner) => this.#stopRuntime(runner, { signal, remove })));
    }).catch((error: unknown) => log.warn("not every task stopped in time", { error: AppError.from(error).message }));
  }

  /** Ends what never runs twice, for good. Resolves when none of it runs any more, or after `boundMs`. */
  async endSingles(reason: string, boundMs: number): Promise<void> {
    for (const runner of this.#runners.values()) runner.endIfSingle(reason);
    const ending = [...this.#runners.values()].filter((runner) => runner.isEnding);
    await withDeadline(this.#deps.env, { ms: boundMs, what: "Stopping what never runs twice" }, (signal) =>
      Promise.all(ending.map((runner) => this.#ended(runner, signal))),
    ).catch((error: unknown) =>
      this.#deps.log.warn("not all of it stopped in time", { error: AppError.from(error).message }),
    );
  }

  async #ended(runner: TaskRunner, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        if (runner.isEnding && !signal.aborted) return;
        forget();
        resolve();
      };
      const forget = this.onTaskChange(runner.id, done);
      signal.addEventListener("abort", done, { once: true });
    });
  }

  get size(): number {
    return this.#runners.size;
  }

  statusOf(taskId: string): TaskStatus | undefined {
    return this.#runners.get(taskId)?.status;
  }

  /** Everything this node holds, whoever assigned it. */
  held(): readonly HeldTask[] {
    return [...this.#runners.values()].map((runner) => runner.held());
  }

  /** Called when this task's status changes, or it goes. */
  onTaskChange(taskId: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(taskId) ?? new Set();
    this.#listeners.set(taskId, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(taskId) === listeners) this.#listeners.delete(taskId);
    };
  }

  /**
   * A manager says which life of the cluster it serves; in a new one it may not know what this node
   * has reported before. @throws conflict for an earlier life than this node knows: ask another manager.
   */
  meet(incarnation: string): void {
    const { db, log, reporter } = this.#deps;
    const known = db.meta.incarnation;
    const relation = relate(incarnation, known);
    if (relation === "older" || relation === "other") {
      const what = relation === "older" ? "an earlier" : "another";
      throw new AppError("conflict", `This manager serves ${what} incarnation of the cluster, ${incarnation}`, {
        next: "ask a manager of the recovered cluster",
      });
    }
    if (relation === "same" || incarnation === "") return;
    db.update({ incarnation, version: 0 });
    if (relation === "unknown") return;
    log.info("the cluster has a new incarnation", { before: known, incarnation });
    for (const [id, runner] of this.#runners) reporter.report(id, this.#stamp(runner, runner.status));
  }

  /**
   * @param sessionId of the session that the set came by
   * @throws conflict when the set is older than what this agent acted on: ask another manager.
   */
  apply(set: AssignmentSet, sessionId: string): void {
    const { db } = this.#deps;
    this.meet(set.clusterIncarnation);
    if (set.version !== 0 && set.version < db.meta.version) {
      throw new AppError(
        "conflict",
        `This manager's state ${set.version} is behind ${db.meta.version}, which this node acted on`,
      );
    }
    // Else what never runs twice may be about to start elsewhere for this node's silence, and the set is from before.
    const isHeardOf = set.sessionId === sessionId;
    for (const assignment of set.assigned) this.#assign(assignment, { incarnation: set.clusterIncarnation, isHeardOf });
    for (const taskId of set.removed) this.#unassign(taskId);
    if (set.complete) this.#dropUnlisted(set);
    if (set.version !== 0) db.update({ version: set.version });
    if (set.complete) {
      if (!this.#hasCompleteSet) db.update({ saidGoodbye: false });
      this.#hasCompleteSet = true;
      this.#scope.spawn("leftovers", (signal) => this.#resync(signal));
    }
    for (const runner of this.#runners.values()) if (runner.isSingle ? isHeardOf : set.complete) runner.release();
  }

  #assign(
    assignment: Assignment,
    { incarnation, isHeardOf }: { readonly incarnation: string; readonly isHeardOf: boolean },
  ): void {
    const { db, log } = this.#deps;
    const { task } = assignment;
    if (task === null || task.id === "") {
      log.error("assignment without a task ignored");
      return;
    }
    db.putAssignment(assignment, incarnation);
    this.#incarnations.set(task.id, incarnation);
    const known = this.#runners.get(task.id);
    const isHeld = task.single && !isHeardOf;
    if (known !== undefined) {
      known.update(assignment, { isHeld });
      return;
    }
    // The managers may know more of it than this node: its database may have been lost.
    const status = task.status ?? { ...EMPTY_STATUS, state: "ASSIGNED" };
    db.putStatus(task.id, status);
    this.#newRunner(assignment, { status, engineWasAway: false, isHeld, isNew: task.status === null }).advance();
  }

  #restore(
    id: string,
    { assignment, incarnation, status }: TaskRecord,
    start: { engineWasAway: boolean; isHeld: boolean },
  ): void {
    const last: TaskStatus = status ?? { ...EMPTY_STATUS, state: "ASSIGNED" };
    this.#incarnations.set(id, incarnation);
    const wasUp = last.state === "STARTING" || last.state === "RUNNING";
    const engineWasAway = start.engineWasAway && wasUp;
    // It may run elsewhere since this node was last heard.
    const isHeld = start.isHeld || assignment.task?.single === true;
    const runner = this.#newRunner(assignment, { status: last, engineWasAway, isHeld, isNew: false });
    // Under the new epoch, so that what follows is newer than what the last run reported.
    this.#deps.reporter.report(id, this.#stamp(runner, last));
  }

  #newRunner(
    assignment: Assignment,
    start: { status: TaskStatus; engineWasAway: boolean; isHeld: boolean; isNew: boolean },
  ): TaskRunner {
    const { env, log, executor } = this.#deps;
    const runner = new TaskRunner(
      {
        env,
        log,
        executor,
        startLimiter: this.#startLimiter,
        stopLimiter: this.#stopLimiter,
        probePlaces: this.#probePlaces,
        onStatus: (self, status) => this.#onStatus(self, status),
        onChanged: (self) => this.#notify(self.id),
        onCaughtUp: () => this.#onCaughtUp(),
      },
      { assignment, ...start },
    );
    this.#runners.set(runner.id, runner);
    return runner;
  }

  #stamp(runner: TaskRunner, status: TaskStatus): TaskStatus {
    this.#sequence += 1;
    const { epoch } = this.#deps.db.meta;
    const stamped = { ...status, agentEpoch: epoch, sequence: this.#sequence, single: runner.isSingle };
    this.#deps.db.putStatus(runner.id, stamped);
    return stamped;
  }

  #onStatus(runner: TaskRunner, status: TaskStatus): TaskStatus {
    const { log, reporter } = this.#deps;
    if (status.state !== runner.status.state) {
      log.info("task changed", { taskId: runner.id, from: runner.status.state, to: status.state, error: status.error });
    }
    const stamped = this.#stamp(runner, status);
    reporter.report(runner.id, stamped);
    return stamped;
  }

  #notify(taskId: string): void {
    for (const listener of this.#listeners.get(taskId) ?? []) listener();
  }

  /** What a complete set does not name is not ours any more, if the one who says so may say so. */
  #dropUnlisted(set: AssignmentSet): void {
    const listed = new Set(set.assigned.map(({ task }) => task?.id ?? ""));
    for (const id of this.#runners.keys()) {
      if (listed.has(id)) continue;
      const incarnation = this.#incarnations.get(id) ?? "";
      if (relate(incarnation, set.clusterIncarnation) !== "other") this.#unassign(id);
      else this.#deps.log.warn("task of another cluster incarnation left as it is", { taskId: id, incarnation });
    }
  }

  #unassign(taskId: string): void {
    const { db, reporter } = this.#deps;
    const runner = this.#runners.get(taskId);
    if (runner === undefined) return;
    this.#runners.delete(taskId);
    this.#incarnations.delete(taskId);
    db.remove(taskId);
    reporter.forget(taskId);
    this.#notify(taskId);
    this.#remover.remove(taskId, async () => {
      await runner.stop();
      return runner.hasSpec ? runner.executorTask() : leftoverTask(taskId);
    });
  }

  async #stopRuntime(runner: TaskRunner, { signal, remove }: { signal: AbortSignal; remove: boolean }): Promise<void> {
    const { executor, log } = this.#deps;
    try {
      if (runner.mayRun && runner.hasSpec) await executor.stopTask(runner.executorTask(), signal);
      if (remove) await executor.removeTask(runner.id, signal);
    } catch (error) {
      if (!signal.aborted)
        log.warn("task cannot be stopped", { taskId: runner.id, error: AppError.from(error).message });
    }
  }

  #onEngineChange(): void {
    const { ok } = this.#deps.executor.health();
    for (const runner of this.#runners.values()) {
      if (ok) runner.touch();
      else runner.engineGone();
    }
    // Remembered, so that a restart of the agent meanwhile does not take what the engine stopped for failures.
    if (!ok && this.#anyoneMissed()) this.#deps.db.update({ engineIsAway: true });
  }

  #anyoneMissed(): boolean {
    for (const runner of this.#runners.values()) if (runner.engineWasAway) return true;
    return false;
  }

  #onCaughtUp(): void {
    const { db, executor } = this.#deps;
    if (!db.meta.engineIsAway || !executor.health().ok) return;
    if (!this.#anyoneMissed()) db.update({ engineIsAway: false });
  }

  #scheduleResync(): void {
    this.#resyncTimer = this.#deps.env.setTimer(RESYNC_MS, () => {
      this.#scope.spawn("resync", (signal) => this.#resync(signal));
      this.#scheduleResync();
    });
  }

  /** One list instead of one inspect a task; if it fails, each runner looks for itself and goes on trying. */
  async #takeUp(signal: AbortSignal): Promise<void> {
    await this.#resync(signal);
    for (const runner of this.#runners.values()) runner.advance();
  }

  async #resync(signal: AbortSignal): Promise<void> {
    const { env, executor, log } = this.#deps;
    let listed: readonly RuntimeState[];
    try {
      listed = await withDeadline(env, { ms: LIST_DEADLINE_MS, what: "Listing tasks", parent: signal }, (inner) =>
        executor.list(inner),
      );
    } catch (error) {
      signal.throwIfAborted();
      log.debug("listing failed", { error: AppError.from(error).message });
      return;
    }
    const byTask = new Map(listed.map((runtime) => [runtime.taskId, runtime]));
    for (const runner of this.#runners.values()) runner.observe(byTask.get(runner.id) ?? null);
    if (!this.#hasCompleteSet) return;
    for (const { taskId } of listed) {
      if (this.#runners.has(taskId) || this.#remover.isRemoving(taskId)) continue;
      log.info("removing what no assignment names", { taskId });
      this.#remover.remove(taskId, () => Promise.resolve(leftoverTask(taskId)));
    }
  }
}

export const EMPTY_STATUS: TaskStatus = codec("TaskStatus").decode(new Uint8Array());
