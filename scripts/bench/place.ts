/** How long the scheduler takes for many tasks at once: the planner alone, one pass over speculative state, in one process. */
import { performance } from "node:perf_hooks";
import { askOf } from "../../src/manager/scheduler/ask.ts";
import { demandOf } from "../../src/manager/scheduler/demand.ts";
import { Placer } from "../../src/manager/scheduler/place.ts";
import { bookOf } from "../../src/manager/scheduler/scheduler.ts";
import { specOf } from "../../src/manager/scheduler/demand.ts";
import type { ReadTx } from "../../src/store/types.ts";
import { node, service, spec, task } from "../../test/support/loops/objects.ts";
import type { SpecPart } from "../../test/support/loops/objects.ts";
import { leadingStore } from "../../test/support/leading-store.ts";
import { Sim } from "../../test/support/sim-env.ts";
import { aRevision } from "../../test/support/store/objects.ts";
import { median, percentile, round } from "./stats.ts";

export type PlaceOptions = { readonly tasks: number; readonly nodes: number; readonly rounds: number };

/** What the tasks of one service ask; `services` share the tasks. */
const CASES: Readonly<Record<string, { readonly part: SpecPart; readonly services: number }>> = {
  "by number": { part: {}, services: 1 },
  "by room": { part: { memoryMiB: 64, cpus: 0.1 }, services: 1 },
  packed: { part: { memoryMiB: 64, cpus: 0.1, strategy: "BINPACK" }, services: 1 },
  "two levels of spread": {
    part: { memoryMiB: 64, spread: ["node.labels.zone", "node.labels.rack"], constraints: ["node.labels.disk exists"] },
    services: 1,
  },
  "a thousand services": { part: { memoryMiB: 64, constraints: ["node.labels.zone in (0, 1, 2)"] }, services: 1000 },
  "nothing fits": { part: { memoryMiB: 1_000_000 }, services: 1 },
};

export function benchPlace({ tasks, nodes, rounds }: PlaceOptions): void {
  for (const [name, { part, services }] of Object.entries(CASES)) {
    const times: number[] = [];
    let placed = 0;
    for (let at = 0; at <= rounds; at += 1) {
      const tx = stateOf(part, { tasks, nodes, services });
      const began = performance.now();
      placed = placeAll(tx);
      // The first warms the compiler up.
      if (at > 0) times.push(performance.now() - began);
    }
    const ms = { median: round(median(times)), max: round(percentile(times, 1)) };
    process.stdout.write(
      `${JSON.stringify({ bench: "place", case: name, tasks, nodes, services, placed, ms, n: rounds })}\n`,
    );
  }
}

/** Everything waiting, and nothing placed. */
function stateOf(part: SpecPart, size: { tasks: number; nodes: number; services: number }): ReadTx {
  const store = leadingStore(new Sim(1).env("bench"));
  void store.update((tx) => {
    for (let at = 0; at < size.nodes; at += 1) {
      const labels = { zone: String(at % 3), rack: String(at % 9), disk: "ssd" };
      tx.put("node", node(`n${at}`, { labels, memoryMiB: 64 * 1024, cpus: 64 }));
    }
  });
  for (let at = 0; at < size.services; at += 1) {
    const id = `s${at}`;
    const asked = spec(part);
    void store.update((tx) => {
      tx.put("service", service(id, { replicas: size.tasks / size.services, task: asked }));
      tx.put("revision", aRevision({ id: `${id}/1`, serviceId: id, number: 1, spec: asked }));
    });
  }
  for (let from = 0; from < size.tasks; from += 500) {
    void store.update((tx) => {
      for (let at = from; at < Math.min(size.tasks, from + 500); at += 1) {
        const serviceId = `s${at % size.services}`;
        tx.put("task", task(`t${at}`, { serviceId, serviceName: serviceId, slot: Math.floor(at / size.services) + 1 }));
      }
    });
  }
  return store.speculative();
}

/** As the loop does it, without what it writes. @returns how many were placed */
function placeAll(tx: ReadTx): number {
  const book = bookOf(tx);
  let placed = 0;
  for (const { id, revision } of tx.all("service")) {
    const demand = demandOf(tx, { serviceId: id, revision });
    if (demand === null) continue;
    const placer = new Placer(book, demand);
    const asked = specOf(tx, { serviceId: id, revision });
    for (const waiting of tx.find("task", "service", id)) {
      const ask = askOf(tx, book, waiting);
      const info = placer.pick(ask);
      if (info === null) {
        placer.reason(ask);
        break;
      }
      book.setTask({ ...waiting, nodeId: info.node.id, status: { ...waiting.status!, state: "ASSIGNED" } }, asked);
      placer.placed(info);
      placed += 1;
    }
  }
  return placed;
}
