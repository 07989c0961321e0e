// What proofs on the compose cluster share: starts of its containers, and what a container's first process uses.
import { readFileSync } from "node:fs";

import type { Cluster } from "../../test/support/cluster.ts";
import { EngineApi } from "../lib/engine-api.ts";
import { runOk } from "../lib/run.ts";

/** Away from a user's cluster (7377) and from the end-to-end tests' (17377). */
export const PROVE_PORT_BASE = 18_377;

/** Linux counts CPU time in hundredths of a second for every program. */
const TICKS_PER_S = 100;

export const NODES = ["manager1", "manager2", "manager3", "worker1", "worker2"] as const;

/** Calls back at every start of a container of this cluster, until closed. */
export async function watchStarts(clusterId: string, onStart: (id: string) => void): Promise<() => void> {
  const filters = { type: ["container"], event: ["start"], label: [`shoal.cluster=${clusterId}`] };
  const response = await new EngineApi().open("GET", `/events?filters=${encodeURIComponent(JSON.stringify(filters))}`);
  let rest = "";
  response.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onStart((JSON.parse(line) as { id: string }).id);
  });
  response.on("error", () => {}); // Its end is ours.
  return () => response.destroy();
}

/** The first process of a node's container, as the machine sees it. */
export async function pidOf(cluster: Cluster, node: string): Promise<number> {
  return Number(await runOk(["docker", "inspect", "--format", "{{.State.Pid}}", await cluster.containerOf(node)]));
}

export function rssMiB(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Math.round(Number(kib ?? 0) / 102.4) / 10;
}

/** User and system time so far. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}
