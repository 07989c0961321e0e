// The managers as the proof's clients see them: each called by itself, and who of them leads.
import type { HostCluster } from "../../../test/support/host-cluster.ts";
import type { Context } from "../../../src/cli/context.ts";
import { RotatingCredentials } from "../../../src/pki/credentials.ts";
import { call } from "../../../src/proto/client.ts";
import { GrpcDialer } from "../../../src/proto/grpc-client.ts";
import type { KeysOf, RequestInput, Response } from "../../../src/proto/load.ts";
import type { Channel } from "../../../src/proto/rpc.ts";
import { silentLogger } from "../../../src/util/log.ts";
import { realEnv } from "../../../src/util/real-env.ts";
import { sleep } from "../report.ts";

const LOOK_EVERY_MS = 100;
const LOOK_MS = 400;

/** One client's connections: one to each manager, none is preferred. */
export class Managers implements Disposable {
  readonly #channels: readonly Channel[];

  constructor(context: Context) {
    const { rootCertificatePem, certificatePem, keyPem } = context;
    const credentials = new RotatingCredentials({ rootCertificatePem, certificatePem, keyPem });
    const dialer = new GrpcDialer({ env: realEnv, log: silentLogger, credentials });
    this.#channels = context.hosts.map((host) => dialer.dial(host, { peer: { kind: "manager" }, profile: "control" }));
  }

  get count(): number {
    return this.#channels.length;
  }

  channel(at: number): Channel {
    const channel = this.#channels[at % this.count];
    if (channel === undefined) throw new Error("A context has hosts");
    return channel;
  }

  async call<K extends KeysOf<"unary">>(
    at: number,
    key: K,
    request: RequestInput<K>,
    deadlineMs: number,
  ): Promise<Response<K>> {
    return await call(this.channel(at), key, request, { deadlineMs });
  }

  [Symbol.dispose](): void {
    for (const channel of this.#channels) channel.close();
  }
}

/** Looks all the time at who leads, as each manager believes. */
export class Monitor {
  readonly #cluster: HostCluster;
  readonly #managers: Managers;
  /** Who led in which term. */
  readonly #leaders = new Map<number, string>();
  readonly problems: string[] = [];
  #latest = { term: 0, id: "" };
  #ids: ReadonlyMap<string, string> = new Map();
  #isOver = false;
  #looking: Promise<unknown> = Promise.resolve();

  constructor(cluster: HostCluster) {
    this.#cluster = cluster;
    this.#managers = new Managers(cluster.context);
  }

  async start(): Promise<void> {
    using client = this.#cluster.client();
    const nodes = await client.nodes();
    this.#ids = new Map(nodes.map(({ node }) => [node?.spec?.name ?? "", node?.id ?? ""]));
    this.#looking = Promise.all(this.#cluster.managers.map(async (_, at) => await this.#look(at)));
  }

  /** Terms in which somebody was seen to lead. */
  get terms(): number {
    return this.#leaders.size;
  }

  idOf(name: string): string {
    return this.#ids.get(name) ?? "";
  }

  /** The name of who led last. */
  get leader(): string {
    return [...this.#ids].find(([, id]) => id === this.#latest.id)?.[0] ?? "";
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#looking;
    this.#managers[Symbol.dispose]();
  }

  async #look(at: number): Promise<void> {
    while (!this.#isOver) {
      const seen = await this.#managers
        .call(at, "Control.GetCluster", { consistency: "STALE" }, LOOK_MS)
        .catch(() => null);
      if (seen !== null && seen.leaderId !== "") this.#note(seen.term, seen.leaderId);
      await sleep(LOOK_EVERY_MS);
    }
  }

  #note(term: number, id: string): void {
    const known = this.#leaders.get(term);
    if (known !== undefined && known !== id) this.problems.push(`two leaders in term ${term}: ${known} and ${id}`);
    this.#leaders.set(term, id);
    if (term >= this.#latest.term) this.#latest = { term, id };
  }
}
