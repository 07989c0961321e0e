// npm run bench -- writes | reads: Shoal beside a 3-member etcd in the same run. One JSON object a line per number of
// clients. Shoal's managers run on the image's Node and always speak mutual TLS. `ratio` compares them with an etcd in the
// clear, as it comes; `tlsRatio` with one that has mutual TLS for clients and peers, too.
import { startLocalCluster } from "../lib/local-cluster.ts";
import type { LocalCluster, LocalNode } from "../lib/local-cluster.ts";
import { startEtcd, type EtcdCluster } from "./etcd.ts";
import { compare, type Figures, type RoundsOptions, type Side } from "./rounds.ts";
import {
  etcdFollower,
  etcdLeader,
  etcdReads,
  etcdWrites,
  fillEtcd,
  fillShoal,
  shoalReads,
  shoalWrites,
} from "./sides.ts";
import { round } from "./stats.ts";

export type BesideOptions = RoundsOptions & { readonly etcd: boolean };

type Both = {
  readonly cluster: LocalCluster;
  readonly leader: LocalNode;
  readonly follower: LocalNode;
  readonly etcds: readonly Etcd[];
};

/** Its sides are named after it. */
type Etcd = { readonly name: "etcd" | "etcd over TLS"; readonly cluster: EtcdCluster };

export async function benchWrites(options: BesideOptions): Promise<void> {
  await withBoth(options, async ({ cluster, leader, follower, etcds }, node) => {
    const sides: Side[] = [
      shoalWrites("leader", cluster, leader),
      shoalWrites("follower", cluster, follower),
      ...etcds.map((etcd) => etcdWrites(etcd.name, etcd.cluster)),
    ];
    for await (const { clients, of } of compare(sides, options)) {
      const follow = of.get("follower");
      print({
        said: { bench: "writes", clients, n: options.rounds, node },
        ours: of.get("leader"),
        etcd: of.get("etcd"),
        overTls: of.get("etcd over TLS"),
        more: { followerPerSec: follow?.perSec, followerP50Ms: follow?.p50Ms },
      });
    }
  });
}

export async function benchReads(options: BesideOptions): Promise<void> {
  await withBoth(options, async ({ cluster, leader, follower, etcds }, node) => {
    await fillShoal(cluster);
    const sides: Side[] = [shoalReads("leader", cluster, leader), shoalReads("follower", cluster, follower)];
    for (const etcd of etcds) {
      await fillEtcd(etcd.cluster);
      sides.push(
        etcdReads(`${etcd.name} leader`, etcd.cluster, etcdLeader),
        etcdReads(`${etcd.name} follower`, etcd.cluster, etcdFollower),
      );
    }
    for await (const { clients, of } of compare(sides, options)) {
      for (const at of ["leader", "follower"]) {
        print({
          said: { bench: "reads", at, clients, n: options.rounds, node },
          ours: of.get(at),
          etcd: of.get(`etcd ${at}`),
          overTls: of.get(`etcd over TLS ${at}`),
          more: {},
        });
      }
    }
  });
}

async function withBoth(options: BesideOptions, measure: (both: Both, node: string) => Promise<void>): Promise<void> {
  await using cluster = await startLocalCluster({ managers: 3 });
  const etcds: Etcd[] = [];
  try {
    if (options.etcd) {
      etcds.push({ name: "etcd", cluster: await startEtcd() });
      etcds.push({ name: "etcd over TLS", cluster: await startEtcd({ tls: true }) });
    }
    const leader = await cluster.leader();
    const follower = cluster.managers.find((manager) => manager !== leader) ?? leader;
    await measure({ cluster, leader, follower, etcds }, process.version);
  } finally {
    for (const etcd of etcds) await etcd.cluster.stop();
  }
}

type Line = {
  readonly said: Readonly<Record<string, unknown>>;
  readonly ours: Figures | undefined;
  readonly etcd: Figures | undefined;
  readonly overTls: Figures | undefined;
  readonly more: Readonly<Record<string, unknown>>;
};

function print({ said, ours, etcd, overTls, more }: Line): void {
  const beside = columns("etcd", "ratio", ours, etcd);
  const besideTls = columns("tls", "tlsRatio", ours, overTls);
  process.stdout.write(`${JSON.stringify({ ...said, ...ours, ...more, ...beside, ...besideTls })}\n`);
}

/** Another side's figures under its own names; none where one of the two was not measured. */
function columns(
  prefix: string,
  ratio: string,
  ours: Figures | undefined,
  theirs: Figures | undefined,
): Record<string, number> {
  if (ours === undefined || theirs === undefined) return {};
  return {
    [`${prefix}PerSec`]: theirs.perSec,
    [`${prefix}P50Ms`]: theirs.p50Ms,
    [`${prefix}P99Ms`]: theirs.p99Ms,
    [ratio]: round(ours.perSec / theirs.perSec, 2),
  };
}
