/** A cluster of replicas in one process: simulated time, network and disks, and a state machine that remembers. */
import { Router } from "../../src/proto/router.ts";
import type { ReplicaOptions } from "../../src/manager/replica/options.ts";
import { Replica } from "../../src/manager/replica/replica.ts";
import type { StateMachine } from "../../src/manager/replica/types.ts";
import type { Member } from "../../src/raft/types.ts";
import type { Restore } from "../../src/store/types.ts";
import { AppError } from "../../src/util/errors.ts";
import { silentLogger } from "../../src/util/log.ts";
import { MemoryDisk } from "./memory-kv.ts";
import { MemoryNetwork, type MemoryNode } from "./memory-rpc.ts";
import { Sim, type SimEnv } from "./sim-env.ts";

export const CLUSTER_ID = "cluster1";

/** Every applied payload as text, with its index. */
export class Journal implements StateMachine {
  lines: string[] = [];
  version = 0;
  restores = 0;
  readonly leadership: string[] = [];
  /** Size of the pieces a snapshot is encoded in. */
  pieceLines = 10;

  apply({ index, payload }: { index: number; payload: Uint8Array }): void {
    this.#advanceTo(index);
    this.lines.push(`${index}:${Buffer.from(payload).toString()}`);
  }

  advance(index: number): void {
    this.#advanceTo(index);
  }

  #advanceTo(index: number): void {
    if (index !== this.version + 1) throw new Error(`applied ${index} after ${this.version}`);
    this.version = index;
  }

  *snapshot(): Iterator<Uint8Array> {
    // A copy first: what is added later must not show.
    const lines = [...this.lines];
    for (let at = 0; at < lines.length; at += this.pieceLines) {
      yield Buffer.from(lines.slice(at, at + this.pieceLines).join("\n") + "\n");
    }
  }

  beginRestore(index: number): Restore {
    const body: Uint8Array[] = [];
    return {
      add: (bytes) => void body.push(bytes),
      step: () => false,
      replace: () => {
        const text = Buffer.concat(body).toString();
        this.lines = text === "" ? [] : text.trimEnd().split("\n");
        this.version = index;
        this.restores += 1;
      },
    };
  }

  leadershipGained(term: number): void {
    this.leadership.push(`gained ${term}`);
  }

  leadershipLost(): void {
    this.leadership.push("lost");
  }
}

export type TestNode = {
  readonly id: string;
  readonly disk: MemoryDisk;
  env: SimEnv;
  network: MemoryNode;
  replica: Replica;
  journal: Journal;
  readonly fatal: Error[];
  removed: number;
  isUp: boolean;
};

export class ReplicaCluster {
  readonly sim: Sim;
  readonly network: MemoryNetwork;
  readonly nodes = new Map<string, TestNode>();
  readonly #options: Partial<ReplicaOptions>;
  #incarnations = 0;

  constructor({ seed = 1, options = {} }: { seed?: number; options?: Partial<ReplicaOptions> } = {}) {
    this.sim = new Sim(seed);
    this.network = new MemoryNetwork(this.sim.env("network"), {
      delayMs: () => 0.2 + this.sim.random() * 0.5,
    });
    this.#options = options;
  }

  /** Founding members, started. */
  async bootstrap(ids: readonly string[]): Promise<void> {
    const members = ids.map((id): Member => ({ id, address: `${id}:7377`, role: "voter" }));
    for (const id of ids) await this.startNode(id, { members });
  }

  async startNode(
    id: string,
    bootstrap: { members: readonly Member[] } | null,
    overrides: Partial<ReplicaOptions> = {},
  ): Promise<TestNode> {
    const former = this.nodes.get(id);
    const env = this.sim.env(`${id}.${++this.#incarnations}`);
    const disk = former?.disk ?? new MemoryDisk();
    disk.faults = { writeDelayMs: (_store, sync) => (sync ? 0.5 + this.sim.random() : 0.1) };
    const identity = { kind: "node", nodeId: id, role: "manager", clusterId: CLUSTER_ID } as const;
    const network = this.network.node(id, { env, identity });
    const journal = new Journal();
    const fatal: Error[] = [];
    const node: TestNode = {
      id,
      disk,
      env,
      network,
      journal,
      fatal,
      removed: 0,
      isUp: true,
      replica: new Replica(
        { env, log: silentLogger, dialer: network.dialer, kvFactory: disk.factory(env) },
        {
          clusterId: CLUSTER_ID,
          nodeId: id,
          dataDir: `/data/${id}`,
          onFatal: (error) => fatal.push(error),
          onRemoved: () => (node.removed += 1),
          ...this.#options,
          ...overrides,
        },
      ),
    };
    node.replica.setStateMachine(journal);
    this.nodes.set(id, node);
    const router = new Router(silentLogger);
    node.replica.registerRpcs(router);
    router.setLeaderRoute({
      isLeader: () => node.replica.isReadyLeader(),
      forward: async (path, request, context) => {
        const leader = node.replica.leader();
        if (leader === null) throw new AppError("unavailable", "No leader is known");
        const channel = network.dial(leader.address, { peer: { kind: "node", nodeId: leader.id } });
        return await channel.unary(path, request, { deadlineMs: 10_000, onBehalfOf: context.caller });
      },
    });
    network.listen(`${id}:7377`, router);
    await this.sim.resolve(node.replica.start(bootstrap), { timeoutMs: 5_000, what: `start of ${id}` });
    return node;
  }

  /** The process is killed; its machine answers with resets, or not at all. */
  kill(id: string, { silent = false, power = false }: { silent?: boolean; power?: boolean } = {}): void {
    const node = this.node(id);
    node.isUp = false;
    node.network.kill({ silent });
    node.env.kill();
    node.disk.crash({ kind: power ? "power" : "process", random: () => this.sim.random() });
  }

  async restart(id: string, overrides: Partial<ReplicaOptions> = {}): Promise<TestNode> {
    return await this.startNode(id, null, overrides);
  }

  node(id: string): TestNode {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  get up(): TestNode[] {
    return [...this.nodes.values()].filter((node) => node.isUp);
  }

  /** The one that leads in the highest term, ready to accept proposals. */
  leaderOrNull(): TestNode | null {
    let best: TestNode | null = null;
    for (const node of this.up) {
      if (!node.replica.isReadyLeader() || node.env.isPaused) continue;
      if (best === null || node.replica.status().term > best.replica.status().term) best = node;
    }
    return best;
  }

  async leader(timeoutMs = 10_000): Promise<TestNode> {
    await this.sim.runUntil(() => this.leaderOrNull() !== null, { timeoutMs, what: "a leader" });
    const leader = this.leaderOrNull();
    if (leader === null) throw new Error("unreachable: there was a leader in this very moment");
    return leader;
  }

  followers(): TestNode[] {
    const leader = this.leaderOrNull();
    return this.up.filter((node) => node !== leader);
  }

  /** Proposes on the leader and waits until it is applied there. */
  async write(text: string, timeoutMs = 10_000): Promise<number> {
    const leader = await this.leader(timeoutMs);
    const { index } = leader.replica.propose(Buffer.from(text));
    await this.sim.runUntil(() => leader.journal.version >= index, { timeoutMs, what: `commit of ${text}` });
    return index;
  }

  /** Until all of these have applied the same, at least up to `index`. */
  async converge(index: number, ids?: readonly string[], timeoutMs = 10_000): Promise<void> {
    const nodes = ids === undefined ? this.up : ids.map((id) => this.node(id));
    await this.sim.runUntil(
      () => nodes.every(({ journal }) => journal.version >= index && journal.version === nodes[0]?.journal.version),
      { timeoutMs, what: `convergence at ${index}` },
    );
  }
}

/** Ids of a cluster of three. */
export const THREE = ["a", "b", "c"] as const;

export async function threeReplicas(
  seed = 1,
  options: Partial<ReplicaOptions> = {},
): Promise<{ cluster: ReplicaCluster; leader: TestNode }> {
  const cluster = new ReplicaCluster({ seed, options });
  await cluster.bootstrap(THREE);
  return { cluster, leader: await cluster.leader() };
}

/** What was applied, without its indexes. */
export function texts(node: TestNode): string[] {
  return node.journal.lines.map((line) => line.slice(line.indexOf(":") + 1));
}
