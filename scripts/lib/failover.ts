// Kills the leader's container while clients write, and measures: how long nobody's write was accepted, whether every
// acknowledged write is still there, and whether the tasks' containers noticed. scripts/failover prints one round;
// longer proofs and the benchmark call measureFailover() again and again.
import { request } from "node:http";

import { loadContext } from "../../src/cli/context.ts";
import type { Context } from "../../src/cli/context.ts";
import { call } from "../../src/proto/client.ts";
import { GrpcDialer } from "../../src/proto/grpc-client.ts";
import type { TlsSource } from "../../src/proto/grpc-tls.ts";
import type { Channel } from "../../src/proto/rpc.ts";
import { AppError, isAppError } from "../../src/util/errors.ts";
import { newId } from "../../src/util/id.ts";
import { silentLogger } from "../../src/util/log.ts";
import { realEnv } from "../../src/util/real-env.ts";
import { runOk, waitFor } from "./run.ts";
import { ShoalCli } from "./shoal.ts";

export type FailoverOptions = {
  readonly project: string;
  readonly clients: number;
  /** `kill`: SIGKILL. `stop`: SIGTERM, as a reboot in order. */
  readonly how: "kill" | "stop";
  /** Instead of the context of the project's name among this user's. */
  readonly context?: Context;
  /** For the command line, where that context lies elsewhere. */
  readonly env?: NodeJS.ProcessEnv;
};

export type FailoverResult = {
  readonly how: string;
  readonly clients: number;
  readonly killed: string;
  readonly newLeader: string;
  /** From just before the kill to the first answer to a write that was sent after it. */
  readonly firstAcceptedMs: number;
  /** The longest time between two accepted writes of anybody. */
  readonly longestGapMs: number;
  readonly acknowledged: number;
  /** Acknowledged, and not there afterwards. */
  readonly lost: number;
  /** Names that are there more than once. */
  readonly twice: number;
  /** Writes that ended with an error that a client could not repeat away. */
  readonly failed: number;
  readonly containersChanged: boolean;
};

/** Writing before the kill, and after the first write was accepted again. */
const BEFORE_MS = 1_500;
const AFTER_MS = 1_500;
/** Longer than this without any accepted write is a broken cluster, not a failover. */
const STALL_MS_MAX = 30_000;
const ATTEMPT_MS = 2_000;
const RETRY_PAUSE_MS = 5;
/** Between two writes of one client: thousands of services to remove again would be most of the run. */
const WRITE_PAUSE_MS = 5;
const REMOVERS = 16;
const HEAL_MS = 60_000;
const PAGE = 1_000;

type Acknowledged = { readonly name: string; readonly id: string; readonly sentAt: number; readonly at: number };

export async function measureFailover(options: FailoverOptions): Promise<FailoverResult> {
  const { project, clients, how } = options;
  const context = options.context ?? loadContext(project);
  const shoal = new ShoalCli({ context: project, env: options.env ?? process.env });
  const killed = await leaderOf(shoal);
  const container = await containerOf(project, killed);
  const clusterId = await shoal.clusterId();
  const containersBefore = await taskContainers(clusterId);
  const prefix = `failover-${newId(realEnv).slice(0, 6)}`;
  const writers = Array.from(
    { length: clients },
    (_, i) => new Writer({ context, prefix: `${prefix}-${i}`, first: i }),
  );
  const stopping = new AbortController();
  const work = writers.map(async (writer) => await writer.run(stopping.signal));
  try {
    await sleep(BEFORE_MS);
    if (!writers.some((writer) => writer.acknowledged.length > 0))
      throw new Error("No write was accepted before the kill");
    const killedAt = performance.now();
    await signalContainer(container, how);
    const first = await waitFor(
      "an accepted write after the kill",
      STALL_MS_MAX,
      () => firstAfter(writers, killedAt),
      20,
    );
    await sleep(AFTER_MS);
    stopping.abort();
    await Promise.all(work);
    const newLeader = await waitFor("the new leader's name", HEAL_MS, async () => await leaderOf(shoal));
    const reader = new Writer({ context, prefix, first: 0 });
    const there = await reader.list(prefix).finally(() => reader.close());
    const acknowledged = writers.flatMap((writer) => writer.acknowledged);
    const names = new Set(there.map(({ name }) => name));
    return {
      how,
      clients,
      killed,
      newLeader,
      firstAcceptedMs: Math.round(first.at - killedAt),
      longestGapMs: Math.round(longestGap(acknowledged)),
      acknowledged: acknowledged.length,
      lost: acknowledged.filter(({ name }) => !names.has(name)).length,
      twice: there.length - names.size,
      failed: writers.reduce((sum, writer) => sum + writer.failures.length, 0),
      containersChanged: (await taskContainers(clusterId)) !== containersBefore,
    };
  } finally {
    stopping.abort();
    await Promise.allSettled(work);
    await heal(shoal, container);
    await removeAll(context, prefix);
    for (const writer of writers) writer.close();
  }
}

/** One client: writes services with no replicas, one after another, and repeats each until it is answered. */
class Writer {
  readonly acknowledged: Acknowledged[] = [];
  readonly failures: string[] = [];
  readonly #prefix: string;
  readonly #hosts: readonly string[];
  readonly #dialer: GrpcDialer;
  #channel: Channel | null = null;
  #at: number;

  constructor({ context, prefix, first }: { context: Context; prefix: string; first: number }) {
    this.#prefix = prefix;
    this.#hosts = context.hosts;
    this.#at = first;
    this.#dialer = new GrpcDialer({ env: realEnv, log: silentLogger, credentials: source(context) });
  }

  async run(signal: AbortSignal): Promise<void> {
    for (let n = 0; !signal.aborted; n += 1) {
      await this.#write(`${this.#prefix}-${n}`);
      await sleep(WRITE_PAUSE_MS);
    }
  }

  async #write(name: string): Promise<void> {
    const requestId = newId(realEnv);
    const container = { image: "shoal/busybox:local" };
    const spec = { name, replicated: { replicas: 0 }, task: { container } };
    const end = performance.now() + STALL_MS_MAX;
    for (;;) {
      const sentAt = performance.now();
      try {
        const { service } = await call(
          this.#connect(),
          "Control.CreateService",
          { requestId, spec },
          { deadlineMs: ATTEMPT_MS },
        );
        this.acknowledged.push({ name, id: service?.id ?? "", sentAt, at: performance.now() });
        return;
      } catch (error) {
        if (!isRepeatable(error) || performance.now() > end) {
          this.failures.push(`${name}: ${AppError.from(error).code} ${AppError.from(error).message}`);
          return;
        }
        this.#next();
        await sleep(RETRY_PAUSE_MS);
      }
    }
  }

  /** Every service whose name begins so; linearizable, so nothing acknowledged is missed by reading too early. */
  async list(prefix: string): Promise<{ name: string; id: string }[]> {
    const found: { name: string; id: string }[] = [];
    let pageToken = "";
    do {
      const request = { pageSize: PAGE, pageToken };
      const page = await this.#repeat(
        async (channel) => await call(channel, "Control.ListServices", request, { deadlineMs: 10_000 }),
      );
      for (const { service } of page.services) {
        const name = service?.spec?.name ?? "";
        if (service !== null && name.startsWith(prefix)) found.push({ name, id: service.id });
      }
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return found;
  }

  async remove(id: string): Promise<void> {
    const requestId = newId(realEnv);
    await this.#repeat(
      async (channel) => await call(channel, "Control.RemoveService", { requestId, id }, { deadlineMs: ATTEMPT_MS }),
    );
  }

  close(): void {
    this.#channel?.close();
    this.#channel = null;
  }

  async #repeat<T>(work: (channel: Channel) => Promise<T>): Promise<T> {
    const end = performance.now() + STALL_MS_MAX;
    for (;;) {
      try {
        return await work(this.#connect());
      } catch (error) {
        if (!isRepeatable(error) || performance.now() > end) throw error;
        this.#next();
        await sleep(RETRY_PAUSE_MS);
      }
    }
  }

  #connect(): Channel {
    const host = this.#hosts[this.#at % this.#hosts.length] ?? "";
    this.#channel ??= this.#dialer.dial(host, { peer: { kind: "manager" }, profile: "control" });
    return this.#channel;
  }

  #next(): void {
    this.close();
    this.#at += 1;
  }
}

/** A context never changes while a round runs. */
function source({ rootCertificatePem, certificatePem, keyPem }: Context): TlsSource {
  return { current: () => ({ rootCertificatePem, identity: { certificatePem, keyPem } }), onChange: () => () => {} };
}

function isRepeatable(error: unknown): boolean {
  return ["not-leader", "unavailable", "unknown-outcome", "deadline", "exhausted"].some(
    (code) => isAppError(error) && error.code === code,
  );
}

function firstAfter(writers: readonly Writer[], killedAt: number): Acknowledged | undefined {
  const after = writers.flatMap((writer) => writer.acknowledged.filter(({ sentAt }) => sentAt > killedAt));
  return after.toSorted((a, b) => a.at - b.at)[0];
}

function longestGap(list: readonly Acknowledged[]): number {
  const times = list.map(({ at }) => at).toSorted((a, b) => a - b);
  return times.reduce((longest, at, i) => Math.max(longest, i === 0 ? 0 : at - (times[i - 1] ?? at)), 0);
}

async function leaderOf(shoal: ShoalCli): Promise<string> {
  const leader = (await shoal.nodes()).find((node) => node.manager === "LEADER");
  if (leader?.spec === undefined || leader.spec === null) throw new Error("No manager leads");
  return leader.spec.name || (leader.description?.hostname ?? "");
}

/** A node's name is its service's name in docker-compose.cluster.yml. */
async function containerOf(project: string, service: string): Promise<string> {
  const labels = [`com.docker.compose.project=${project}`, `com.docker.compose.service=${service}`];
  const id = await runOk([
    "docker",
    "ps",
    "-q",
    "--no-trunc",
    ...labels.flatMap((label) => ["--filter", `label=${label}`]),
  ]);
  if (id === "") throw new Error(`No container of ${service} runs: is the cluster ${project} up, and in containers?`);
  return id;
}

/** Id and start time of every container the cluster runs, as one text. */
async function taskContainers(clusterId: string): Promise<string> {
  const ids = await runOk(["docker", "ps", "-q", "--filter", `label=shoal.cluster=${clusterId}`]);
  if (ids === "") return "";
  const lines = await runOk(["docker", "inspect", "--format", "{{.Id}} {{.State.StartedAt}}", ...ids.split("\n")]);
  return lines.split("\n").toSorted().join("\n");
}

/** Straight to the engine's socket: starting a docker client would add 50 ms to every figure. */
async function signalContainer(container: string, how: "kill" | "stop"): Promise<void> {
  const socketPath = (process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock").replace(/^unix:\/\//, "");
  const path = `/containers/${container}/kill?signal=${how === "kill" ? "SIGKILL" : "SIGTERM"}`;
  await new Promise<void>((resolve, reject) => {
    const call = request({ socketPath, method: "POST", path }, (response) => {
      response.resume();
      if (response.statusCode === 204) resolve();
      else reject(new Error(`The engine answered ${response.statusCode ?? 0} to ${path}`));
    });
    call.once("error", reject);
    call.end();
  });
}

/** Starts the killed manager again and waits until all managers are reachable. */
async function heal(shoal: ShoalCli, container: string): Promise<void> {
  await runOk(["docker", "start", container]);
  await waitFor("all managers", HEAL_MS, async () => {
    const managers = (await shoal.nodes()).filter((node) => node.role === "MANAGER");
    return managers.every((node) => node.manager === "LEADER" || node.manager === "REACHABLE") ? true : undefined;
  });
}

async function removeAll(context: Context, prefix: string): Promise<void> {
  const remover = new Writer({ context, prefix, first: 0 });
  try {
    const left = await remover.list(prefix);
    await Promise.all(
      Array.from({ length: REMOVERS }, async () => {
        for (let next = left.pop(); next !== undefined; next = left.pop()) await remover.remove(next.id);
      }),
    );
  } finally {
    remover.close();
  }
}

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
