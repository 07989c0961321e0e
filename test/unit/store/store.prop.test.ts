/** The store against a plain object, through commits, refusals, throws and changes of leadership. */
import { expect } from "chai";
import fc from "fast-check";
import { protoStoreCodec } from "../../../src/manager/store-codec.ts";
import { toTransaction } from "../../../src/store/actions.ts";
import { TABLE_NAMES } from "../../../src/store/schema.ts";
import { Store } from "../../../src/store/store.ts";
import type { ChangeSet, ReadTx } from "../../../src/store/types.ts";
import { AppError } from "../../../src/util/errors.ts";
import { FakeLog, ManualEnv, type LogEntry } from "../../support/store/fake-log.ts";
import { aRequest, aTask } from "../../support/store/objects.ts";

type Write =
  | { readonly kind: "put"; readonly id: string; readonly slot: number; readonly nodeId: string }
  | { readonly kind: "remove"; readonly id: string }
  | { readonly kind: "remember"; readonly id: string };

type Op =
  | { readonly kind: "update"; readonly writes: readonly Write[]; readonly end: "commit" | "throw" }
  | { readonly kind: "deliver"; readonly count: number }
  | { readonly kind: "elect"; readonly lost: number; readonly foreign: number }
  | { readonly kind: "snapshot" }
  | { readonly kind: "sleep"; readonly ms: number };

const id = fc.constantFrom("t1", "t2", "t3", "t4", "t5");
const write: fc.Arbitrary<Write> = fc.oneof(
  fc.record({
    kind: fc.constant("put" as const),
    id,
    slot: fc.integer({ min: 1, max: 3 }),
    nodeId: fc.constantFrom("", "n1", "n2"),
  }),
  fc.record({ kind: fc.constant("remove" as const), id }),
  fc.record({ kind: fc.constant("remember" as const), id: fc.constantFrom("u/1", "u/2", "u/3") }),
);
const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("update" as const),
      writes: fc.array(write, { maxLength: 6 }),
      end: fc.constantFrom("commit" as const, "commit" as const, "commit" as const, "throw" as const),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("deliver" as const), count: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("elect" as const),
      lost: fc.integer({ min: 0, max: 3 }),
      foreign: fc.integer({ min: 0, max: 2 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("snapshot" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("sleep" as const), ms: fc.integer({ min: 0, max: 3_000_000 }) }),
  },
);

/** Tasks by id as `slot@node`, and what a request record would be. */
type Model = Map<string, string>;

class World {
  readonly env = new ManualEnv();
  readonly log = new FakeLog();
  readonly leader = new Store({ env: this.env, codec: protoStoreCodec }, { freezeRows: true });
  follower = new Store({ env: this.env, codec: protoStoreCodec }, { freezeRows: true });
  committed: Model = new Map();
  /** The model after each entry in flight. */
  readonly inFlight: Model[] = [];
  /** What commit listeners were told, replayed. */
  readonly told: Model = new Map();
  readonly outcomes: { expected: string; promise: Promise<string> }[] = [];
  readonly #expected: { value: string }[] = [];

  constructor() {
    this.leader.setProposer(this.log);
    this.leader.leadershipGained(this.log.term);
    this.leader.onCommit((set) => this.#tell(set));
  }

  speculative(): Model {
    return this.inFlight.at(-1) ?? this.committed;
  }

  update(writes: readonly Write[], end: "commit" | "throw"): void {
    const next = new Map(this.speculative());
    const before = this.log.last;
    const promise = this.leader.update((tx) => {
      for (const step of writes) {
        if (step.kind === "put") {
          tx.put("task", aTask({ id: step.id, slot: step.slot, nodeId: step.nodeId, serviceId: "s" }));
          next.set(step.id, `${step.slot}@${step.nodeId}`);
        } else if (step.kind === "remove") {
          tx.remove("task", step.id);
          next.delete(step.id);
        } else {
          tx.put("request", aRequest({ id: step.id, expiresAtMs: tx.timeMs + 3_600_000 }));
        }
        expect([...tasksOf(tx)], "a transaction reads its own writes").to.deep.equal([...next]);
      }
      if (end === "throw") throw new AppError("conflict", "thrown");
    });
    const outcome = promise.then(
      () => "resolved",
      (error: AppError) => error.code,
    );
    const hasEntry = this.log.last > before;
    // Without an entry of its own an update shares the fate of the one it follows.
    const expected = { value: end === "throw" ? "conflict" : hasEntry ? "resolved" : "any" };
    if (hasEntry) {
      this.inFlight.push(next);
      this.#expected.push(expected);
    }
    this.outcomes.push({
      get expected() {
        return expected.value;
      },
      promise: outcome,
    });
  }

  deliver(): void {
    if (this.inFlight.length === 0) return;
    this.#apply(this.log.take());
    this.committed = this.inFlight.shift() ?? this.committed;
    this.#expected.shift();
  }

  /**
   * Some of what is in flight is in the new leader's log; the rest is not, and may be replaced before this store is
   * told that it does not lead. It leads again.
   */
  elect(lost: number, foreign: number): void {
    while (this.inFlight.length > lost) this.deliver();
    const last = this.log.last - this.inFlight.length;
    for (let n = 1; n <= foreign; n += 1) this.#applyForeign(last + n);
    if (foreign > 0) expect(contents(this.leader.speculative())).to.deep.equal(contents(this.leader.view()));
    this.leader.leadershipLost();
    for (const expected of this.#expected.splice(0)) expected.value = "not-leader";
    this.log.inFlight.length = 0;
    this.inFlight.length = 0;
    this.log.term += 2;
    this.log.last = last + foreign + 1;
    this.leader.advance(this.log.last);
    this.follower.advance(this.log.last);
    this.leader.leadershipGained(this.log.term);
  }

  snapshot(): void {
    const fresh = new Store({ env: this.env, codec: protoStoreCodec });
    fresh.restore(iterate(this.leader.snapshot()), this.leader.view().version);
    this.follower = fresh;
  }

  check(): void {
    const speculative = this.leader.speculative();
    expect([...tasksOf(this.leader.view())]).to.deep.equal([...this.committed]);
    expect([...tasksOf(speculative)]).to.deep.equal([...this.speculative()]);
    expect(this.told, "changes add up to the state").to.deep.equal(this.committed);
    expect(contents(this.follower.view()), "replicas are equal").to.deep.equal(contents(this.leader.view()));
    if (this.inFlight.length === 0) expect(contents(speculative)).to.deep.equal(contents(this.leader.view()));
    for (const tx of [this.leader.view(), speculative]) checkIndexes(tx);
  }

  /** Of another leader, between this one's last term and its next. */
  #applyForeign(index: number): void {
    const task = aTask({ id: `t${(index % 5) + 1}`, slot: 3, nodeId: "n3", serviceId: "s" });
    const put = { kind: "put" as const, table: "task" as const, object: task };
    const payload = protoStoreCodec.encodeTransaction(toTransaction(this.leader.view().timeMs, [put]));
    this.committed = new Map(this.committed).set(task.id, "3@n3");
    this.#apply({ index, term: this.log.term + 1, payload });
  }

  #apply(entry: LogEntry): void {
    this.leader.apply(entry);
    this.follower.apply(entry);
  }

  #tell(set: ChangeSet): void {
    for (const change of set.changes) {
      if (change.table !== "task") continue;
      const known = this.told.get(change.id);
      const before = change.before === undefined ? undefined : `${change.before.slot}@${change.before.nodeId}`;
      expect(before, "a change names what was there").to.equal(known);
      if (change.after === undefined) this.told.delete(change.id);
      else this.told.set(change.id, `${change.after.slot}@${change.after.nodeId}`);
    }
  }
}

function tasksOf(tx: ReadTx): Model {
  return new Map([...tx.all("task")].map((task) => [task.id, `${task.slot}@${task.nodeId}`]));
}

function contents(tx: ReadTx): object {
  return {
    timeMs: tx.timeMs,
    version: tx.version,
    // Their order as well: that of request records decides which expire first.
    tables: Object.fromEntries(TABLE_NAMES.map((table) => [table, [...tx.all(table)]])),
  };
}

function checkIndexes(tx: ReadTx): void {
  for (const key of ["", "n1", "n2", "n3"]) {
    const expected = [...tx.all("task")].filter(({ nodeId }) => nodeId === key);
    expect(tx.find("task", "node", key)).to.have.members(expected);
  }
  for (const slot of [1, 2, 3]) {
    const expected = [...tx.all("task")].filter((task) => task.slot === slot);
    expect(tx.find("task", "slot", `s/${slot}`)).to.have.members(expected);
  }
}

function* iterate(body: Iterator<Uint8Array>): Generator<Uint8Array> {
  for (let piece = body.next(); piece.done !== true; piece = body.next()) yield piece.value;
}

async function run(ops: readonly Op[]): Promise<void> {
  const world = new World();
  for (const step of ops) {
    if (step.kind === "update") world.update(step.writes, step.end);
    else if (step.kind === "deliver") for (let n = 0; n < step.count; n += 1) world.deliver();
    else if (step.kind === "elect") world.elect(step.lost, step.foreign);
    else if (step.kind === "snapshot") world.snapshot();
    else world.env.advance(step.ms);
    world.check();
  }
  while (world.inFlight.length > 0) world.deliver();
  world.check();
  for (const { expected, promise } of world.outcomes) {
    const actual = await promise;
    if (expected !== "any") expect(actual).to.equal(expected);
  }
}

describe("store/store against a model", () => {
  it("keeps committed, speculative and replicated state equal to a plain object", async () => {
    await fc.assert(fc.asyncProperty(fc.array(op, { maxLength: 40 }), run), { numRuns: 150 });
  }).timeout(20_000);
});
