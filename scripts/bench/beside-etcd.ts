// npm run bench -- writes | reads: Shoal beside a 3-member etcd in the same run. One JSON object a line per number of
// clients. Shoal's managers run on the image's Node and speak mutual TLS, etcd's members neither.
import { startLocalCluster } from "../lib/local-cluster.ts";
import type { LocalCluster, LocalNode } from "../lib/local-cluster.ts";
import { runOk } from "../lib/run.ts";
import { startEtcd, type EtcdCluster } from "./etcd.ts";
import { imageNode } from "./image-node.ts";
import { compare, type Figures, type RoundsOptions, type Side } from "./rounds.ts";
import { etcdReads, etcdWrites, fillEtcd, fillShoal, shoalReads, shoalWrites } from "./sides.ts";
import { round } from "./stats.ts";

export type BesideOptions = RoundsOptions & { readonly etcd: boolean };

type Both = {
  readonly cluster: LocalCluster;
  readonly leader: LocalNode;
  readonly follower: LocalNode;
  readonly etcd: EtcdCluster | null;
};

export async function benchWrites(options: BesideOptions): Promise<void> {
  await withBoth(options, async ({ cluster, leader, follower, etcd }, node) => {
    const sides: Side[] = [shoalWrites("leader", cluster, leader), shoalWrites("follower", cluster, follower)];
    if (etcd !== null) sides.push(etcdWrites(() => etcd.leader()));
    for await (const { clients, of } of compare(sides, options)) {
      print(
        "writes",
        clients,
        { ...options, node },
        { ours: of.get("leader"), theirs: of.get("etcd") },
        {
          followerPerSec: of.get("follower")?.perSec,
          followerP50Ms: of.get("follower")?.p50Ms,
        },
      );
    }
  });
}

export async function benchReads(options: BesideOptions): Promise<void> {
  await withBoth(options, async ({ cluster, leader, follower, etcd }, node) => {
    await fillShoal(cluster);
    const sides: Side[] = [shoalReads("leader", cluster, leader), shoalReads("follower", cluster, follower)];
    if (etcd !== null) {
      await fillEtcd(await etcd.leader());
      const other = async (): Promise<string> => {
        const first = await etcd.leader();
        return etcd.endpoints.find((endpoint) => endpoint !== first) ?? first;
      };
      sides.push(
        etcdReads("etcd leader", () => etcd.leader()),
        etcdReads("etcd follower", other),
      );
    }
    for await (const { clients, of } of compare(sides, options)) {
      for (const at of ["leader", "follower"]) {
        print("reads", clients, { ...options, node }, { ours: of.get(at), theirs: of.get(`etcd ${at}`) }, { at });
      }
    }
  });
}

async function withBoth(options: BesideOptions, measure: (both: Both, node: string) => Promise<void>): Promise<void> {
  const binary = await imageNode();
  process.env["SHOAL_NODE"] = binary;
  const version = (await runOk([binary, "--version"])).trim();
  await using cluster = await startLocalCluster({ managers: 3 });
  const etcd = options.etcd ? await startEtcd() : null;
  try {
    const leader = await cluster.leader();
    const follower = cluster.managers.find((manager) => manager !== leader) ?? leader;
    await measure({ cluster, leader, follower, etcd }, version);
  } finally {
    await etcd?.stop();
  }
}

function print(
  bench: string,
  clients: number,
  { rounds, node }: { readonly rounds: number; readonly node: string },
  { ours, theirs }: { readonly ours: Figures | undefined; readonly theirs: Figures | undefined },
  more: Readonly<Record<string, unknown>>,
): void {
  const beside =
    theirs === undefined || ours === undefined
      ? {}
      : {
          etcdPerSec: theirs.perSec,
          etcdP50Ms: theirs.p50Ms,
          etcdP99Ms: theirs.p99Ms,
          ratio: round(ours.perSec / theirs.perSec, 2),
        };
  process.stdout.write(`${JSON.stringify({ bench, ...more, clients, n: rounds, node, ...ours, ...beside })}\n`);
}
