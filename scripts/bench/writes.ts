// Writes per second beside etcd: 1 KiB service specs with no replicas against 1 KiB puts, the same Node client with 8
// channels to the leader, alternating rounds in one run. One JSON object a line per number of clients.
import { randomBytes } from "node:crypto";

import { call } from "../../src/proto/client.ts";
import type { Channel } from "../../src/proto/rpc.ts";
import { newId } from "../../src/util/id.ts";
import { realEnv } from "../../src/util/real-env.ts";
import { startLocalCluster } from "../lib/local-cluster.ts";
import type { LocalCluster, LocalNode } from "../lib/local-cluster.ts";
import { EtcdClient, startEtcd } from "./etcd.ts";
import { median, percentile, round } from "./stats.ts";

const CHANNELS = 8;
const VALUE_BYTES = 1024;

export type WritesOptions = {
  readonly clients: readonly number[];
  readonly rounds: number;
  readonly seconds: number;
  readonly etcd: boolean;
};

type Round = { readonly perSec: number; readonly p50Ms: number; readonly p99Ms: number };

export async function benchWrites(options: WritesOptions): Promise<void> {
  await using cluster = await startLocalCluster({ managers: 3 });
  const etcd = options.etcd ? await startEtcd() : null;
  try {
    const leader = await cluster.leader();
    const follower = cluster.managers.find((node) => node !== leader);
    for (const clients of options.clients) {
      const ours: Round[] = [];
      const viaFollower: Round[] = [];
      const theirs: Round[] = [];
      for (let round = 0; round < options.rounds; round += 1) {
        ours.push(await oneRound(shoalWriters(cluster, leader), clients, options.seconds));
        await removeAll(cluster, leader);
        if (follower !== undefined)
          viaFollower.push(await oneRound(shoalWriters(cluster, follower), clients, options.seconds));
        await removeAll(cluster, leader);
        if (etcd !== null) theirs.push(await oneRound(etcdWriters(await etcd.leader()), clients, options.seconds));
      }
      const perSec = median(ours.map((one) => one.perSec));
      const etcdPerSec = median(theirs.map((one) => one.perSec));
      process.stdout.write(
        `${JSON.stringify({
          bench: "writes",
          clients,
          n: options.rounds,
          perSec: round(perSec),
          p50Ms: round(median(ours.map((one) => one.p50Ms)), 2),
          p95PerSec: round(
            percentile(
              ours.map((one) => one.perSec),
              0.05,
            ),
          ),
          p99Ms: round(median(ours.map((one) => one.p99Ms)), 2),
          followerPerSec: round(median(viaFollower.map((one) => one.perSec))),
          followerP50Ms: round(median(viaFollower.map((one) => one.p50Ms)), 2),
          ...(etcd === null
            ? {}
            : {
                etcdPerSec: round(etcdPerSec),
                etcdP50Ms: round(median(theirs.map((one) => one.p50Ms)), 2),
                etcdP99Ms: round(median(theirs.map((one) => one.p99Ms)), 2),
                ratio: round(perSec / etcdPerSec, 2),
              }),
        })}\n`,
      );
    }
  } finally {
    await etcd?.stop();
  }
}

type Writers = { readonly write: (client: number) => Promise<void>; readonly close: () => void };

async function oneRound(writers: Writers, clients: number, seconds: number): Promise<Round> {
  const latencies: number[] = [];
  const startedAt = performance.now();
  const until = startedAt + seconds * 1000;
  const one = async (client: number): Promise<void> => {
    while (performance.now() < until) {
      const sentAt = performance.now();
      await writers.write(client);
      latencies.push(performance.now() - sentAt);
    }
  };
  await Promise.all(Array.from({ length: clients }, async (_, client) => await one(client)));
  const elapsed = (performance.now() - startedAt) / 1000;
  writers.close();
  return { perSec: latencies.length / elapsed, p50Ms: median(latencies), p99Ms: percentile(latencies, 0.99) };
}

function shoalWriters(cluster: LocalCluster, node: LocalNode): Writers {
  // `raft` and `bulk` channels are connections of their own; `control` ones to one address share theirs.
  const channels: Channel[] = Array.from({ length: CHANNELS }, () =>
    cluster.dialer.dial(node.address, { peer: { kind: "manager" }, profile: "raft" }),
  );
  const filler = randomBytes((VALUE_BYTES * 3) / 4 - 100).toString("base64");
  return {
    write: async (client) => {
      const channel = channels[client % CHANNELS];
      if (channel === undefined) return;
      const spec = {
        name: `w${newId(realEnv)}`,
        labels: { filler },
        replicated: { replicas: 0 },
        task: { container: { image: "app:1" } },
      };
      await call(channel, "Control.CreateService", { requestId: "", spec }, { deadlineMs: 30_000 });
    },
    close: () => {
      for (const channel of channels) channel.close();
    },
  };
}

function etcdWriters(endpoint: string): Writers {
  const clients = Array.from({ length: CHANNELS }, () => new EtcdClient(endpoint));
  const value = randomBytes(VALUE_BYTES);
  return {
    write: async (client) => {
      await clients[client % CHANNELS]?.put(Buffer.from(`w${newId(realEnv)}`), value);
    },
    close: () => {
      for (const client of clients) client.close();
    },
  };
}

/** Between rounds, so that every round meets a store of the same size. */
async function removeAll(cluster: LocalCluster, leader: LocalNode): Promise<void> {
  for (;;) {
    const { services } = await cluster.call(leader, "Control.ListServices", { pageSize: 1000 });
    if (services.length === 0) return;
    const ids = services.map(({ service }) => service?.id ?? "");
    for (let at = 0; at < ids.length; at += 64) {
      await Promise.all(
        ids
          .slice(at, at + 64)
          .map(async (id) => await cluster.call(leader, "Control.RemoveService", { requestId: "", id }, 30_000)),
      );
    }
  }
}
