/**
 * Tasks as containers of a Docker Engine. Everything it touches carries this cluster's and this node's labels: foreign
 * containers are not even seen, because every look goes through a label filter or checks the labels.
 */
import { containerName } from "../../../model/naming.ts";
import { AppError, cancelled, isAppError } from "../../../util/errors.ts";
import { sleep, type Env } from "../../../util/env.ts";
import { must } from "../../../util/assert.ts";
import type { Logger } from "../../../util/log.ts";
import { containerOf, containerOptions, LABELS, STOP_GRACE_MS } from "../container-spec.ts";
import type {
  EngineHealth,
  Executor,
  ExecutorDescription,
  ExecutorOwner,
  ExecutorTask,
  ImageStore,
  LogQuery,
  LogSource,
  Outside,
  Probe,
  ProbeLimits,
  ProbeOutcome,
  RuntimeState,
} from "../executor.ts";
import { collectImages } from "./collect-images.ts";
import { Deaths } from "./deaths.ts";
import { CREATE_MS, EngineClient, REMOVE_MS, START_MS, type EngineAddress } from "./engine-client.ts";
import { statusOf } from "./engine-error.ts";
import { EngineLink, LINK_DEFAULTS, type EngineLinkOptions } from "./engine-link.ts";
import { labelFilter, type TaskEvent } from "./events.ts";
import { DockerLogSource, type LogTarget } from "./logs.ts";
import { DockerProber } from "./prober.ts";
import { ImagePuller } from "./pull.ts";
import { createdState, isOwned, mayHaveRunOutOfMemory, runtimeState, type ContainerInfo } from "./runtime-state.ts";

export type DockerExecutorDeps = { readonly env: Env; readonly log: Logger } & (
  | { readonly socketPath: string }
  | { readonly host: string; readonly port?: number }
);
export type DockerExecutorOptions = Partial<EngineLinkOptions>;

const TCP_PORT = 2375;
/** Inspects under way at once while listing: the engine answers each in some ms. */
const INSPECTS_MAX = 8;
/** The net under the die event while stopping. */
const STOP_POLL_MS = 1_000;
/** From SIGKILL to the end; a process in uninterruptible sleep takes longer, and the caller repeats. */
const KILL_MS = 20_000;
const REMOVE_POLL_MS = 200;
/** How long the reason "out of memory" may come after the end. */
const OOM_WORD_MS = 300;

type Detail = ContainerInfo & {
  readonly Config: ContainerInfo["Config"] & { readonly Tty: boolean; readonly StopSignal?: string | undefined };
};

export class DockerExecutor implements Executor {
  readonly images: ImageStore;
  readonly #env: Env;
  readonly #client: EngineClient;
  readonly #link: EngineLink;
  readonly #puller: ImagePuller;
  readonly #prober: DockerProber;
  readonly #changeListeners = new Set<() => void>();
  readonly #taskListeners = new Set<(taskId: string) => void>();
  /** Task id to container id: what was seen to carry our labels. */
  readonly #ids = new Map<string, string>();
  /** Tasks whose container is being created here. */
  readonly #creating = new Set<string>();
  readonly #deaths = new Deaths();
  /** What the last look at everything showed, a line a task. */
  #audited = new Map<string, string>();
  readonly #life = new AbortController();
  #owner: ExecutorOwner | null = null;

  constructor(deps: DockerExecutorDeps, options: DockerExecutorOptions = {}) {
    const { env, log } = deps;
    this.#env = env;
    this.#client = new EngineClient(env, addressOf(deps));
    this.#prober = new DockerProber(env, this.#client, addressOf(deps));
    this.#puller = new ImagePuller({ env, log, client: this.#client });
    this.images = {
      // An engine behind a socket is this machine's.
      storagePath: () => ("socketPath" in deps ? this.#link.storagePath : ""),
      collectImages: (signal) => collectImages(this.#client, log, signal),
    };
    this.#link = new EngineLink(
      {
        env,
        log,
        client: this.#client,
        onTaskEvent: (event) => this.#onEvent(event),
        resync: (signal, reason) => this.#resync(signal, reason),
        onChange: () => {
          for (const listener of this.#changeListeners) listener();
        },
      },
      { ...LINK_DEFAULTS, ...options },
    );
  }

  async start(owner: ExecutorOwner): Promise<void> {
    this.#owner = owner;
    await this.#link.start(owner);
  }

  async stop(): Promise<void> {
    this.#life.abort();
    await this.#link.stop();
    this.#client.close();
  }

  describe(): ExecutorDescription {
    return this.#link.description;
  }

  health(): EngineHealth {
    return this.#link.health;
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
    this.#link.check();
    const entries = await this.#listOwned(signal);
    const states: RuntimeState[] = [];
    const next = entries.values();
    const worker = async (): Promise<void> => {
      for (const { taskId, containerId } of next) {
        const info = await this.#inspectId(containerId, signal);
        if (info === null) continue;
        this.#ids.set(taskId, info.Id);
        this.#deaths.inspected(taskId, info);
        states.push(runtimeState(taskId, info));
      }
    };
    await Promise.all(Array.from({ length: Math.min(INSPECTS_MAX, entries.length) }, worker));
    // A duplicate could only be made by hand; what runs is what counts.
    if (states.some(({ state }) => state === "exited")) await this.#link.confirm(signal);
    const byTask = new Map<string, RuntimeState>();
    for (const state of states) if (byTask.get(state.taskId)?.state !== "running") byTask.set(state.taskId, state);
    return [...byTask.values()];
  }

  async inspect(taskId: string, signal: AbortSignal): Promise<RuntimeState | null> {
    this.#link.check();
    const ended = this.#deaths.of(taskId);
    if (ended !== null) {
      await this.#link.confirm(signal);
      return ended;
    }
    let info = await this.#find(taskId, signal);
    if (info !== null && mayHaveRunOutOfMemory(info)) {
      // The kernel's word comes to the engine by another way than the end, and sometimes after it.
      await sleep(this.#env, OOM_WORD_MS, signal);
      info = await this.#find(taskId, signal);
    }
    if (info !== null) this.#deaths.inspected(taskId, info);
    const state = info === null ? null : runtimeState(taskId, info);
    if (state?.state === "exited") await this.#link.confirm(signal);
    return state;
  }

  async prepareTask(task: ExecutorTask, signal: AbortSignal, outside: Outside = here): Promise<RuntimeState | null> {
    this.#link.check();
    const { image, pullPolicy } = containerOf(task);
    if (pullPolicy === "ALWAYS") {
      // Where every start pulls, look first: a repeated prepare must not pull again.
      if ((await this.#find(task.id, signal)) !== null) return null;
      await outside(() => this.#puller.ensure(image, pullPolicy, signal));
    }
    try {
      return await this.#create(task, signal);
    } catch (error) {
      // The image is not there, or was pruned since it was pulled.
      if (statusOf(error) !== 404) throw error;
    }
    await outside(() => this.#puller.ensure(image, pullPolicy, signal));
    return await this.#create(task, signal);
  }

  async startTask(task: ExecutorTask, signal: AbortSignal): Promise<void> {
    this.#link.check();
    const known = this.#ids.get(task.id);
    if (known !== undefined) {
      try {
        await this.#start(task.id, known, signal);
        return;
      } catch (error) {
        // Gone, or in a state that has no start: its own look says which.
        if (statusOf(error) !== 404 && statusOf(error) !== 409) throw error;
      }
    }
    const info = await this.#find(task.id, signal);
    if (info === null) throw new AppError("not-found", `No container of task ${task.id}: it was not prepared`);
    if (runtimeState(task.id, info).state !== "running") await this.#start(task.id, info.Id, signal);
  }

  async stopTask(task: ExecutorTask, signal: AbortSignal): Promise<void> {
    this.#link.check();
    const info = await this.#find(task.id, signal);
    if (info === null || runtimeState(task.id, info).state !== "running") return;
    const graceMs = task.spec.container?.stopGraceMs ?? STOP_GRACE_MS;
    // The container's own answer covers the image's signal too, and tasks whose spec is not known any more.
    await this.#kill(info.Id, info.Config.StopSignal ?? "SIGTERM", signal);
    if (await this.#hasEnded(task.id, graceMs, signal)) return;
    await this.#kill(info.Id, "SIGKILL", signal);
    if (await this.#hasEnded(task.id, KILL_MS, signal)) return;
    throw new AppError("unavailable", `The container of task ${task.id} does not end after SIGKILL`);
  }

  async removeTask(taskId: string, signal: AbortSignal): Promise<void> {
    this.#link.check();
    for (;;) {
      const info = await this.#find(taskId, signal);
      if (info === null) break;
      this.#prober.forget(info.Id);
      try {
        await this.#client.call({ what: "Removing the container", ms: REMOVE_MS, signal }, (docker, abortSignal) =>
          docker.getContainer(info.Id).remove({ force: true, v: true, abortSignal }),
        );
        break;
      } catch (error) {
        const status = statusOf(error);
        if (status === 404) break;
        // Being removed already: gone is what was asked for, so wait for it.
        if (status !== 409) throw error;
        await sleep(this.#env, REMOVE_POLL_MS, signal);
      }
    }
    this.#ids.delete(taskId);
    this.#deaths.forget(taskId);
  }

  async probe(runtime: RuntimeState, probe: Probe, limits: ProbeLimits): Promise<ProbeOutcome> {
    this.#link.check();
    return await this.#prober.probe(runtime, probe, limits);
  }

  logs(taskId: string, query: LogQuery): LogSource {
    return new DockerLogSource(
      {
        client: this.#client,
        find: (id, signal) => this.#logTarget(id, signal),
        onTaskEvent: (listener) => this.onTaskEvent(listener),
        life: this.#life.signal,
      },
      taskId,
      query,
    );
  }

  /** @returns what it made; null if it was there already */
  async #create(task: ExecutorTask, signal: AbortSignal): Promise<RuntimeState | null> {
    const what = "Creating the container";
    this.#creating.add(task.id);
    try {
      const created = await this.#client.call({ what, ms: CREATE_MS, signal }, (docker, abortSignal) => {
        // Split by hand: the library would repeat the whole body, secrets included, in the address.
        const options = {
          _query: { name: containerName(task) },
          _body: containerOptions(task, this.#who()),
          abortSignal,
        };
        return docker.createContainer(options);
      });
      this.#ids.set(task.id, created.id);
      return createdState(task.id, created.id);
    } catch (error) {
      if (isAppError(error, "invalid")) {
        throw new AppError("invalid", error.message, { path: "spec.task.container" }, error);
      }
      if (statusOf(error) !== 409) throw error;
      // The name is taken: by an earlier try of ours, or by somebody else.
      if ((await this.#find(task.id, signal)) !== null) return null;
      throw new AppError("precondition", `Cannot create container ${containerName(task)}: the name is taken`, {
        next: "remove or rename the container of that name, which is not this cluster's",
      });
    } finally {
      this.#creating.delete(task.id);
    }
  }

  async #start(taskId: string, id: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#client.call({ what: "Starting the container", ms: START_MS, signal }, (docker, abortSignal) =>
        docker.getContainer(id).start({ abortSignal }),
      );
    } catch (error) {
      // 304: somebody was faster.
      if (statusOf(error) !== 304) throw error;
    }
    // What it ended of before is over; the event of the start may come after the next look.
    this.#deaths.forget(taskId);
  }

  async #kill(id: string, killSignal: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#client.call({ what: `Sending ${killSignal}`, signal }, (docker, abortSignal) =>
        docker.getContainer(id).kill({ signal: killSignal, abortSignal }),
      );
    } catch (error) {
      const status = statusOf(error);
      // Gone, or not running any more.
      if (status !== 404 && status !== 409) throw error;
    }
  }

  /** Waits for the end by event, with a look now and then. */
  async #hasEnded(taskId: string, boundMs: number, signal: AbortSignal): Promise<boolean> {
    const until = this.#env.now() + boundMs;
    for (;;) {
      // Listening first: an end between the look and the wait must not be missed.
      const change = this.#nextEvent(taskId, signal);
      try {
        if (this.#deaths.of(taskId) !== null) return true;
        const info = await this.#find(taskId, signal);
        if (info === null || runtimeState(taskId, info).state !== "running") return true;
        const leftMs = until - this.#env.now();
        if (leftMs <= 0) return false;
        await change.within(Math.min(leftMs, STOP_POLL_MS));
      } finally {
        change.forget();
      }
      if (signal.aborted) throw cancelled("Stopping");
    }
  }

  #nextEvent(taskId: string, signal: AbortSignal): { within(ms: number): Promise<void>; forget(): void } {
    let wake = (): void => undefined;
    const happened = new Promise<void>((resolve) => (wake = resolve));
    const off = this.onTaskEvent((id) => id === taskId && wake());
    signal.addEventListener("abort", wake, { once: true });
    return {
      within: async (ms) => {
        const timer = this.#env.setTimer(ms, wake);
        await happened;
        timer.cancel();
      },
      forget: () => {
        off();
        signal.removeEventListener("abort", wake);
      },
    };
  }

  async #logTarget(taskId: string, signal: AbortSignal): Promise<LogTarget | null> {
    this.#link.check();
    const info = await this.#find(taskId, signal);
    return info === null ? null : { state: runtimeState(taskId, info), hasTerminal: info.Config.Tty };
  }

  /** Our container of this task, by what is known or by a look at the labels. */
  async #find(taskId: string, signal: AbortSignal): Promise<Detail | null> {
    const known = this.#ids.get(taskId);
    const info = known === undefined ? null : await this.#inspectId(known, signal);
    if (info !== null) return info;
    this.#ids.delete(taskId);
    const found: Detail[] = [];
    for (const { containerId } of await this.#listOwned(signal, taskId)) {
      const candidate = await this.#inspectId(containerId, signal);
      if (candidate !== null) found.push(candidate);
    }
    const chosen = found.find(({ State }) => State.Status === "running") ?? found[0];
    if (chosen === undefined) return null;
    this.#ids.set(taskId, chosen.Id);
    return chosen;
  }

  async #listOwned(signal: AbortSignal, taskId?: string): Promise<{ taskId: string; containerId: string }[]> {
    const filters = JSON.stringify({ label: labelFilter(this.#who(), taskId) });
    const containers = await this.#client.call({ what: "Listing containers", signal }, (docker, abortSignal) =>
      docker.listContainers({ all: true, filters, abortSignal }),
    );
    return containers.flatMap(({ Id, Labels }) => {
      const id = Labels[LABELS.task];
      return id === undefined ? [] : [{ taskId: id, containerId: Id }];
    });
  }

  async #inspectId(id: string, signal: AbortSignal): Promise<Detail | null> {
    try {
      const info = await this.#client.call({ what: "Inspecting the container", signal }, (docker, abortSignal) =>
        docker.getContainer(id).inspect({ abortSignal }),
      );
      return isOwned(this.#who(), info.Config.Labels) ? info : null;
    } catch (error) {
      if (statusOf(error) === 404) return null;
      throw error;
    }
  }

  #onEvent(event: TaskEvent): void {
    const { taskId, containerId, action } = event;
    this.#deaths.event(event);
    if (action === "die" || action === "destroy") this.#prober.forget(containerId);
    const isKnown = this.#ids.get(taskId) === containerId;
    if (action === "destroy" && isKnown) this.#ids.delete(taskId);
    // The answer to our own call says the same.
    if (action === "create" && (isKnown || this.#creating.has(taskId))) return;
    this.#emit(taskId);
  }

  /**
   * After an absence everything may have changed; an audit tells only of what it sees changed.
   * @returns what tells the listeners
   */
  async #resync(signal: AbortSignal, reason: "connected" | "audit"): Promise<() => void> {
    const filters = JSON.stringify({ label: labelFilter(this.#who()) });
    const containers = await this.#client.call({ what: "Listing containers", signal }, (docker, abortSignal) =>
      docker.listContainers({ all: true, filters, abortSignal }),
    );
    if (reason === "connected") this.#deaths.clear();
    const before = this.#audited;
    this.#audited = new Map();
    for (const { Id, State, Status, Labels } of containers) {
      const taskId = Labels[LABELS.task];
      // The status text carries the health, and an age that would make every line differ.
      const health = /\((?:health: )?(starting|healthy|unhealthy)\)/.exec(Status)?.[1] ?? "";
      if (taskId !== undefined) this.#audited.set(taskId, `${Id} ${State} ${health}`);
    }
    const taskIds = [...new Set([...before.keys(), ...this.#ids.keys(), ...this.#audited.keys()])];
    const changed = taskIds.filter((id) => reason === "connected" || before.get(id) !== this.#audited.get(id));
    return () => {
      for (const taskId of changed) this.#emit(taskId);
    };
  }

  #emit(taskId: string): void {
    for (const listener of this.#taskListeners) listener(taskId);
  }

  #who(): ExecutorOwner {
    return must(this.#owner, "an executor is started before it is used");
  }
}

const here: Outside = (wait) => wait();

function addressOf(deps: DockerExecutorDeps): EngineAddress {
  return "socketPath" in deps ? { socketPath: deps.socketPath } : { host: deps.host, port: deps.port ?? TCP_PORT };
}
