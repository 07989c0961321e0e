// What a failed round leaves behind for people: the schedule, the history, what watchers were told, and every log.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { HostCluster } from "../../../test/support/host-cluster.ts";
import type { Episode } from "./episode.ts";

/** Writes them below `folder`. */
export function keepEvidence(
  folder: string,
  cluster: HostCluster,
  { faults, history, evidence, problems }: Episode,
): void {
  mkdirSync(folder, { recursive: true });
  const write = (name: string, content: string): void => writeFileSync(join(folder, name), content);
  write("problems.txt", `${problems.join("\n\n")}\n`);
  write("faults.jsonl", lines(faults.events));
  write("registers.jsonl", lines(history.registers));
  write("services.jsonl", lines(history.services));
  write("writes.jsonl", lines(history.writes));
  write("watches.jsonl", lines(evidence?.testimonies ?? []));
  for (const node of cluster.managers) write(`${node.name}.log`, node.log);
}

function lines(items: readonly unknown[]): string {
  return items.map((item) => `${JSON.stringify(item)}\n`).join("");
}
