import { expect } from "chai";
import fc from "fast-check";
import { freeOf } from "../../../../src/manager/scheduler/load-filter.ts";
import { ABSENT, NodeBook, portConflict } from "../../../../src/manager/scheduler/node-info.ts";
import { needsOf } from "../../../../src/manager/scheduler/needs.ts";
import type { Node, Task } from "../../../../src/model/index.ts";
import { node, spec, task } from "../../../support/loops/objects.ts";

const SPECS = [
  spec({ memoryMiB: 10, generic: { gpu: 1 } }),
  spec({ cpus: 0.5, ports: [{ published: 80 }], constraints: ["service != b"] }),
  spec({ memoryMiB: 7, cpus: 0.25, generic: { ssd: 3 } }),
];

const GENERIC = [
  { kind: "gpu", count: 0, names: ["g1", "g2"] },
  { kind: "ssd", count: 4, names: [] },
];

/** Everything that planning reads of a book. */
function summary(book: NodeBook): unknown {
  return [...book.nodes()]
    .map((info) => ({
      id: info.node.id,
      engine: info.engine.key,
      tasks: info.tasks,
      agents: [...info.engine.nodes.keys()].sort(),
      free: ["cpu", "memory", "gpu", "ssd"].map((kind) => freeOf(info, kind)),
      names: info.engine.generic.give(info.stock, needsOf(spec({ generic: { gpu: 2 } })), []),
      ofService: ["a", "b"].map((id) => [info.services.get(id) ?? ABSENT, info.engine.services.get(id) ?? ABSENT]),
      shuns: [...(info.engine.shuns.get("b") ?? [])],
      wanted: ["a", "b"].map((id) => book.wantedOf(id)),
      portTaken: portConflict(info, spec({ ports: [{ published: 80 }] }).ports) !== null,
    }))
    .sort((x, y) => (x.id < y.id ? -1 : 1));
}

describe("manager/scheduler: accounting", () => {
  const change = fc.oneof(
    fc.record({
      kind: fc.constant("node" as const),
      id: fc.constantFrom("n1", "n2", "n3"),
      engineId: fc.constantFrom("e1", "e2", ""),
    }),
    fc.record({ kind: fc.constant("gone" as const), id: fc.constantFrom("n1", "n2", "n3") }),
    fc.record({
      kind: fc.constant("task" as const),
      id: fc.constantFrom("t1", "t2", "t3", "t4", "t5"),
      nodeId: fc.constantFrom("n1", "n2", "n3"),
      desired: fc.constantFrom("RUNNING" as const, "SHUTDOWN" as const),
      state: fc.constantFrom("PENDING" as const, "ASSIGNED" as const, "RUNNING" as const, "FAILED" as const),
    }),
    fc.record({ kind: fc.constant("deleted" as const), id: fc.constantFrom("t1", "t2", "t3", "t4", "t5") }),
  );

  it("kept from any changes is what a rebuild gives", () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const book = new NodeBook();
        const nodes = new Map<string, Node>();
        const tasks = new Map<string, Task>();
        const specOf = (id: string): (typeof SPECS)[number] => SPECS[Number(id.slice(1)) % SPECS.length]!;
        for (const entry of changes) {
          switch (entry.kind) {
            case "node":
              nodes.set(entry.id, node(entry.id, { engineId: entry.engineId, generic: GENERIC }));
              book.setNode(nodes.get(entry.id)!);
              break;
            case "gone":
              nodes.delete(entry.id);
              book.removeNode(entry.id);
              break;
            case "task": {
              const nodeId = entry.state === "PENDING" ? "" : entry.nodeId;
              const generic = entry.id === "t3" ? [{ kind: "gpu", count: 0, names: ["g1"] }] : [];
              const part = { nodeId, serviceId: entry.id < "t3" ? "a" : "b", desired: entry.desired, generic };
              tasks.set(entry.id, task(entry.id, { ...part, status: { state: entry.state } }));
              book.setTask(tasks.get(entry.id)!, specOf(entry.id));
              break;
            }
            case "deleted":
              tasks.delete(entry.id);
              book.removeTask(entry.id);
          }
        }
        const rebuilt = new NodeBook();
        for (const object of nodes.values()) rebuilt.setNode(object);
        for (const object of tasks.values()) rebuilt.setTask(object, specOf(object.id));
        expect(summary(book)).to.deep.equal(summary(rebuilt));
      }),
      { numRuns: 300 },
    );
  });

  it("counts a task once however often it is heard of", () => {
    const book = new NodeBook();
    book.setNode(node("n1", { memoryMiB: 100 }));
    const assigned = task("t1", { nodeId: "n1", status: { state: "ASSIGNED" } });
    for (let times = 0; times < 3; times += 1) book.setTask(assigned, SPECS[0]);
    expect(freeOf(book.get("n1")!, "memory")).to.equal(90 * 2 ** 20);
    book.removeTask("t1");
    book.removeTask("t1");
    expect(freeOf(book.get("n1")!, "memory")).to.equal(100 * 2 ** 20);
  });
});
