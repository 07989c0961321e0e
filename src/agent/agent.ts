/**
 * A node's agent: composes task database, worker, session and node service. It goes on running
 * tasks when every manager is gone, and across its own restart.
 */
import type { GenericResource, NodeDescription, NodeSpec } from "../model/index.ts";
import { PROTOCOLS, type Protocols } from "../model/protocol.ts";
import { CUT_OFF_GRACE_MS, CUT_OFF_STOP_MS } from "../model/ties.ts";
import type { NodeIdentity, NodeRoleName } from "../pki/types.ts";
import type { Dialer } from "../proto/rpc.ts";
import type { Router } from "../proto/router.ts";
import type { DiskProbe } from "../util/disk-space.ts";
import type { Env, Timer } from "../util/env.ts";
import type { KvFactory } from "../util/kv.ts";
import type { Logger } from "../util/log.ts";
import type { Executor } from "./executor/executor.ts";
import { CutOffWatch } from "./cut-off.ts";
import { DiskWatch, type WatchedDisk } from "./disk-watch.ts";
import { NodeService } from "./node-service.ts";
import { Reporter } from "./reporter.ts";
import { SessionKeeper } from "./session.ts";
import { TaskDb } from "./task-db.ts";
import { Worker } from "./worker.ts";

/** How often what the node says of itself is looked at again; changes of the engine come at once. */
export const DESCRIBE_MS = 20_000;
/** A clean stop gives tasks their grace, but never longer than this. */
export const STOP_TASKS_MS = 10_000;
/** Managers remembered; a cluster has at most a handful. */
export const MANAGERS_MAX = 64;

export type AgentDeps = {
  readonly env: Env;
  readonly log: Logger;
  readonly dialer: Dialer;
  /** Serves this node's own port. */
  readonly router: Router;
  readonly executor: Executor;
  readonly kvFactory: KvFactory;
  readonly identity: NodeIdentity;
  /** Free space of a directory's file system; absent where nothing is measured. */
  readonly probeOf?: ((path: string) => DiskProbe) | undefined;
  /** A manager says which role this node has in the cluster; repeated with every session. */
  readonly onRole?: (role: NodeRoleName) => void;
  /** This node was removed from its cluster: nothing here is its own any more. */
  readonly onExpelled?: () => void;
  /** A manager says which life of the cluster it serves; none earlier than one that was named before. */
  readonly onIncarnation?: (incarnation: string) => void;
};

export type AgentOptions = {
  /** gRPC host:port by which managers reach this node. */
  readonly address: string;
  readonly nodeName: string;
  /** Where this node writes, to be watched for space. */
  readonly dataDir?: string;
  /** Managers to dial until one tells who they are. */
  readonly managers: readonly string[];
  readonly version: string;
  /** What the operator says the node has; of a kind that its engine names too, this is it. */
  readonly generic?: readonly GenericResource[];
  /** IP behind `address`, if it is known. */
  readonly ip?: string;
  /** What its program speaks. */
  readonly protocols?: Protocols;
  /** Differs after a restart of the machine (boot-id.ts); then what stopped with it is started again. */
  readonly bootId?: string;
};

export type AgentStop = {
  /** The node goes away for good or for long: its tasks move at once. */
  readonly goodbye: boolean;
  /** Default: as `goodbye`. Without it everything goes on running and is taken up again. */
  readonly stopTasks?: boolean;
  /** The node leaves the cluster: nothing of its tasks stays. */
  readonly removeTasks?: boolean;
};

export type AgentStatus = {
  /** The manager that holds the session; empty without one. */
  readonly manager: string;
  readonly sessionId: string;
  /** Why there is no session, or what is wrong with engine or disk. */
  readonly problems: readonly string[];
  readonly tasks: number;
  readonly unacknowledged: number;
  readonly availability: NodeSpec["availability"] | null;
};

export class Agent {
  readonly worker: Worker;
  readonly #deps: AgentDeps;
  readonly #options: AgentOptions;
  readonly #db: TaskDb;
  readonly #reporter: Reporter;
  readonly #session: SessionKeeper;
  readonly #cutOff: CutOffWatch;
  readonly #disks: DiskWatch;
  readonly #nodeService: NodeService;
  #managers: readonly string[] = [];
  #nodeSpec: NodeSpec | null = null;
  #described = "";
  #timer: Timer | null = null;
  #unsubscribe: () => void = () => undefined;
  #isStarted = false;
  #stopping: Promise<void> | null = null;

  constructor(deps: AgentDeps, options: AgentOptions) {
    const { env, log, dialer, router, executor, kvFactory, identity } = deps;
    this.#deps = deps;
    this.#options = options;
    this.#db = new TaskDb({ env, log, kvFactory });
    this.#reporter = new Reporter(env);
    this.worker = new Worker({ env, log, executor, db: this.#db, reporter: this.#reporter });
    this.#nodeService = new NodeService({ env, router, executor, worker: this.worker, nodeId: identity.nodeId });
    this.#disks = new DiskWatch({
      env,
      log,
      disks: () => this.#watchedDisks(),
      collect: async (signal) => (await executor.images?.collectImages(signal)) ?? 0,
      onChange: () => this.#describeIfChanged(),
    });
    this.#cutOff = new CutOffWatch(env, () => this.#onCutOff());
    this.#session = new SessionKeeper(
      { env, log, dialer, reporter: this.#reporter, ownAddress: options.address },
      {
        onIncarnation: (incarnation) => this.meet(incarnation),
        onAssignments: (set, sessionId) => this.worker.apply(set, sessionId),
        onManagers: (addresses) => this.#rememberManagers(addresses),
        onNodeSpec: (spec) => {
          this.#nodeSpec = spec;
        },
        onRole: (role) => deps.onRole?.(role),
        onExpelled: () => deps.onExpelled?.(),
        onHeard: (sentAt) => this.#cutOff.heard(sentAt),
        hello: () => this.#hello(),
        health: () => this.#health(),
        managers: () => this.#managers,
      },
    );
  }

  /** Resolves when tasks are taken up again; a session follows when a manager answers. */
  async start(): Promise<void> {
    const { identity, executor } = this.#deps;
    const { nodeName, bootId = "", managers } = this.#options;
    this.#isStarted = true;
    await this.worker.start(identity, { nodeName, bootId });
    // Those it is started with too: a restored cluster may answer at an address that nobody could tell it.
    this.#managers = [...new Set([...this.#db.meta.managers, ...managers])].slice(0, MANAGERS_MAX);
    this.#unsubscribe = executor.onChange(() => this.#onEngineChange());
    this.#db.onProblem(() => this.#session.beat());
    this.#nodeService.start();
    this.#describeLater();
    this.#cutOff.start();
    if (this.#deps.probeOf !== undefined) this.#disks.start();
    this.#session.start();
  }

  /** Resolves when nothing of the agent runs. Idempotent. */
  stop(how: AgentStop): Promise<void> {
    this.#stopping ??= this.#isStarted ? this.#stop(how) : Promise.resolve();
    return this.#stopping;
  }

  /** From here on no manager of an earlier life of the cluster is listened to. @throws conflict if this is one */
  meet(incarnation: string): void {
    this.worker.meet(incarnation);
    this.#deps.onIncarnation?.(incarnation);
  }

  /** gRPC addresses of the managers as last told. */
  get managers(): readonly string[] {
    return this.#managers;
  }

  status(): AgentStatus {
    const { manager, sessionId, error } = this.#session.status();
    const { message } = this.#health();
    return {
      manager,
      sessionId,
      problems: [error, message].filter((problem) => problem !== ""),
      tasks: this.worker.size,
      unacknowledged: this.#reporter.pending,
      availability: this.#nodeSpec?.availability ?? null,
    };
  }

  async #stop({ goodbye, stopTasks = goodbye, removeTasks = false }: AgentStop): Promise<void> {
    this.#timer?.cancel();
    this.#unsubscribe();
    this.#cutOff.stop();
    await this.#disks.stop();
    if (goodbye && stopTasks) await this.#endSingles();
    if (goodbye) {
      // Before the tasks are stopped: their replacements start meanwhile. Recorded first, so that the
      // next start waits to be told whether these tasks are still its own.
      if (stopTasks) this.#db.update({ saidGoodbye: true });
      await this.#session.goodbye("the node is shut down");
    } else {
      this.#session.stop();
    }
    this.#nodeService.stop();
    if (stopTasks) await this.worker.stopRuntimes(STOP_TASKS_MS, { remove: removeTasks });
    await this.worker.stop();
    await this.#deps.executor.stop();
    await this.#db.stop();
  }

  #onCutOff(): void {
    this.#deps.log.warn("no manager in reach: what never runs twice is stopped", { afterMs: CUT_OFF_STOP_MS });
    void this.worker.endSingles("no manager was in reach", CUT_OFF_GRACE_MS);
  }

  /** Before managers are told to replace this node's tasks, so that they hear of the end of each. */
  async #endSingles(): Promise<void> {
    await this.worker.endSingles("its node is shut down", 2 * CUT_OFF_GRACE_MS);
    // The reports of this turn leave first.
    await new Promise<void>((resolve) => this.#deps.env.defer(resolve));
  }

  #hello(): { description: NodeDescription; address: string; agentEpoch: number; clusterId: string } {
    const description = this.#describe();
    this.#described = JSON.stringify(description);
    const { clusterId } = this.#deps.identity;
    return { description, address: this.#options.address, agentEpoch: this.#db.meta.epoch, clusterId };
  }

  #describe(): NodeDescription {
    const { protocols = PROTOCOLS, generic = [], ip = "" } = this.#options;
    const { os, architecture, resources, runtimes, engineId, engineLabels, engineVersion, deviceDrivers, logDrivers } =
      this.#deps.executor.describe();
    const ofEngine = resources.generic.filter(({ kind }) => generic.every((one) => one.kind !== kind));
    return {
      hostname: this.#options.nodeName,
      platform: { os, architecture },
      resources: { ...resources, generic: [...ofEngine, ...generic] },
      runtimes: [...runtimes],
      engineId,
      engineLabels: { ...engineLabels },
      engineVersion,
      shoalVersion: this.#options.version,
      protocolMin: protocols.min,
      protocolMax: protocols.max,
      deviceDrivers: [...deviceDrivers],
      logDrivers: [...logDrivers],
      ip,
      fullPaths: [...this.#disks.fullPaths],
      fillingPaths: [...this.#disks.fillingPaths],
    };
  }

  #watchedDisks(): WatchedDisk[] {
    const { executor, probeOf } = this.#deps;
    if (probeOf === undefined) return [];
    const paths = new Set([this.#options.dataDir ?? "", executor.images?.storagePath() ?? ""]);
    return [...paths].filter((path) => path !== "").map((path) => ({ path, probe: probeOf(path) }));
  }

  #health(): { ok: boolean; message: string } {
    const { ok, message } = this.#deps.executor.health();
    return { ok, message: [message, this.#db.problem].filter((text) => text !== "").join("; ") };
  }

  #onEngineChange(): void {
    this.#session.beat();
    this.#describeIfChanged();
  }

  #describeIfChanged(): void {
    const description = this.#describe();
    const text = JSON.stringify(description);
    if (text === this.#described) return;
    this.#described = text;
    this.#session.describe(description);
  }

  #describeLater(): void {
    this.#timer = this.#deps.env.setTimer(DESCRIBE_MS, () => {
      this.#describeIfChanged();
      this.#describeLater();
    });
  }

  #rememberManagers(addresses: readonly string[]): void {
    const managers = [...new Set(addresses)].filter((address) => address !== "").slice(0, MANAGERS_MAX);
    if (managers.length === 0) return;
    this.#managers = managers;
    this.#db.update({ managers });
  }
}
