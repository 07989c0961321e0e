/** Tables with what is written over them, against tables in which it was all written at once. */
import { expect } from "chai";
import fc from "fast-check";
import type { RequestRecord, Task } from "../../../src/model/index.ts";
import { OverlaySet } from "../../../src/store/overlay-set.ts";
import { runSteps, TableSet, type Step } from "../../../src/store/table-set.ts";
import type { ReadTx } from "../../../src/store/types.ts";
import { aRequest, aTask } from "../../support/store/objects.ts";

const IDS = ["a", "b", "c", "d"];
/** Lengths make slots. */
const NODES = ["", "n1", "n2", "n33"];

type Write = { readonly table: "task" | "request"; readonly id: string; readonly nodeId: string | null };
/** `abandon`: the writes of a transaction that ends in no entry. */
type Op =
  | { readonly kind: "propose" | "abandon"; readonly writes: readonly Write[] }
  | { readonly kind: "apply" }
  | { readonly kind: "supersede" };

const write: fc.Arbitrary<Write> = fc.record({
  table: fc.constantFrom("task" as const, "task" as const, "request" as const),
  id: fc.constantFrom(...IDS),
  /** Null removes. */
  nodeId: fc.constantFrom(...NODES, null),
});
const writes = fc.array(write, { minLength: 1, maxLength: 5 });
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("propose" as const), writes }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("abandon" as const), writes }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("apply" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("supersede" as const) }) },
);

class World {
  readonly committed = new TableSet();
  readonly speculative = new OverlaySet(this.committed);
  /** Everything that was ever written to the committed tables. */
  readonly #applied: Step[] = [];
  #inFlight: { readonly version: number; readonly steps: readonly Step[] }[] = [];
  #version = 0;

  run(todo: Op): void {
    if (todo.kind === "apply") this.#apply();
    else if (todo.kind === "supersede") this.#supersede();
    else {
      const version = this.#version + 1;
      const steps = todo.writes.map((part, at) => stepOf(part, `${version}.${at}`));
      const scratch = new OverlaySet(this.speculative);
      writeAs(scratch, version, steps);
      expectSame(scratch, this.#expected(steps), "a transaction sees what it wrote");
      if (todo.kind === "abandon") return;
      this.#version = version;
      writeAs(this.speculative, version, steps);
      this.#inFlight.push({ version, steps });
    }
  }

  #apply(): void {
    const entry = this.#inFlight.shift();
    if (entry === undefined) return;
    writeAs(this.committed, entry.version, entry.steps);
    this.#applied.push(...entry.steps);
    this.speculative.fold(entry.steps, entry.version);
  }

  /** By another leader's entry. */
  #supersede(): void {
    this.#inFlight = [];
    this.#version += 1;
    const steps = [stepOf({ table: "task", id: "a", nodeId: "n2" }, String(this.#version))];
    writeAs(this.committed, this.#version, steps);
    this.#applied.push(...steps);
    this.speculative.clear();
  }

  check(): void {
    expectSame(this.committed, this.#expected([], []), "nothing shows below before it is applied");
    expectSame(this.speculative, this.#expected([]), "all that is in flight shows above");
  }

  #expected(more: readonly Step[], inFlight = this.#inFlight): TableSet {
    const all = new TableSet();
    runSteps(all, [...this.#applied, ...inFlight.flatMap(({ steps }) => steps), ...more]);
    return all;
  }
}

function writeAs(tables: TableSet | OverlaySet, version: number, steps: readonly Step[]): void {
  tables.version = version;
  runSteps(tables, steps);
}

/** @param name shows which write a row is of */
function stepOf({ table, id, nodeId }: Write, name: string): Step {
  if (nodeId === null) return { table, id, after: undefined };
  return table === "task"
    ? { table, id, after: aTask({ id, nodeId, serviceId: "s", slot: nodeId.length, serviceName: name }) }
    : { table, id, after: aRequest({ id, hash: name }) };
}

function expectSame(actual: ReadTx, expected: ReadTx, what: string): void {
  expect(readAll(actual), what).to.equal(readAll(expected));
}

/** In all ways there are: in order where order is promised. */
function readAll(tx: ReadTx): string {
  const lines: string[] = [];
  for (const table of ["task", "request"] as const) {
    lines.push(`${table} ${tx.count(table)}: ${Array.from(tx.all(table), nameOf).join(" ")}`);
    lines.push(`by id: ${IDS.map((id) => nameOf(tx.get(table, id))).join(" ")}`);
  }
  lines.push(`of the service: ${tx.find("task", "service", "s").map(nameOf).join(" ")}`);
  for (const key of NODES) {
    lines.push(`on ${key}: ${tx.find("task", "node", key).map(nameOf).sort().join(" ")}`);
    lines.push(`in slot ${key.length}: ${tx.find("task", "slot", `s/${key.length}`).map(nameOf).sort().join(" ")}`);
  }
  return lines.join("\n");
}

/** Which row it is, and of which write. */
function nameOf(row: Task | RequestRecord | undefined): string {
  if (row === undefined) return "-";
  return `${row.id}=${"hash" in row ? row.hash : row.serviceName}`;
}

describe("store/overlay-set", () => {
  it("shows what full copies would, through transactions, their end without an entry, applied and superseded entries", () => {
    fc.assert(
      fc.property(fc.array(op, { maxLength: 24 }), (ops) => {
        const world = new World();
        for (const todo of ops) {
          world.run(todo);
          world.check();
        }
      }),
      { numRuns: 200 },
    );
  });
});
