/**
 * One node, whichever its role: an agent, and on a manager a manager. All seams are arguments, so
 * that the simulator runs the same composition.
 */
import { Agent, type AgentDeps, type AgentOptions, type AgentStop } from "../agent/agent.ts";
import type { Executor } from "../agent/executor/executor.ts";
import type { DiskMarks } from "../manager/disk-guard.ts";
import type { Manager, ManagerBootstrap, ManagerTuning } from "../manager/manager.ts";
import type { Retired } from "../manager/replica/retired.ts";
import { relate } from "../model/incarnation.ts";
import { PROTOCOLS, type Protocols } from "../model/protocol.ts";
import type { NodeIdentity, NodeRoleName } from "../pki/types.ts";
import { call } from "../proto/client.ts";
import type { Dialer } from "../proto/rpc.ts";
import type { Router } from "../proto/router.ts";
import { assert } from "../util/assert.ts";
import type { DiskProbe } from "../util/disk-space.ts";
import { AppError, cancelled, type ErrorCode } from "../util/errors.ts";
import { sleep, type Env } from "../util/env.ts";
import type { KvFactory } from "../util/kv.ts";
import type { Logger } from "../util/log.ts";

const JOIN_ATTEMPT_MS = 5000;
const JOIN_PAUSE_MS = 200;
export const JOIN_DEADLINE_MS = 60_000;
/** After a whole round of attempts to tell the new address. */
const MOVE_RETRY_MS = 5000;
/** Refusals that time may heal; `denied` too: a manager that lags does not know this one yet. */
const MAY_PASS: ReadonlySet<ErrorCode> = new Set([
  "unavailable",
  "not-leader",
  "deadline",
  "unknown-outcome",
  "denied",
  "unsupported",
  "exhausted",
]);

export type NodeDeps = {
  readonly env: Env;
  readonly log: Logger;
  readonly router: Router;
  readonly dialer: Dialer;
  readonly kvFactory: KvFactory;
  readonly executor: Executor;
  readonly identity: NodeIdentity;
  /**
   * On a manager; null on a worker, which does not even load one (it costs 5 MiB), and on a manager
   * whose life of the cluster is over.
   */
  readonly managerClass: typeof Manager | null;
  /** Free space of the data directory; null where nothing is measured. */
  readonly diskProbe: DiskProbe | null;
  /** As of AgentDeps. */
  readonly probeOf?: AgentDeps["probeOf"];
  /** What this node promised as a manager before; null: it never was one. */
  readonly retired?: Retired | null;
  readonly onFatal: (error: AppError) => void;
  /** Its manager is no member of the Raft group any more. */
  readonly onRemoved: () => void;
  readonly tuning?: ManagerTuning;
  /** Which role the cluster gives this node, as often as a manager says so. */
  readonly onRole?: (role: NodeRoleName) => void;
  /** This node was removed from the cluster. */
  readonly onExpelled?: () => void;
};

export type NodeOptions = {
  readonly address: string;
  readonly name: string;
  /** Managers to dial first: from the join, or this node itself. */
  readonly managers: readonly string[];
  readonly version: string;
  /** What its program speaks. */
  readonly protocols?: Protocols;
  /** How messages name the data directory. */
  readonly dataDir: string;
  readonly disk?: DiskMarks;
  /** Differs after the machine was restarted. */
  readonly bootId?: string;
  /** As of AgentOptions. */
  readonly generic?: AgentOptions["generic"];
  readonly ip?: string;
};

/** How this start differs from an ordinary restart. */
export type NodeStart =
  | { readonly kind: "restart" }
  | { readonly kind: "init"; readonly bootstrap: ManagerBootstrap }
  /** A manager's first start: it asks to be a member of the Raft group. */
  | { readonly kind: "join" };

export class ClusterNode {
  readonly agent: Agent;
  readonly #deps: NodeDeps;
  readonly #options: NodeOptions;
  #manager: Manager | null;
  /** Ends what goes on in the background of the present manager. */
  #managerAbort = new AbortController();
  #moving: Promise<void> = Promise.resolve();

  constructor(deps: NodeDeps, options: NodeOptions) {
    this.#deps = deps;
    this.#options = options;
    const { env, log, router, dialer, kvFactory, identity } = deps;
    assert(deps.managerClass === null || identity.role === "manager", "only managers have a manager");
    this.#manager = deps.managerClass === null ? null : this.#makeManager(deps.managerClass, deps.retired ?? null);
    this.agent = new Agent(
      {
        env,
        log: log.child({ part: "agent" }),
        dialer,
        router,
        executor: deps.executor,
        kvFactory,
        identity,
        probeOf: deps.probeOf,
        onRole: (role) => deps.onRole?.(role),
        onExpelled: () => deps.onExpelled?.(),
        onIncarnation: (incarnation) => this.#onIncarnation(incarnation),
      },
      {
        address: options.address,
        nodeName: options.name,
        dataDir: options.dataDir,
        managers: options.managers,
        version: options.version,
        protocols: options.protocols ?? PROTOCOLS,
        ...(options.bootId === undefined ? {} : { bootId: options.bootId }),
        generic: options.generic ?? [],
        ip: options.ip ?? "",
      },
    );
  }

  #makeManager(managerClass: typeof Manager, retired: Retired | null): Manager {
    const { env, log, router, dialer, kvFactory, identity, diskProbe, onFatal, onRemoved, tuning } = this.#deps;
    const { protocols = PROTOCOLS } = this.#options;
    const { address, dataDir, disk = { lowBytes: null, stopBytes: null } } = this.#options;
    return new managerClass({
      env,
      log,
      router,
      dialer,
      kvFactory,
      identity: { ...identity, role: "manager" },
      address,
      dataDir,
      onFatal,
      onRemoved,
      retired,
      diskProbe,
      diskMarks: disk,
      protocols,
      ...(tuning === undefined ? {} : { tuning }),
    });
  }

  /** The agent met a manager of a life of the cluster that this node's own manager is not part of. */
  #onIncarnation(incarnation: string): void {
    const manager = this.#manager;
    if (manager !== null && relate(incarnation, manager.incarnation) === "newer") manager.supersede(incarnation);
  }

  /** Null on a worker. A promotion brings one, a demotion takes it away, while the agent goes on. */
  get manager(): Manager | null {
    return this.#manager;
  }

  /** gRPC host:port by which others reach it. */
  get address(): string {
    return this.#options.address;
  }

  /** @param signal gives up a start; what runs by then is ended by `stop`. */
  async start(start: NodeStart, signal: AbortSignal = new AbortController().signal): Promise<void> {
    const manager = this.#manager;
    if (manager !== null) await this.#startManager(manager, start, signal);
    if (signal.aborted) throw cancelled("Starting");
    await this.agent.start();
  }

  async #startManager(manager: Manager, start: NodeStart, signal: AbortSignal): Promise<void> {
    await manager.start(start.kind === "init" ? start.bootstrap : null, signal);
    const { nodeId } = this.#deps.identity;
    const member = manager.replica.members().find(({ id }) => id === nodeId);
    // A manager that crashed after it got its identity and before it was taken in asks again.
    if (start.kind === "join" || manager.isMemberless) await this.#joinRaft(manager, signal);
    else if (member !== undefined && member.address !== this.address) this.#move(manager);
  }

  /**
   * The others learn a new address through the log. Until then they answer on the streams that this
   * manager dials, so it takes part all the while and need not be waited for.
   */
  #move(manager: Manager): void {
    const { log } = this.#deps;
    const { signal } = this.#managerAbort;
    const move = async (): Promise<void> => {
      while (!signal.aborted) {
        try {
          await this.#joinRaft(manager, signal);
          log.info("the managers know the new address", { address: this.address });
          return;
        } catch (error) {
          if (signal.aborted) return;
          const { code, message } = AppError.from(error);
          log.warn("the managers do not know the new address yet", { address: this.address, code, message });
          await sleep(this.#deps.env, MOVE_RETRY_MS, signal).catch(() => undefined);
        }
      }
    };
    this.#moving = move();
  }

  /** A promoted node's manager: empty, or as far as an earlier attempt got. */
  async promote(managerClass: typeof Manager, retired: Retired | null, signal: AbortSignal): Promise<void> {
    assert(this.#manager === null, "a node has one manager");
    const manager = this.#makeManager(managerClass, retired);
    this.#manager = manager;
    try {
      await this.#startManager(manager, { kind: "restart" }, signal);
    } catch (error) {
      await this.stopManager();
      throw error;
    }
  }

  /** The agent finds another manager for its session. */
  async stopManager(): Promise<void> {
    const manager = this.#manager;
    this.#managerAbort.abort();
    this.#managerAbort = new AbortController();
    await this.#moving;
    await manager?.stop();
    this.#manager = null;
  }

  /** The agent first: its goodbye travels through a manager, perhaps this one. */
  async stop(how: AgentStop): Promise<void> {
    await this.agent.stop(how);
    this.#managerAbort.abort();
    await this.#moving;
    await this.#manager?.stop();
  }

  /** Idempotent on the leader, so every unclear answer is simply asked again. */
  async #joinRaft(manager: Manager, signal: AbortSignal): Promise<void> {
    const { address: ownAddress, protocols = PROTOCOLS } = this.#options;
    const request = { address: ownAddress, protocolMax: protocols.max };
    const { env, dialer, log, identity } = this.#deps;
    const members = manager.replica.members().filter(({ id }) => id !== identity.nodeId);
    const known = [...members.map(({ address }) => address), ...this.agent.managers, ...this.#options.managers];
    const managers = [...new Set(known)].filter((address) => members.length > 0 || address !== this.address);
    if (managers.length === 0) {
      throw new AppError("precondition", "This manager was never taken in, and knows no other manager to ask", {
        path: "join",
        next: "start it with --join HOST:PORT of another manager",
      });
    }
    const until = env.now() + JOIN_DEADLINE_MS;
    let last: AppError | null = null;
    for (let at = 0; env.now() < until; at += 1) {
      const address = managers[at % managers.length] ?? "";
      const channel = dialer.dial(address, { peer: { kind: "manager" }, profile: "control" });
      try {
        await call(channel, "Raft.Join", request, { deadlineMs: JOIN_ATTEMPT_MS, signal });
        return;
      } catch (error) {
        last = AppError.from(error);
        log.debug("join attempt failed", { address, code: last.code, message: last.message });
        if (!MAY_PASS.has(last.code)) break;
        await sleep(env, JOIN_PAUSE_MS, signal);
      } finally {
        channel.close();
      }
    }
    if (last !== null && !MAY_PASS.has(last.code)) throw last;
    throw new AppError("unavailable", `No manager took this one in: ${last?.message ?? "none answered"}`, {
      next: "check that the managers' addresses reach the leader, then start the daemon again",
    });
  }
}
