import { expect } from "chai";
import { protoStoreCodec } from "../../../src/manager/store-codec.ts";
import { REQUEST_TTL_MS } from "../../../src/store/actions.ts";
import { Store, UNKNOWN_AFTER_MS } from "../../../src/store/store.ts";
import { TRANSACTION_BYTES_MAX, type ChangeSet, type WriteTx } from "../../../src/store/types.ts";
import { AssertionFailure } from "../../../src/util/assert.ts";
import { AppError } from "../../../src/util/errors.ts";
import { FakeLog, ManualEnv } from "../../support/store/fake-log.ts";
import { aNode, aRequest, aService, aServiceSpec, aTask } from "../../support/store/objects.ts";

type Rig = { readonly env: ManualEnv; readonly log: FakeLog; readonly store: Store };

function aStore({ leading = true }: { leading?: boolean } = {}): Rig {
  const env = new ManualEnv();
  const log = new FakeLog();
  const store = new Store({ env, codec: protoStoreCodec }, { freezeRows: true });
  store.setProposer(log);
  if (leading) store.leadershipGained(log.term);
  return { env, log, store };
}

function commitOne({ store, log }: Rig): void {
  store.apply(log.take());
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return error instanceof AppError ? error.code : String(error);
  }
  return "resolved";
}

/** The state of a promise now, without waiting for it. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol("pending");
  return (await Promise.race([promise.catch(() => undefined), Promise.resolve().then(() => pending)])) !== pending;
}

const putTask =
  (id: string, serviceId = "s1") =>
  (tx: WriteTx): void =>
    tx.put("task", aTask({ id, serviceId }));

describe("store/store: updates", () => {
  it("shows a change to speculation at once and to the committed view only after the entry is applied", async () => {
    const rig = aStore();
    const { store } = rig;
    const done = store.update((tx) => {
      tx.put("task", aTask({ id: "t1" }));
      return 7;
    });
    expect(store.speculative().get("task", "t1")?.id).to.equal("t1");
    expect(store.view().get("task", "t1")).to.equal(undefined);
    commitOne(rig);
    expect(await done).to.deep.equal({ value: 7, version: 1 });
    expect(store.view().get("task", "t1")?.id).to.equal("t1");
  });

  it("stamps the entry's index and cluster time, and keeps the time of creation", async () => {
    const rig = aStore();
    const { store, env } = rig;
    const created = env.wall;
    const first = store.update(putTask("t1"));
    commitOne(rig);
    await first;
    env.advance(5_000);
    const second = store.update(putTask("t1"));
    commitOne(rig);
    await second;
    expect(store.view().get("task", "t1")?.meta).to.deep.equal({
      version: 2,
      createdAtMs: created,
      updatedAtMs: created + 5_000,
    });
  });

  for (const jumpMs of [-86_400_000, 86_400_000]) {
    it(`lets cluster time pass as time does when the leader's wall clock jumps by ${jumpMs} ms`, async () => {
      const rig = aStore();
      const { store, env } = rig;
      const start = env.wall;
      const first = store.update(putTask("t1"));
      env.wall += jumpMs;
      env.advance(500);
      const second = store.update((tx) => {
        expect(tx.timeMs).to.equal(start + 500);
        tx.put("task", aTask({ id: "t2" }));
      });
      commitOne(rig);
      commitOne(rig);
      await Promise.all([first, second]);
      expect(store.view().timeMs).to.equal(start + 500);
    });
  }

  it("pipelines: a later update reads what an earlier one in flight wrote", async () => {
    const rig = aStore();
    const { store, log } = rig;
    const updates = [1, 2, 3].map((n) =>
      store.update((tx) => {
        const before = tx.find("task", "service", "s1").length;
        tx.put("task", aTask({ id: `t${n}`, serviceId: "s1" }));
        return before;
      }),
    );
    expect(log.inFlight.map(({ index }) => index)).to.deep.equal([1, 2, 3]);
    for (const _ of updates) commitOne(rig);
    expect((await Promise.all(updates)).map(({ value, version }) => [value, version])).to.deep.equal([
      [0, 1],
      [1, 2],
      [2, 3],
    ]);
  });

  it("undoes every write when the callback throws, and proposes nothing", async () => {
    const rig = aStore();
    const { store, log } = rig;
    const first = store.update((tx) => {
      tx.put("task", aTask({ id: "t1", nodeId: "n1" }));
      tx.put("task", aTask({ id: "t2", nodeId: "n1" }));
    });
    commitOne(rig);
    await first;
    const failed = store.update((tx) => {
      tx.put("task", aTask({ id: "t1", nodeId: "n2" }));
      tx.remove("task", "t2");
      tx.put("task", aTask({ id: "t3", nodeId: "n2" }));
      throw new AppError("conflict", "no");
    });
    expect(await codeOf(failed)).to.equal("conflict");
    expect(log.inFlight).to.have.length(0);
    const speculative = store.speculative();
    expect(speculative.find("task", "node", "n1").map(({ id }) => id)).to.have.members(["t1", "t2"]);
    expect(speculative.find("task", "node", "n2")).to.deep.equal([]);
    expect(speculative.count("task")).to.equal(2);
  });

  it("undoes every write when the log refuses the entry", async () => {
    const { store, log } = aStore();
    const failed = store.update((tx) => {
      tx.put("task", aTask({ id: "t1" }));
      log.refusal = new AppError("exhausted", "full");
    });
    expect(await codeOf(failed)).to.equal("exhausted");
    expect(store.speculative().get("task", "t1")).to.equal(undefined);
  });

  it("refuses a transaction beyond the bound with its size and leaves no trace of it", async () => {
    const { store, log } = aStore();
    const text = "x".repeat(1024);
    const failed = store.update((tx) => {
      for (let n = 0; n <= TRANSACTION_BYTES_MAX / 1024; n += 1)
        tx.put("task", aTask({ id: `t${n}`, serviceName: text }));
    });
    expect(await codeOf(failed)).to.equal("exhausted");
    expect(store.speculative().count("task")).to.equal(0);
    expect(log.inFlight).to.have.length(0);
  });

  it("resolves an update without writes only when what it read is committed", async () => {
    const rig = aStore();
    const { store } = rig;
    const write = store.update(putTask("t1"));
    const read = store.update((tx) => tx.get("task", "t1")?.id);
    expect(await isSettled(read)).to.equal(false);
    commitOne(rig);
    await write;
    expect(await read).to.deep.equal({ value: "t1", version: 1 });
    expect(await store.update((tx) => tx.count("task"))).to.deep.equal({ value: 1, version: 1 });
  });

  it("refuses updates and speculation while not leading", async () => {
    const { store } = aStore({ leading: false });
    expect(await codeOf(store.update(putTask("t1")))).to.equal("not-leader");
    expect(() => store.speculative()).to.throw(AppError, "not the leader");
  });

  it("refuses a write through a transaction kept beyond its callback", async () => {
    const rig = aStore();
    let kept: WriteTx | undefined;
    const done = rig.store.update((tx) => {
      kept = tx;
      putTask("t1")(tx);
    });
    expect(() => kept?.put("task", aTask({ id: "t2" }))).to.throw(AssertionFailure);
    commitOne(rig);
    await done;
  });

  it("stores what a replica decodes, so a row without its defaults reads the same on every manager", async () => {
    const rig = aStore();
    const follower = aStore({ leading: false });
    const sparse = { id: "t1", serviceId: "s1" } as ReturnType<typeof aTask>;
    const done = rig.store.update((tx) => tx.put("task", sparse));
    const entry = rig.log.take();
    rig.store.apply(entry);
    follower.store.apply(entry);
    await done;
    expect(rig.store.view().get("task", "t1")).to.deep.equal(follower.store.view().get("task", "t1"));
    expect(rig.store.view().get("task", "t1")?.ports).to.deep.equal([]);
  });

  it("finds services and nodes by name without regard to case", async () => {
    const rig = aStore();
    const done = rig.store.update((tx) => {
      tx.put("service", aService({ id: "s1", spec: aServiceSpec({ name: "Web" }) }));
      tx.put("node", aNode({ id: "n1", description: { hostname: "Alpha" } as never }));
    });
    commitOne(rig);
    await done;
    expect(rig.store.view().find("service", "name", "web")).to.have.length(1);
    expect(rig.store.view().find("node", "name", "alpha")).to.have.length(1);
  });
});

describe("store/store: losing leadership", () => {
  it("resolves an update whose entry is applied after leadership was lost", async () => {
    const rig = aStore();
    const done = rig.store.update(putTask("t1"));
    rig.store.leadershipLost();
    commitOne(rig);
    expect((await done).version).to.equal(1);
    expect(rig.env.timers).to.equal(0);
  });

  it("rejects as not made what another leader's entry replaced, and all that followed it", async () => {
    const rig = aStore();
    const { store, log } = rig;
    const updates = [store.update(putTask("t1")), store.update(putTask("t2")), store.update(putTask("t3"))];
    const codes = Promise.all(updates.map(codeOf));
    commitOne(rig);
    store.leadershipLost();
    const other = aStore();
    other.log.term = 2;
    other.store.leadershipLost();
    other.store.leadershipGained(2);
    void other.store.update(putTask("t9"));
    store.apply({ ...other.log.take(), index: 2, term: 2 });
    expect(await codes).to.deep.equal(["resolved", "not-leader", "not-leader"]);
    expect([...store.view().all("task")].map(({ id }) => id)).to.deep.equal(["t1", "t9"]);
    expect(log.inFlight).to.have.length(2);
  });

  it("rejects as not made what a new leader's no-op replaced", async () => {
    const { store } = aStore();
    const code = codeOf(store.update(putTask("t1")));
    store.leadershipLost();
    store.advance(1);
    expect(await code).to.equal("not-leader");
    expect(store.view().version).to.equal(1);
  });

  it("answers outcome unknown when the log stays silent, and still applies the entry when it comes", async () => {
    const rig = aStore();
    const promise = rig.store.update(putTask("t1"));
    const code = codeOf(promise);
    rig.store.leadershipLost();
    rig.env.advance(UNKNOWN_AFTER_MS - 1);
    expect(await isSettled(promise)).to.equal(false);
    rig.env.advance(1);
    expect(await code).to.equal("unknown-outcome");
    commitOne(rig);
    expect(rig.store.view().get("task", "t1")?.id).to.equal("t1");
  });

  it("rejects what lies beyond its own new no-op when it leads again", async () => {
    const { store, log } = aStore();
    log.last = 4; // indexes 1..4 hold entries of the log's own
    store.advance(4);
    const code = codeOf(store.update(putTask("t1")));
    store.leadershipLost();
    log.term = 3;
    store.leadershipGained(3);
    expect(await code).to.equal("not-leader");
    expect(store.speculative().count("task")).to.equal(0);
  });

  it("drops speculation, so the next leadership starts from what is committed", async () => {
    const rig = aStore();
    const code = codeOf(rig.store.update(putTask("t1")));
    rig.store.leadershipLost();
    rig.log.inFlight.length = 0;
    rig.store.advance(1);
    rig.log.term = 2;
    rig.log.last = 1;
    rig.store.leadershipGained(2);
    expect(rig.store.speculative().get("task", "t1")).to.equal(undefined);
    expect(await code).to.equal("not-leader");
  });
});

describe("store/store: listeners", () => {
  it("tells speculative listeners in the turn of the update and commit listeners in the turn of the apply", async () => {
    const rig = aStore();
    const seen: string[] = [];
    rig.store.onSpeculative((changes) => seen.push(`speculative ${changes.map(({ id }) => id).join()}`));
    rig.store.onCommit((set) => seen.push(`commit ${set.version} ${set.changes.map(({ id }) => id).join()}`));
    const done = rig.store.update(putTask("t1"));
    expect(seen).to.deep.equal(["speculative t1"]);
    commitOne(rig);
    expect(seen).to.deep.equal(["speculative t1", "commit 1 t1"]);
    await done;
  });

  it("folds several writes of one row into one change, and leaves out what came and went", async () => {
    const rig = aStore();
    const sets: ChangeSet[] = [];
    rig.store.onCommit((set) => sets.push(set));
    const done = rig.store.update((tx) => {
      tx.put("task", aTask({ id: "t1", slot: 1 }));
      tx.put("task", aTask({ id: "t1", slot: 2 }));
      tx.put("task", aTask({ id: "t2" }));
      tx.remove("task", "t2");
    });
    commitOne(rig);
    await done;
    expect(
      sets[0]?.changes.map(({ id, before, after }) => [id, before, (after as { slot: number }).slot]),
    ).to.deep.equal([["t1", undefined, 2]]);
  });

  it("surfaces a listener's failure without losing the entry", async () => {
    const rig = aStore();
    rig.store.onCommit(() => {
      throw new Error("a bug");
    });
    const done = rig.store.update(putTask("t1"));
    commitOne(rig);
    expect((await done).version).to.equal(1);
    expect(() => rig.env.turn()).to.throw("a bug");
  });
});

describe("store/store: request records", () => {
  it("expire by cluster time, in the entry after it, on leader and follower alike", async () => {
    const rig = aStore();
    const follower = aStore({ leading: false });
    const step = async (change: (tx: WriteTx) => void): Promise<void> => {
      const done = rig.store.update(change);
      const entry = rig.log.take();
      rig.store.apply(entry);
      follower.store.apply(entry);
      await done;
    };
    await step((tx) => tx.put("request", aRequest({ id: "u/1", expiresAtMs: tx.timeMs + REQUEST_TTL_MS })));
    await step((tx) => tx.put("request", aRequest({ id: "u/2", expiresAtMs: tx.timeMs + REQUEST_TTL_MS + 1 })));
    rig.env.advance(REQUEST_TTL_MS);
    await step(putTask("t1"));
    for (const { store } of [rig, follower]) {
      expect([...store.view().all("request")].map(({ id }) => id)).to.deep.equal(["u/2"]);
    }
    expect([...rig.store.speculative().all("request")].map(({ id }) => id)).to.deep.equal(["u/2"]);
  });
});

describe("store/store: snapshot", () => {
  it("restores a body that was cut anywhere on its way, and refuses one that ends too early", async () => {
    const rig = aStore();
    for (let at = 0; at < 300; at += 1) {
      const done = rig.store.update(putTask(`t${at}`));
      commitOne(rig);
      await done;
    }
    const whole = Buffer.concat([...iterate(rig.store.snapshot())]);
    for (const size of [3, 1000, 7919, whole.length]) {
      const cut: Uint8Array[] = [];
      for (let at = 0; at < whole.length; at += size) cut.push(whole.subarray(at, at + size));
      const store = new Store({ env: rig.env, codec: protoStoreCodec });
      store.restore(cut, 300);
      expect(store.view().count("task"), `cut every ${size} bytes`).to.equal(300);
    }
    const store = new Store({ env: rig.env, codec: protoStoreCodec });
    expect(() => store.restore([whole.subarray(0, -1)], 300)).to.throw(/ends inside a piece/);
  });

  it("shows nothing of a body before it is complete and read to the end, a bounded piece a step", async () => {
    const rig = aStore();
    const done = rig.store.update((tx) => {
      for (let n = 0; n < 6_000; n += 1) tx.put("task", aTask({ id: `t${n}`, serviceId: "s1", slot: n }));
    });
    commitOne(rig);
    await done;
    const whole = Buffer.concat([...iterate(rig.store.snapshot())]);
    const { store } = aStore({ leading: false });
    const restore = store.beginRestore(7);
    expect(restore.step()).to.equal(false);
    const cut = whole.length - 10;
    restore.add(whole.subarray(0, cut));
    let steps = 0;
    while (restore.step()) steps += 1;
    expect(steps).to.be.greaterThan(1);
    expect(() => restore.replace()).to.throw(/ends inside a piece/);
    expect([store.view().count("task"), store.view().version]).to.deep.equal([0, 0]);
    restore.add(whole.subarray(cut));
    while (restore.step());
    expect(store.view().count("task")).to.equal(0);
    restore.replace();
    expect([store.view().count("task"), store.view().version]).to.deep.equal([6_000, 7]);
  });

  it("restores what it wrote, as of the moment it was taken", async () => {
    const rig = aStore();
    const first = rig.store.update((tx) => {
      for (let n = 0; n < 3_000; n += 1)
        tx.put("task", aTask({ id: `t${n}`, serviceId: "s1", slot: n, nodeId: `n${n % 7}` }));
    });
    commitOne(rig);
    await first;
    const body = rig.store.snapshot();
    const second = rig.store.update(putTask("later"));
    commitOne(rig);
    await second;
    const pieces: Uint8Array[] = [];
    for (let piece = body.next(); piece.done !== true; piece = body.next()) pieces.push(piece.value);
    expect(pieces.length).to.be.greaterThan(1);
    expect(Math.max(...pieces.map(({ length }) => length))).to.be.at.most(66 * 1024);
    const other = aStore({ leading: false }).store;
    other.restore(pieces, 1);
    expect(other.view().version).to.equal(1);
    expect(other.view().timeMs).to.equal(rig.store.view().timeMs);
    expect(other.view().count("task")).to.equal(3_000);
    expect(other.view().find("task", "node", "n3")).to.deep.equal(rig.store.view().find("task", "node", "n3"));
  });

  it("tells commit listeners exactly what a restored snapshot changed", async () => {
    const rig = aStore();
    const first = rig.store.update((tx) => {
      putTask("same")(tx);
      putTask("changed")(tx);
      putTask("gone")(tx);
    });
    const entry = rig.log.take();
    rig.store.apply(entry);
    await first;
    const behind = aStore({ leading: false }).store;
    behind.apply(entry);
    const second = rig.store.update((tx) => {
      tx.put("task", aTask({ id: "changed", slot: 9 }));
      tx.remove("task", "gone");
      putTask("new")(tx);
    });
    commitOne(rig);
    await second;
    const sets: ChangeSet[] = [];
    behind.onCommit((set) => sets.push(set));
    behind.restore(iterate(rig.store.snapshot()), 2);
    expect(sets.map(({ version }) => version)).to.deep.equal([2]);
    expect(
      sets[0]?.changes.map(({ id, before, after }) => [id, before !== undefined, after !== undefined]),
    ).to.have.deep.members([
      ["changed", true, true],
      ["gone", true, false],
      ["new", false, true],
    ]);
  });

  it("writes the cluster time of an empty state too", () => {
    const { store } = aStore();
    expect([...iterate(store.snapshot())]).to.have.length(1);
  });
});

function* iterate(body: Iterator<Uint8Array>): Generator<Uint8Array> {
  for (let piece = body.next(); piece.done !== true; piece = body.next()) yield piece.value;
}
