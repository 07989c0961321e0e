/**
 * Tasks as plain processes of this machine: the default where no engine is. What it knows is in files (task-dir.ts),
 * so an agent that restarts finds its processes, and the exit codes of those that ended meanwhile.
 */
import { constants as fsConstants } from "node:fs";
import { access, mkdir, readdir, readlink, rename, writeFile } from "node:fs/promises";
import { arch, constants, cpus, platform, release, totalmem } from "node:os";
import { join } from "node:path";
import { must } from "../../../util/assert.ts";
import { AppError, cancelled } from "../../../util/errors.ts";
import { sleep, type Env } from "../../../util/env.ts";
import { fileProblem } from "../../../util/file-problem.ts";
import type { Logger } from "../../../util/log.ts";
import { Scope } from "../../../util/scope.ts";
import type { PortStatus } from "../../../model/index.ts";
import type {
  EngineHealth,
  Executor,
  ExecutorDescription,
  ExecutorOwner,
  ExecutorTask,
  LogQuery,
  LogSource,
  Probe,
  ProbeLimits,
  ProbeOutcome,
  RuntimeState,
} from "../executor.ts";
import type { CommandTarget } from "./command-probe.ts";
import { hasHealthCheck } from "./health.ts";
import { checkLaunch, launch } from "./launch.ts";
import { ProcessLogSource } from "./logs.ts";
import { choosePorts } from "./ports.ts";
import { MarkedProcesses } from "./marked-processes.ts";
import { isAlive, isGone, readBoot, readStat, sendSignal, type Identity } from "./proc.ts";
import { probeProcess } from "./probe.ts";
import { processEnv, processOf, signalNumber, STOP_GRACE_MS } from "./process-spec.ts";
import { SHIM } from "./shim.ts";
import { isThere, TaskDir, type Observed } from "./task-dir.ts";
import { readEnviron, TaskWatch } from "./task-watch.ts";

export type ProcessExecutorDeps = { readonly env: Env; readonly log: Logger; readonly dataDir: string };
export type ProcessExecutorOptions = { readonly auditEveryMs?: number };

/** The net under the watch on a task's exit file. */
const AUDIT_MS = 1_000;
/** From the shim's start to the process's: a few ms, unless the machine is very busy. */
const STARTED_MS = 10_000;
const START_POLL_MS = 5;
/** How long a shim that an earlier run of this agent launched may still take to begin its process. */
const ADOPT_MS = 1_000;
const POLL_MS = 20;
const KILL_MS = 10_000;
const SIGKILL = 9;
const NANOS = 1_000_000_000;
/** What the shim calls. */
const TOOLS = ["sh", "setsid", "dd", "mkfifo", "mv", "rm", "mkdir"];

export class ProcessExecutor implements Executor {
  readonly #env: Env;
  readonly #log: Logger;
  readonly #root: string;
  readonly #shim: string;
  readonly #auditEveryMs: number;
  readonly #scope: Scope;
  readonly #marked: MarkedProcesses;
  readonly #life = new AbortController();
  readonly #taskListeners = new Set<(taskId: string) => void>();
  readonly #changeListeners = new Set<() => void>();
  readonly #watches = new Map<string, TaskWatch>();
  /** Ports of tasks that are being started and may not have bound them yet. */
  readonly #promised = new Map<string, readonly PortStatus[]>();
  readonly #starting = new Map<string, Promise<void>>();
  #owner: ExecutorOwner | null = null;
  #boot = "";
  #health: EngineHealth = { ok: false, message: "not started" };
  #description: ExecutorDescription = describeMachine("");

  constructor({ env, log, dataDir }: ProcessExecutorDeps, { auditEveryMs = AUDIT_MS }: ProcessExecutorOptions = {}) {
    this.#env = env;
    this.#log = log;
    this.#root = join(dataDir, "process");
    this.#shim = join(this.#root, "shim.sh");
    this.#marked = new MarkedProcesses(env);
    this.#auditEveryMs = auditEveryMs;
    this.#scope = new Scope((name, error) => log.error("process executor failed", { name, error }));
  }

  async start(owner: ExecutorOwner): Promise<void> {
    this.#owner = owner;
    this.#health = await this.#setUp();
    if (!this.#health.ok) {
      this.#log.warn("plain processes cannot run here", { reason: this.#health.message });
      return;
    }
    for (const taskId of await this.#taskIds()) await this.#attach(taskId);
    this.#scope.spawn("audit", (signal) => this.#audit(signal));
  }

  async stop(): Promise<void> {
    this.#life.abort();
    for (const watch of this.#watches.values()) watch.close();
    this.#watches.clear();
    await this.#scope.close();
  }

  describe(): ExecutorDescription {
    return this.#description;
  }

  health(): EngineHealth {
    return this.#health;
  }

  onChange(listener: () => void): () => void {
    this.#changeListeners.add(listener);
    return () => this.#changeListeners.delete(listener);
  }

  onTaskEvent(listener: (taskId: string) => void): () => void {
    this.#taskListeners.add(listener);
    return () => this.#taskListeners.delete(listener);
  }

  async list(signal: AbortSignal): Promise<readonly RuntimeState[]> {
    this.#check();
    const states: RuntimeState[] = [];
    for (const taskId of await this.#taskIds()) {
      const state = await this.#stateOf(taskId);
      if (state !== null) states.push(state);
      throwIfAborted(signal);
    }
    return states;
  }

  async inspect(taskId: string): Promise<RuntimeState | null> {
    this.#check();
    return await this.#stateOf(taskId);
  }

  async prepareTask(task: ExecutorTask, signal: AbortSignal): Promise<RuntimeState | null> {
    this.#check();
    await this.#look();
    const spec = processOf(task);
    const path = "spec.task.process.stopSignal";
    const dir = spec.dir === "" ? "/" : spec.dir;
    const env = processEnv(task, spec, { owner: this.#who(), ports: [], own: process.env });
    const stopSignal = signalNumber(spec.stopSignal, constants.signals, path);
    await checkLaunch({ program: spec.command[0] ?? "", dir, path: env["PATH"] ?? "" });
    throwIfAborted(signal);
    const taskDir = this.#dir(task.id);
    if ((await taskDir.record(this.#who())) !== null) return null;
    const { clusterId, nodeId } = this.#who();
    const stopGraceMs = spec.stopGraceMs ?? STOP_GRACE_MS;
    await taskDir.create({ clusterId, nodeId, health: spec.health, stopSignal, stopGraceMs, dir });
    this.#emit(task.id);
    return null;
  }

  /** One at a time a task: a second call waits for the first, and finds it running. */
  async startTask(task: ExecutorTask, signal: AbortSignal): Promise<void> {
    this.#check();
    const earlier = this.#starting.get(task.id);
    if (earlier !== undefined) return await earlier;
    const starting = this.#start(task, signal).finally(() => this.#starting.delete(task.id));
    this.#starting.set(task.id, starting);
    return await starting;
  }

  async stopTask(task: ExecutorTask, signal: AbortSignal): Promise<void> {
    this.#check();
    const taskDir = this.#dir(task.id);
    const record = await taskDir.record(this.#who());
    if (record === null) return await this.#look();
    const { identity, shim, state } = await taskDir.observe(this.#boot);
    if (identity === null && shim === null) return;
    if (identity !== null && state === "running") {
      // The process leads its group, so the group's id is its pid.
      if (await isAlive(identity, this.#boot)) sendSignal(-identity.pid, record.stopSignal);
      const graceMs = task.spec.process?.stopGraceMs ?? record.stopGraceMs;
      if (!(await this.#hasEnded(taskDir, graceMs, signal))) {
        if (await isAlive(identity, this.#boot)) sendSignal(-identity.pid, SIGKILL);
        if (!(await this.#hasEnded(taskDir, KILL_MS, signal))) {
          throw new AppError("unavailable", `The process of task ${task.id} does not end after SIGKILL`);
        }
      }
    }
    await this.#killLeftovers(task.id, { except: shim, signal });
  }

  async removeTask(taskId: string, signal: AbortSignal): Promise<void> {
    this.#check();
    const taskDir = this.#dir(taskId);
    if ((await taskDir.record(this.#who())) === null) return await this.#look();
    const { identity, shim } = await taskDir.observe(this.#boot);
    if (identity !== null) {
      if (await isAlive(identity, this.#boot)) sendSignal(-identity.pid, SIGKILL);
      await this.#hasEnded(taskDir, KILL_MS, signal);
    }
    if (shim !== null) await this.#killLeftovers(taskId, { except: shim, signal });
    this.#detach(taskId);
    await taskDir.remove();
    this.#emit(taskId);
  }

  async probe(runtime: RuntimeState, probe: Probe, limits: ProbeLimits): Promise<ProbeOutcome> {
    this.#check();
    const { taskId } = runtime;
    return await probeProcess(this.#env, probe, { runtime, limits, target: () => this.#commandTarget(taskId) });
  }

  logs(taskId: string, query: LogQuery): LogSource {
    const find = async (id: string): ReturnType<ProcessLogFind> => {
      const taskDir = this.#dir(id);
      const state = await this.#stateOf(id);
      return state === null ? null : { folder: taskDir.log, state, isDrained: await taskDir.isDrained() };
    };
    return new ProcessLogSource({ env: this.#env, find, life: this.#life.signal }, taskId, query);
  }

  async #start(task: ExecutorTask, signal: AbortSignal): Promise<void> {
    const spec = processOf(task);
    const taskDir = this.#dir(task.id);
    const record = await taskDir.record(this.#who());
    await this.#look();
    if (record === null) throw new AppError("not-found", `No process of task ${task.id}: it was not prepared`);
    const observed = await taskDir.observe(this.#boot);
    if (observed.state === "running") return await this.#attach(task.id);
    // An agent that crashed right after launching: its shim goes on, and must not lose its folder.
    const mayBegin = observed.state === "created" && (await taskDir.hasRun());
    if (mayBegin && (await this.#hasBegun(taskDir, ADOPT_MS, signal))) return await this.#attach(task.id);
    // Whatever there is of an attempt that nothing is known of must not run beside the next one.
    if (mayBegin) await this.#killLeftovers(task.id, { except: null, signal });
    await taskDir.wipeRun();
    try {
      const held = await this.#heldPorts(task.id);
      const ports = await choosePorts(task.spec.ports, { held, before: await taskDir.ports() });
      this.#promised.set(task.id, ports);
      await taskDir.writePorts(ports);
      const env = processEnv(task, spec, { owner: this.#who(), ports, own: process.env });
      await checkLaunch({ program: spec.command[0] ?? "", dir: record.dir, path: env["PATH"] ?? "" });
      throwIfAborted(signal);
      await launch({ shim: this.#shim, taskDir: taskDir.path, command: spec.command, env, dir: record.dir }, () =>
        this.#emit(task.id),
      );
      if (!(await this.#hasBegun(taskDir, STARTED_MS, signal))) {
        throw new AppError("precondition", `No process began within ${STARTED_MS / 1000} s`);
      }
    } finally {
      this.#promised.delete(task.id);
    }
    await this.#attach(task.id);
    this.#emit(task.id);
  }

  /** Null if nothing of the task runs. */
  async #commandTarget(taskId: string): Promise<CommandTarget | null> {
    const taskDir = this.#dir(taskId);
    const record = await taskDir.record(this.#who());
    const { identity, state } = await taskDir.observe(this.#boot);
    if (record === null || identity === null || state !== "running") return null;
    try {
      return { env: await readEnviron(identity.pid), dir: record.dir };
    } catch (error) {
      if (isGone(error)) return null;
      throw new AppError("unavailable", `Cannot look at process ${identity.pid}: ${fileProblem(error)}`, {}, error);
    }
  }

  async #hasBegun(taskDir: TaskDir, boundMs: number, signal: AbortSignal): Promise<boolean> {
    const until = this.#env.now() + boundMs;
    while ((await taskDir.observe(this.#boot)).identity === null) {
      if (this.#env.now() > until) return false;
      await sleep(this.#env, START_POLL_MS, signal);
    }
    return true;
  }

  async #hasEnded(taskDir: TaskDir, boundMs: number, signal: AbortSignal): Promise<boolean> {
    const until = this.#env.now() + boundMs;
    while ((await taskDir.observe(this.#boot)).state === "running") {
      if (this.#env.now() >= until) return false;
      await sleep(this.#env, POLL_MS, signal);
    }
    return true;
  }

  /**
   * Children that outlived the process, in whatever session.
   * @param except the shim, whose copiers still pass on what was written
   */
  async #killLeftovers(
    taskId: string,
    { except, signal }: { except: Identity | null; signal: AbortSignal },
  ): Promise<void> {
    const until = this.#env.now() + KILL_MS;
    for (;;) {
      let left = 0;
      for (const pid of await this.#marked.of(taskId)) {
        const stat = await readStat(pid);
        if (stat === null || stat.session === except?.pid) continue;
        left += 1;
        sendSignal(pid, SIGKILL);
      }
      if (left === 0) return;
      if (this.#env.now() > until) {
        throw new AppError("unavailable", `${left} processes of task ${taskId} do not end after SIGKILL`);
      }
      await sleep(this.#env, POLL_MS, signal);
    }
  }

  async #heldPorts(except: string): Promise<PortStatus[]> {
    const held = [...this.#promised].flatMap(([id, ports]) => (id === except ? [] : ports));
    for (const taskId of this.#watches.keys()) {
      if (taskId !== except) held.push(...((await this.#stateOf(taskId))?.ports ?? []));
    }
    return held;
  }

  async #stateOf(taskId: string): Promise<RuntimeState | null> {
    const taskDir = this.#dir(taskId);
    const record = await taskDir.record(this.#who());
    if (record === null) {
      await this.#look();
      return null;
    }
    const observed = await taskDir.observe(this.#boot);
    const isChecked = hasHealthCheck(record.health) && observed.state === "running";
    const health = isChecked ? (this.#watches.get(taskId)?.health ?? "starting") : "none";
    return toRuntimeState(taskId, observed, health);
  }

  /** Watches a running process: its end, and its health. */
  async #attach(taskId: string): Promise<void> {
    const taskDir = this.#dir(taskId);
    const record = await taskDir.record(this.#who());
    if (record === null || this.#scope.isClosed) return;
    const { identity, state, startedAtMs } = await taskDir.observe(this.#boot);
    const known = this.#watches.get(taskId);
    if (identity === null || state !== "running") return;
    if (known?.isOf(identity) === true) return;
    known?.close();
    const watch = new TaskWatch(
      { env: this.#env, scope: this.#scope, emit: () => this.#emit(taskId) },
      { taskDir, record, identity, startedAtMs },
    );
    this.#watches.set(taskId, watch);
    await watch.start();
  }

  #detach(taskId: string): void {
    this.#watches.get(taskId)?.close();
    this.#watches.delete(taskId);
  }

  async #audit(signal: AbortSignal): Promise<void> {
    for (;;) {
      await sleep(this.#env, this.#auditEveryMs, signal);
      await this.#look().catch(() => undefined);
      for (const [taskId, watch] of this.#watches) {
        // One that cannot be looked at now is looked at again.
        const observed = await this.#dir(taskId)
          .observe(this.#boot)
          .catch(() => null);
        if (observed === null || observed.state === "running" || this.#watches.get(taskId) !== watch) continue;
        this.#detach(taskId);
        this.#emit(taskId);
      }
    }
  }

  /**
   * Somebody may remove the data directory under us. Nothing is known of any task then: that is this node's trouble
   * and no task's end, for what ran runs on. @throws unavailable
   */
  async #look(): Promise<void> {
    const message = (await isThere(this.#shim)) ? "" : `${this.#root} was removed: put it back`;
    if (message !== this.#health.message) {
      this.#health = { ok: message === "", message };
      this.#log.warn("the folder of plain processes", { path: this.#root, isThere: message === "" });
      for (const listener of this.#changeListeners) listener();
    }
    this.#check();
  }

  async #setUp(): Promise<EngineHealth> {
    try {
      this.#boot = await readBoot();
      this.#description = describeMachine(await machineId(this.#boot));
      for (const tool of TOOLS) await findTool(tool);
      await mkdir(this.#root, { recursive: true, mode: 0o700 });
      // Replaced, not written over: shims of an earlier version go on reading theirs.
      await writeFile(`${this.#shim}.tmp`, SHIM, { mode: 0o600 });
      await rename(`${this.#shim}.tmp`, this.#shim);
      return { ok: true, message: "" };
    } catch (error) {
      return { ok: false, message: `plain processes cannot run here: ${AppError.from(error).message}` };
    }
  }

  async #taskIds(): Promise<string[]> {
    try {
      const entries = await readdir(this.#root, { withFileTypes: true });
      return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    } catch (error) {
      throw new AppError("unavailable", `Cannot read ${this.#root}: ${fileProblem(error)}`, {}, error);
    }
  }

  #dir(taskId: string): TaskDir {
    return new TaskDir(this.#root, taskId);
  }

  #emit(taskId: string): void {
    for (const listener of this.#taskListeners) listener(taskId);
  }

  #check(): void {
    if (!this.#health.ok) throw new AppError("unavailable", this.#health.message);
  }

  #who(): ExecutorOwner {
    return must(this.#owner, "an executor is started before it is used");
  }
}

type ProcessLogFind = ConstructorParameters<typeof ProcessLogSource>[0]["find"];

function toRuntimeState(taskId: string, observed: Observed, health: RuntimeState["health"]): RuntimeState {
  const { state, identity, exitCode, error, ports, startedAtMs, finishedAtMs } = observed;
  // Before it begins it has no pid, and an empty id would look like no runtime at all.
  const runtimeId = identity === null ? `process-${taskId}` : String(identity.pid);
  return { taskId, state, runtimeId, health, exitCode, error, ports, startedAtMs, finishedAtMs };
}

function describeMachine(engineId: string): ExecutorDescription {
  return {
    runtimes: ["process"],
    resources: { nanoCpus: cpus().length * NANOS, memoryBytes: totalmem(), generic: [] },
    os: platform(),
    architecture: ARCHITECTURES[arch()] ?? arch(),
    engineId,
    engineVersion: release(),
    engineLabels: {},
    deviceDrivers: [],
    logDrivers: [],
  };
}

/** As engines call them. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64" };

/** Agents that share a kernel and its network share ports and capacity. */
async function machineId(boot: string): Promise<string> {
  const network = await readlink("/proc/self/ns/net").catch(() => "");
  return `process-${boot}-${network.replaceAll(/\D/g, "")}`;
}

async function findTool(tool: string): Promise<void> {
  for (const folder of ["/bin", "/usr/bin", "/sbin", "/usr/sbin", "/usr/local/bin"]) {
    if (
      await access(join(folder, tool), fsConstants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return;
  }
  throw new AppError("precondition", `${tool} is not installed`);
}

function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw cancelled("The operation");
}
