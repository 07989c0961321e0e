/**
 * One node, whichever its role: an agent, and on a manager a manager. All seams are arguments, so
 * that the simulator runs the same composition.
 */
import { Agent, type AgentStop } from "../agent/agent.ts";
import type { Executor } from "../agent/executor/executor.ts";
import type { DiskMarks } from "../manager/disk-guard.ts";
import type { Manager, ManagerBootstrap, ManagerTuning } from "../manager/manager.ts";
import type { NodeIdentity } from "../pki/types.ts";
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
  /** On a manager; null on a worker, which does not even load one: it costs 5 MiB. */
  readonly managerClass: typeof Manager | null;
  /** Free space of the data directory; null where nothing is measured. */
  readonly diskProbe: DiskProbe | null;
  readonly onFatal: (error: AppError) => void;
  readonly onRemoved: () => void;
  readonly tuning?: ManagerTuning;
};

export type NodeOptions = {
  readonly address: string;
  readonly name: string;
  /** Managers to dial first: from the join, or this node itself. */
  readonly managers: readonly string[];
  readonly version: string;
  /** How messages name the data directory. */
  readonly dataDir: string;
  readonly disk?: DiskMarks;
  /** Differs after the machine was restarted. */
  readonly bootId?: string;
};

/** How this start differs from an ordinary restart. */
export type NodeStart =
  | { readonly kind: "restart" }
  | { readonly kind: "init"; readonly bootstrap: ManagerBootstrap }
  /** A manager's first start: it asks to be a member of the Raft group. */
  | { readonly kind: "join" };

export class ClusterNode {
  readonly agent: Agent;
  readonly manager: Manager | null;
  readonly #deps: NodeDeps;
  readonly #options: NodeOptions;

  constructor(deps: NodeDeps, options: NodeOptions) {
    this.#deps = deps;
    this.#options = options;
    const { env, log, router, dialer, kvFactory, identity } = deps;
    assert((deps.managerClass !== null) === (identity.role === "manager"), "managers, and only they, have a manager");
    this.manager =
      deps.managerClass !== null
        ? new deps.managerClass({
            env,
            log,
            router,
            dialer,
            kvFactory,
            identity,
            address: options.address,
            dataDir: options.dataDir,
            diskProbe: deps.diskProbe,
            diskMarks: options.disk ?? { lowBytes: null, stopBytes: null },
            onFatal: deps.onFatal,
            onRemoved: deps.onRemoved,
            ...(deps.tuning === undefined ? {} : { tuning: deps.tuning }),
          })
        : null;
    this.agent = new Agent(
      { env, log: log.child({ part: "agent" }), dialer, router, executor: deps.executor, kvFactory, identity },
      {
        address: options.address,
        nodeName: options.name,
        managers: options.managers,
        version: options.version,
        ...(options.bootId === undefined ? {} : { bootId: options.bootId }),
      },
    );
  }

  /** gRPC host:port by which others reach it. */
  get address(): string {
    return this.#options.address;
  }

  /** @param signal gives up a start; what runs by then is ended by `stop`. */
  async start(start: NodeStart, signal: AbortSignal = new AbortController().signal): Promise<void> {
    const { manager } = this;
    await manager?.start(start.kind === "init" ? start.bootstrap : null, signal);
    // A manager that crashed after it got its identity and before it was taken in asks again.
    if (manager !== null && (start.kind === "join" || manager.isMemberless)) await this.#joinRaft(signal);
    if (signal.aborted) throw cancelled("Starting");
    await this.agent.start();
  }

  /** The agent first: its goodbye travels through a manager, perhaps this one. */
  async stop(how: AgentStop): Promise<void> {
    await this.agent.stop(how);
    await this.manager?.stop();
  }

  /** Idempotent on the leader, so every unclear answer is simply asked again. */
  async #joinRaft(signal: AbortSignal): Promise<void> {
    const { env, dialer, log } = this.#deps;
    if (this.#options.managers.length === 0) {
      throw new AppError("precondition", "This manager was never taken in, and knows no other manager to ask", {
        path: "join",
        next: "start it with --join HOST:PORT of another manager",
      });
    }
    const until = env.now() + JOIN_DEADLINE_MS;
    let last: AppError | null = null;
    for (let at = 0; env.now() < until; at += 1) {
      const address = this.#options.managers[at % this.#options.managers.length] ?? "";
      const channel = dialer.dial(address, { peer: { kind: "manager" }, profile: "control" });
      try {
        await call(channel, "Raft.Join", { address: this.#options.address }, { deadlineMs: JOIN_ATTEMPT_MS, signal });
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
