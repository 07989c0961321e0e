import { expect } from "chai";
import { makeStoreCodec, protoStoreCodec } from "../../../src/manager/store-codec.ts";
import { Store } from "../../../src/store/store.ts";
import type { WriteTx } from "../../../src/store/types.ts";
import { AppError } from "../../../src/util/errors.ts";
import { FakeLog, ManualEnv } from "../../support/store/fake-log.ts";
import { aCluster, aRevision, aService, aTask } from "../../support/store/objects.ts";

type Rig = { readonly store: Store; readonly log: FakeLog };

function leader(protocolMax: number): Rig {
  const log = new FakeLog();
  const store = new Store({ env: new ManualEnv(), codec: protoStoreCodec }, { protocolMax });
  store.setProposer(log);
  store.leadershipGained(log.term);
  return { store, log };
}

function follower(protocolMax: number): Store {
  return new Store({ env: new ManualEnv(), codec: protoStoreCodec }, { protocolMax });
}

async function failure(change: Promise<unknown>): Promise<AppError> {
  try {
    await change;
  } catch (error) {
    return AppError.from(error);
  }
  throw new Error("The change was made");
}

describe("store: the cluster's protocol", () => {
  it("is in no entry before it is raised, whatever the leader's program speaks, and in every one from then on", async () => {
    const { store, log } = leader(2);
    const old = follower(1);
    const protocols: number[] = [];
    const write = async (protocol: number): Promise<void> => {
      const done = store.update((tx) => {
        tx.put("cluster", aCluster({ id: "c1", protocol }));
        tx.put("task", aTask({ id: `t${log.last}` }));
      });
      const entry = log.take();
      protocols.push(protoStoreCodec.decodeTransaction(entry.payload).protocol);
      store.apply(entry);
      await done;
      if (protocol < 2) old.apply(entry);
      else expect(() => old.apply(entry)).to.throw("Log entry 3 is of protocol 2, this program speaks up to 1");
    };
    await write(0);
    await write(1);
    await write(2);
    expect(protocols).to.deep.equal([0, 0, 2]);
    expect(old.view().version).to.equal(2);
  });

  it("keeps what came with it out of the log until it is raised, with the field as its user knows it", async () => {
    const codec = makeStoreCodec({ "TaskSpec.ports": 2, "StoreObject.service": 3 });
    const log = new FakeLog();
    const store = new Store({ env: new ManualEnv(), codec }, { protocolMax: 3 });
    store.setProposer(log);
    store.leadershipGained(log.term);
    const write = async (change: (tx: WriteTx) => void): Promise<void> => {
      const done = store.update(change);
      for (const entry of log.inFlight.splice(0)) store.apply(entry);
      await done;
    };
    const spec = (target: number): object => ({ spec: { ports: target === 0 ? [] : [{ target }] } });
    const revision = (target: number) => (tx: WriteTx) => {
      tx.put("revision", aRevision({ id: "s/1", ...spec(target) }));
      tx.put("task", aTask({ id: "t1" }));
    };
    await write(revision(0));
    const { code, message, details } = await failure(write(revision(80)));
    expect([code, details.path]).to.deep.equal(["precondition", "spec.task.ports"]);
    expect(message).to.equal("spec.task.ports: needs protocol 2, the cluster still writes 1");
    expect(details.next).to.include("shoal cluster upgrade");
    expect(store.view().version, "nothing was written").to.equal(1);
    await write((tx) => tx.put("cluster", aCluster({ id: "c1", protocol: 2 })));
    await write(revision(80));
    const table = await failure(write((tx) => tx.put("service", aService({ id: "s" }))));
    expect(table.message).to.include("needs protocol 3, the cluster still writes 2");
    expect(store.speculative().get("service", "s")).to.equal(undefined);
  });

  it("keeps a program that does not speak it from loading a snapshot", async () => {
    const { store, log } = leader(2);
    const done = store.update((tx) => tx.put("cluster", aCluster({ id: "c1", protocol: 2 })));
    store.apply(log.take());
    await done;
    const chunks: Uint8Array[] = [];
    for (let it = store.snapshot(), next = it.next(); next.done !== true; next = it.next()) chunks.push(next.value);
    const old = follower(1).beginRestore(1);
    for (const chunk of chunks) old.add(chunk);
    expect(() => old.step()).to.throw("The snapshot is of protocol 2, this program speaks up to 1");
    const later = follower(2);
    later.restore(chunks, 1);
    expect(later.view().get("cluster", "c1")?.protocol).to.equal(2);
  });

  it("stops at an action of a kind it does not know instead of skipping it", () => {
    // Field 9 of StoreAction, as a later version might write it, in a transaction that claims to be old.
    const action = Buffer.from([0x12, 0x03, 0x4a, 0x01, 0x78]);
    expect(() => follower(1).apply({ index: 1, term: 1, payload: action })).to.throw(
      "of a kind this program does not know",
    );
  });
});
