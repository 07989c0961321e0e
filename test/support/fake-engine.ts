/**
 * A container engine in memory. It outlives the agents that use it (an agent crash leaves its
 * containers running) and may be shared by several; fake-executor.ts is an agent's view of it.
 * All delays go through Env, so it runs in simulated time.
 */
import type {
  ExecutorOwner,
  ExecutorTask,
  LogLine,
  Probe,
  ProbeLimits,
  ProbeOutcome,
  RuntimeState,
} from "../../src/agent/executor/executor.ts";
import type { PortStatus } from "../../src/model/index.ts";
import { sleep, type Env } from "../../src/util/env.ts";
import { AppError } from "../../src/util/errors.ts";

export type FakeOp = "prepare" | "start" | "stop" | "remove" | "inspect" | "list" | "probe" | "collect";

export type FakeBehaviour = {
  /** Each call's own time. */
  callMs: number;
  /** From looking or doing to the answer's arrival: what it says may be out of date by then. */
  answerMs: number;
  prepareMs: number;
  /** Of a task whose image is to be pulled before that. */
  pullMs: (taskId: string) => number;
  startMs: number;
  /** How long a container takes to obey its stop signal; longer than its grace means it is killed. */
  stopMs: number;
  /** From start to "healthy", for tasks with a health check. Infinity: never by itself. */
  healthyMs: number;
  /** From start until it exits by itself with code 0; Infinity for a service. */
  runMs: number;
  /** The same for one task, with its exit code; null: `runMs` counts. */
  lifeOf: (task: ExecutorTask) => { readonly ms: number; readonly exitCode: number } | null;
  /** Told right before it happens; `container` as it is then. A stop is told when its signal is sent. */
  onEffect: (effect: FakeEffect) => void;
  /** After this a call to a hung engine ends as `unavailable`. */
  deadlineMs: number;
  /** The engine's absence is noticed by executors after this. */
  noticeMs: number;
  fail: (op: FakeOp, taskId: string, task: ExecutorTask | null) => AppError | null;
  /** What a probe of a running container comes to, after so long. */
  probe: (task: ExecutorTask, probe: Probe) => FakeProbe;
  /** The directory of its images; empty is elsewhere. */
  storagePath: string;
  /** Images that nothing uses go. @returns how many */
  collect: () => number;
};

/** `tookMs` beyond the probe's timeout is no answer. */
export type FakeProbe = { readonly isOk: boolean; readonly message?: string; readonly tookMs?: number };

export type FakeEffect = {
  readonly op: FakeOp;
  readonly owner: ExecutorOwner;
  readonly taskId: string;
  readonly container: FakeContainer | undefined;
};

export type FakeContainer = {
  readonly owner: ExecutorOwner;
  readonly task: ExecutorTask;
  state: RuntimeState;
  /** How often it was started. */
  starts: number;
  readonly lines: LogLine[];
  /** Lines made up on demand instead of `lines`. */
  generator: LogGenerator | null;
};

export type LogGenerator = { readonly bytesPerSecond: number; readonly lineBytes: number; readonly fromMs: number };

export type FakeEvent =
  | { readonly kind: "task"; readonly nodeId: string; readonly taskId: string }
  | { readonly kind: "health" }
  | { readonly kind: "log"; readonly taskId: string };

const PORT_FIRST = 30_000;
const DEFAULTS: FakeBehaviour = {
  callMs: 1,
  answerMs: 0,
  prepareMs: 20,
  pullMs: () => 0,
  startMs: 20,
  stopMs: 5,
  healthyMs: 50,
  runMs: Number.POSITIVE_INFINITY,
  lifeOf: () => null,
  onEffect: () => undefined,
  deadlineMs: 2_000,
  noticeMs: 100,
  fail: () => null,
  probe: () => ({ isOk: true }),
  storagePath: "",
  collect: () => 0,
};

export class FakeEngine {
  readonly engineId: string;
  readonly behaviour: FakeBehaviour;
  readonly #env: Env;
  readonly #containers = new Map<string, FakeContainer>();
  readonly #listeners = new Set<(event: FakeEvent) => void>();
  #outage: "none" | "refused" | "hung" = "none";
  #noticed: "none" | "refused" | "hung" = "none";
  /** Calls before this monotonic time find the machine off: their answers never come. */
  #generation = 0;
  #ids = 0;
  #nextPort = PORT_FIRST;
  #calls = 0;

  constructor(
    env: Env,
    { engineId = "fake-engine", ...behaviour }: Partial<FakeBehaviour> & { engineId?: string } = {},
  ) {
    this.#env = env;
    this.engineId = engineId;
    this.behaviour = { ...DEFAULTS, ...behaviour };
  }

  // ---- what a test does to it ----

  /** Everything that exists, in order of creation. */
  containers(): readonly FakeContainer[] {
    return [...this.#containers.values()];
  }

  container(taskId: string): FakeContainer | undefined {
    return this.#containers.get(taskId);
  }

  running(): readonly FakeContainer[] {
    return this.containers().filter(({ state }) => state.state === "running");
  }

  /** How many calls executors made. */
  get calls(): number {
    return this.#calls;
  }

  /** As `docker kill`: the container dies now. */
  kill(taskId: string, exitCode = 137): void {
    this.exit(taskId, exitCode);
  }

  exit(taskId: string, exitCode: number, error = ""): void {
    const container = this.#containers.get(taskId);
    if (container?.state.state !== "running") return;
    this.#set(container, { state: "exited", exitCode, error, finishedAtMs: this.#env.wallNow() });
    this.#emit({ kind: "log", taskId });
  }

  setHealth(taskId: string, health: RuntimeState["health"]): void {
    const container = this.#containers.get(taskId);
    if (container !== undefined) this.#set(container, { health });
  }

  /** Somebody removes a container by hand. */
  vanish(taskId: string): void {
    const container = this.#containers.get(taskId);
    if (container === undefined) return;
    this.#containers.delete(taskId);
    this.#emit({ kind: "task", nodeId: container.owner.nodeId, taskId });
    this.#emit({ kind: "log", taskId });
  }

  /** "refused": calls fail at once; "hung": at their deadline; "none": it answers again. Containers are untouched. */
  setOutage(outage: "none" | "refused" | "hung"): void {
    this.#outage = outage;
    this.#env.setTimer(this.behaviour.noticeMs, () => {
      if (this.#noticed === this.#outage) return;
      this.#noticed = this.#outage;
      this.#emit({ kind: "health" });
    });
  }

  /** The daemon goes down and takes every container with it; nothing starts again by itself. */
  restart(downMs: number, exitCode = 143): void {
    this.setOutage("refused");
    // Silently: the event stream is gone before the containers are.
    this.#exitAll(exitCode);
    this.#env.setTimer(downMs, () => this.setOutage("none"));
  }

  /** The whole machine: containers die, answers under way never come. */
  powerCut(): void {
    this.#generation += 1;
    this.#exitAll(255);
  }

  /** The machine is reinstalled. */
  wipe(): void {
    this.#generation += 1;
    this.#containers.clear();
  }

  #exitAll(exitCode: number): void {
    for (const container of this.#containers.values()) {
      if (container.state.state !== "running") continue;
      container.state = { ...container.state, state: "exited", exitCode, finishedAtMs: this.#env.wallNow() };
    }
  }

  log(taskId: string, text: string, stream: LogLine["stream"] = "stdout"): void {
    const container = this.#containers.get(taskId);
    if (container === undefined) throw new Error(`No container of task ${taskId}`);
    container.lines.push({
      stream,
      timeUs: this.#env.wallNow() * 1000,
      data: Buffer.from(text),
      position: 0,
      partial: false,
    });
    this.#emit({ kind: "log", taskId });
  }

  /** From now on the container writes at this rate, without the text being stored. */
  logSteadily(taskId: string, { bytesPerSecond, lineBytes }: Omit<LogGenerator, "fromMs">): void {
    const container = this.#containers.get(taskId);
    if (container === undefined) throw new Error(`No container of task ${taskId}`);
    container.generator = { bytesPerSecond, lineBytes, fromMs: this.#env.now() };
  }

  // ---- what executors call ----

  get outage(): "none" | "refused" | "hung" {
    return this.#noticed;
  }

  onEvent(listener: (event: FakeEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  list(owner: ExecutorOwner, signal: AbortSignal): Promise<readonly RuntimeState[]> {
    return this.#call({ op: "list", taskId: "", task: null, ms: 0, signal }, () =>
      this.containers()
        .filter((container) => owns(owner, container))
        .map(({ state }) => state),
    );
  }

  inspect(owner: ExecutorOwner, taskId: string, signal: AbortSignal): Promise<RuntimeState | null> {
    return this.#call({ op: "inspect", taskId, task: null, ms: 0, signal }, () => {
      const container = this.#containers.get(taskId);
      return container !== undefined && owns(owner, container) ? container.state : null;
    });
  }

  prepare(owner: ExecutorOwner, task: ExecutorTask, signal: AbortSignal): Promise<RuntimeState | null> {
    const ms = this.behaviour.prepareMs;
    return this.#call({ op: "prepare", taskId: task.id, task, ms, signal }, () => {
      this.#tell("prepare", owner, task.id);
      if (this.#containers.has(task.id)) return null;
      this.#ids += 1;
      const state = created(task.id, `${this.engineId}-${this.#ids}`);
      this.#containers.set(task.id, { owner, task, state, starts: 0, lines: [], generator: null });
      return state;
    });
  }

  start(owner: ExecutorOwner, task: ExecutorTask, signal: AbortSignal): Promise<void> {
    const ms = this.behaviour.startMs;
    return this.#call({ op: "start", taskId: task.id, task, ms, signal }, () => {
      this.#tell("start", owner, task.id);
      const container = this.#containers.get(task.id);
      if (container === undefined || !owns(owner, container)) {
        throw new AppError("not-found", `No container of task ${task.id}: it was not prepared`);
      }
      if (container.state.state !== "running") this.#run(container);
    });
  }

  async stop(owner: ExecutorOwner, task: ExecutorTask, signal: AbortSignal): Promise<void> {
    const grace = graceMs(task);
    await this.#call({ op: "stop", taskId: task.id, task, ms: 0, signal }, () => undefined);
    const container = this.#containers.get(task.id);
    if (container?.state.state !== "running" || !owns(owner, container)) return;
    this.#tell("stop", owner, task.id);
    const obeys = this.behaviour.stopMs <= grace;
    await sleep(this.#env, Math.min(this.behaviour.stopMs, grace), signal);
    this.exit(task.id, obeys ? 143 : 137);
  }

  remove(owner: ExecutorOwner, taskId: string, signal: AbortSignal): Promise<void> {
    return this.#call({ op: "remove", taskId, task: null, ms: 0, signal }, () => {
      const container = this.#containers.get(taskId);
      if (container === undefined || !owns(owner, container)) return;
      this.#tell("remove", owner, taskId);
      this.vanish(taskId);
    });
  }

  collect(signal: AbortSignal): Promise<number> {
    return this.#call({ op: "collect", taskId: "", task: null, ms: 0, signal }, () => this.behaviour.collect());
  }

  async probe(taskId: string, probe: Probe, { timeoutMs, signal }: ProbeLimits): Promise<ProbeOutcome> {
    const container = this.#containers.get(taskId);
    const task = container?.task ?? null;
    const answer = task === null ? { isOk: false, message: "it is gone" } : this.behaviour.probe(task, probe);
    const { isOk, message = isOk ? "ok" : "refused", tookMs = 0 } = answer;
    return await this.#call({ op: "probe", taskId, task, ms: Math.min(tookMs, timeoutMs), signal }, () => {
      if (container?.state.state !== "running") return { isOk: false, message: "it does not run" };
      return tookMs > timeoutMs ? { isOk: false, message: `no answer within ${timeoutMs} ms` } : { isOk, message };
    });
  }

  #tell(op: FakeOp, owner: ExecutorOwner, taskId: string): void {
    this.behaviour.onEffect({ op, owner, taskId, container: this.#containers.get(taskId) });
  }

  #run(container: FakeContainer): void {
    const { task } = container;
    container.starts += 1;
    const { starts } = container;
    const checked = hasHealthCheck(task);
    this.#set(container, {
      state: "running",
      health: checked ? "starting" : "none",
      ports: container.state.ports.length > 0 ? container.state.ports : this.#bindPorts(task),
      exitCode: null,
      error: "",
      startedAtMs: this.#env.wallNow(),
      finishedAtMs: 0,
    });
    const later = (ms: number, fn: () => void): void => {
      if (!Number.isFinite(ms)) return;
      this.#env.setTimer(ms, () => {
        if (container.starts === starts && container.state.state === "running") fn();
      });
    };
    if (checked) later(this.behaviour.healthyMs, () => this.setHealth(task.id, "healthy"));
    const life = this.behaviour.lifeOf(task) ?? { ms: this.behaviour.runMs, exitCode: 0 };
    later(life.ms, () => this.exit(task.id, life.exitCode));
  }

  /** @throws precondition when another container of this engine holds the port. */
  #bindPorts(task: ExecutorTask): PortStatus[] {
    return task.spec.ports.map((port) => {
      const published = port.published === 0 ? (this.#nextPort += 1) : port.published;
      const taken = this.running().some(({ state }) =>
        state.ports.some((other) => other.published === published && other.protocol === port.protocol),
      );
      if (taken) throw new AppError("precondition", `Port ${published} is already allocated`);
      return { target: port.target, published, protocol: port.protocol, hostIp: port.hostIp };
    });
  }

  #set(container: FakeContainer, change: Partial<RuntimeState>): void {
    container.state = { ...container.state, ...change };
    this.#emit({ kind: "task", nodeId: container.owner.nodeId, taskId: container.task.id });
  }

  #emit(event: FakeEvent): void {
    // A daemon that is down sends no events.
    if (event.kind === "task" && this.#outage !== "none") return;
    for (const listener of this.#listeners) listener(event);
  }

  async #call<T>(
    {
      op,
      taskId,
      task,
      ms,
      signal,
    }: { op: FakeOp; taskId: string; task: ExecutorTask | null; ms: number; signal: AbortSignal },
    effect: () => T,
  ): Promise<T> {
    this.#calls += 1;
    const generation = this.#generation;
    if (this.#outage === "none") await sleep(this.#env, this.behaviour.callMs + ms, signal);
    if (this.#outage === "hung") await sleep(this.#env, this.behaviour.deadlineMs, signal);
    if (generation !== this.#generation) await new Promise<never>(() => undefined);
    if (this.#outage !== "none") throw new AppError("unavailable", "The engine does not answer");
    const failure = this.behaviour.fail(op, taskId, task);
    if (failure !== null) throw failure;
    const result = effect();
    if (this.behaviour.answerMs > 0) await sleep(this.#env, this.behaviour.answerMs, signal);
    return result;
  }
}

function owns(owner: ExecutorOwner, container: FakeContainer): boolean {
  return owner.clusterId === container.owner.clusterId && owner.nodeId === container.owner.nodeId;
}

function created(taskId: string, runtimeId: string): RuntimeState {
  return {
    taskId,
    state: "created",
    runtimeId,
    health: "none",
    exitCode: null,
    error: "",
    ports: [],
    startedAtMs: 0,
    finishedAtMs: 0,
  };
}

function hasHealthCheck({ spec }: ExecutorTask): boolean {
  const test = (spec.container?.health ?? spec.process?.health)?.test ?? [];
  return test.length > 0 && test[0] !== "NONE";
}

function graceMs({ spec }: ExecutorTask): number {
  return spec.container?.stopGraceMs ?? spec.process?.stopGraceMs ?? 10_000;
}
