// The streams between managers, as their logs tell: how soon one that went half-open is given up, and how soon managers
// that could not connect do so when they can again. The kernel and grpc-js alone take minutes for either.
import { startHostCluster } from "../../test/support/host-cluster.ts";
import type { HostCluster, HostNode } from "../../test/support/host-cluster.ts";
import { waitFor } from "../lib/run.ts";
import { print, progress, sleep, spread } from "./report.ts";
import type { ProofOptions } from "./report.ts";

/** Far above what it takes, far below those minutes. */
const CHANGE_MS_MAX = 30_000;
/** A reset needs somebody who sends: an idle stream is probed several times in this. */
const RESET_MS = 1_500;
/** Attempts and their pauses last up to a second and a half: healing comes at any point of them. */
const APART_MS = { min: 2_000, spread: 2_000 } as const;
const BETWEEN_MS = 1_500;

export async function proveLinks({ runs }: ProofOptions): Promise<boolean> {
  await using links = await Links.start();
  const [detected, reconnected]: [number[], number[]] = [[], []];
  for (let run = 1; run <= runs; run += 1) {
    progress(`links ${run} of ${runs}`);
    const detectedMs = await links.halfOpen();
    await sleep(BETWEEN_MS);
    const reconnectedMs = await links.blackhole(APART_MS.min + Math.random() * APART_MS.spread);
    await sleep(BETWEEN_MS);
    print({ proof: "links", run, detectedMs, reconnectedMs });
    detected.push(detectedMs);
    reconnected.push(reconnectedMs);
  }
  print({ proof: "links", summary: true, n: runs, halfOpen: spread(detected), reconnected: spread(reconnected) });
  return true;
}

/** Three managers that tell of every stream; the last one is behind a proxy. */
export class Links implements AsyncDisposable {
  readonly cluster: HostCluster;
  readonly #ids: ReadonlyMap<string, string>;

  private constructor(cluster: HostCluster, ids: ReadonlyMap<string, string>) {
    this.cluster = cluster;
    this.#ids = ids;
  }

  static async start(): Promise<Links> {
    const settings = { SHOAL_LOG_LEVEL: "debug" };
    const cluster = await startHostCluster({ managers: 3, workers: 0, isLastProxied: true, settings });
    using client = cluster.client();
    const nodes = await client.nodes();
    return new Links(cluster, new Map(nodes.map(({ node }) => [node?.spec?.name ?? "", node?.id ?? ""])));
  }

  /** The way to the last manager freezes, with everything on it. @returns when another gave its stream up, ms */
  async halfOpen(): Promise<number> {
    const { proxy } = this.cluster;
    const [first, , last] = this.cluster.managers;
    if (proxy === null || first === undefined || last === undefined) throw new Error("The last manager has a proxy");
    const frozenAt = Date.now();
    proxy.freeze();
    const givenUpAt = await this.#told(first, { msg: "raft stream given up", of: last, since: frozenAt }).finally(() =>
      proxy.thaw(),
    );
    await this.#told(first, { msg: "raft stream open", of: last, since: Date.now() });
    return givenUpAt - frozenAt;
  }

  /** Two managers' connections are reset, and new ones get no answer, for so long. @returns until they had a stream, ms */
  async blackhole(forMs: number): Promise<number> {
    const [first, second] = this.cluster.managers;
    if (first === undefined || second === undefined) throw new Error("There are three managers");
    const rule = { direction: "both", peers: [second.host.address] } as const;
    const endReset = await first.filter.add({ ...rule, what: "reset" });
    await sleep(RESET_MS);
    const end = await first.filter.add({ ...rule, what: "drop-new" });
    await endReset();
    await sleep(forMs);
    const healedAt = Date.now();
    await end();
    const opened = { msg: "raft stream open", since: healedAt };
    // Either's stream carries the messages of both.
    const openAt = await Promise.race([
      this.#told(first, { ...opened, of: second }),
      this.#told(second, { ...opened, of: first }),
    ]);
    return openAt - healedAt;
  }

  /** Resolves with the time of the first line that says so of a peer. */
  async #told(
    node: HostNode,
    { msg, of, since }: { readonly msg: string; readonly of: HostNode; readonly since: number },
  ): Promise<number> {
    const peer = this.#ids.get(of.name) ?? "";
    return await waitFor(`${node.name}: ${msg}`, CHANGE_MS_MAX, () => {
      for (const line of node.log.split("\n").reverse()) {
        if (!line.includes(msg) || !line.includes(peer)) continue;
        const at = Date.parse((JSON.parse(line) as { time: string }).time);
        if (at < since) return undefined;
        return at;
      }
      return undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster.close();
  }
}
