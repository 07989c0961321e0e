// npm run bench -- profile: where a write's CPU time goes in the leader and the followers, and what lies under it (the
// floors): by CPU profiles of the running managers, taken under load. One JSON object a line; times per write.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { LocalCluster } from "../lib/local-cluster.ts";
import type { LocalNode } from "../lib/local-cluster.ts";
import { httpGet, waitFor } from "../lib/run.ts";
import { ROOT } from "../lib/shoal.ts";
import { floors } from "./floors.ts";
import { shoalWrites } from "./sides.ts";
import { round } from "./stats.ts";

const PROBE = join(ROOT, "scripts/bench/cpu-probe.mjs");
const WARM_SECONDS = 10;
const WRITTEN_MS = 20_000;

/**
 * A part of the work, and what the URLs of its code contain; the first that fits the innermost frame counts. Native
 * code is one part to the profiler: system calls, TLS, HTTP/2 framing.
 */
const PARTS: readonly (readonly [part: string, patterns: readonly string[]])[] = [
  [
    "encode, decode",
    [
      "/src/proto/gen/",
      "/src/proto/wire",
      "/src/proto/load",
      "/src/proto/strict",
      "frame-codec",
      "entry-codec",
      "/replica/bytes",
    ],
  ],
  ["snapshot", ["snapshotter", "snapshot-store", "/store/snapshot"]],
  ["disk", ["/src/disk/", "abstract-level", "classic-level", "log-storage", "flusher", "log-records"]],
  ["raft", ["/src/raft/", "/src/manager/replica/"]],
  ["store, apply", ["/src/store/"]],
  ["validate, answer", ["/src/manager/control/", "/src/model/"]],
  ["orchestrate, schedule", ["/src/manager/orchestrator/", "/src/manager/scheduler/", "/src/manager/sessions/"]],
  ["gRPC", ["@grpc/grpc-js", "/src/proto/"]],
  [
    "HTTP/2, sockets, streams",
    ["node:internal/http2", "node:internal/stream", "node:net", "node:_tls", "node:_http", "node:events"],
  ],
];

type Profile = {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
};

export async function benchProfile({ clients, seconds }: { clients: number; seconds: number }): Promise<void> {
  process.stdout.write(`${JSON.stringify({ bench: "floors", ...(await floors()) })}\n`);
  await using cluster = new LocalCluster({}, ["--import", PROBE]);
  for (let at = 0; at < 3; at += 1) {
    const node = await cluster.add("manager");
    cluster.boot(node, { SHOAL_CPU_PROBE: profileOf(node) });
  }
  await cluster.ready();
  const leader = await cluster.leader();
  const side = shoalWrites("leader", cluster, leader);
  await write(side, clients, WARM_SECONDS);
  await side.tidy?.();
  const before = await flushes(leader);
  for (const node of cluster.managers) node.child?.kill("SIGUSR2");
  const writes = await write(side, clients, seconds);
  for (const node of cluster.managers) node.child?.kill("SIGUSR2");
  const after = await flushes(leader);
  for (const node of cluster.managers) {
    const role = node === leader ? "leader" : "follower";
    const parts = await partsOf(node, writes);
    process.stdout.write(`${JSON.stringify({ bench: "profile", role, clients, writes, ...parts })}\n`);
  }
  const count = after.count - before.count;
  process.stdout.write(
    `${JSON.stringify({ bench: "profile", role: "leader", flushes: count, writesPerFlush: round(writes / count), meanFlushMs: round((after.ms - before.ms) / count, 3) })}\n`,
  );
}

function profileOf(node: LocalNode): string {
  return join(node.dir, "cpu");
}

async function write(side: ReturnType<typeof shoalWrites>, clients: number, seconds: number): Promise<number> {
  const load = await side.begin();
  const until = performance.now() + seconds * 1000;
  let writes = 0;
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (; performance.now() < until; writes += 1) await load.operate(client);
    }),
  );
  load.end();
  return writes;
}

/** Micro-seconds of CPU time a write, in all and by part. */
async function partsOf(node: LocalNode, writes: number): Promise<Record<string, unknown>> {
  const file = profileOf(node);
  await waitFor("a CPU profile", WRITTEN_MS, () => (existsSync(file) ? true : undefined));
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, "utf8")) as Profile;
  rmSync(file);
  const byId = new Map(nodes.map((one) => [one.id, one]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const times = new Map<string, number>();
  let busy = 0;
  for (const [at, id] of samples.entries()) {
    const part = partOf(id, byId, parents);
    if (part === null) continue;
    const us = timeDeltas[at] ?? 0;
    busy += us;
    times.set(part, (times.get(part) ?? 0) + us);
  }
  const sorted = [...times].toSorted(([, a], [, b]) => b - a);
  return {
    usPerWrite: round(busy / writes),
    parts: Object.fromEntries(sorted.map(([part, us]) => [part, round(us / writes)])),
  };
}

/** null: idle, or the profiler's own work. */
function partOf(
  id: number,
  byId: ReadonlyMap<number, Profile["nodes"][number]>,
  parents: ReadonlyMap<number, number>,
): string | null {
  const name = byId.get(id)?.callFrame.functionName;
  if (name === "(idle)") return null;
  if (name === "(garbage collector)") return "garbage collection";
  if (name === "(program)") return "native";
  for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
    const url = byId.get(at)?.callFrame.url ?? "";
    if (url === "node:inspector") return null;
    const found = PARTS.find(([, patterns]) => patterns.some((pattern) => url.includes(pattern)));
    if (found !== undefined) return found[0];
  }
  return "other";
}

async function flushes(node: LocalNode): Promise<{ readonly count: number; readonly ms: number }> {
  const { text } = await httpGet(`http://${node.httpAddress}/metrics`, 10_000);
  const value = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1] ?? 0);
  return { count: value("shoal_raft_flushes"), ms: value("shoal_raft_flush_seconds") * 1000 };
}
