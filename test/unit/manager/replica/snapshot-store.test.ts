import { expect } from "chai";
import { createHash } from "node:crypto";
import {
  SNAPSHOT_CHUNK_BYTES,
  SnapshotStore,
  type SnapshotWriter,
} from "../../../../src/manager/replica/snapshot-store.ts";
import { CHUNK_DEADLINE_MS, SnapshotPull, acceptFetch } from "../../../../src/manager/replica/snapshot-transfer.ts";
import type { SnapshotManifest } from "../../../../src/manager/replica/log-records.ts";
import { identitySealer } from "../../../../src/manager/replica/sealer.ts";
import type { Dialer } from "../../../../src/proto/rpc.ts";
import { Router } from "../../../../src/proto/router.ts";
import { isAppError } from "../../../../src/util/errors.ts";
import { silentLogger } from "../../../../src/util/log.ts";
import { MemoryDisk } from "../../../support/memory-kv.ts";
import { MemoryNetwork } from "../../../support/memory-rpc.ts";
import { prng, Sim } from "../../../support/sim-env.ts";

const CONFIG = { members: [{ id: "a", address: "a:1", role: "voter" as const }] };

function raise(error: Error): void {
  throw error;
}

async function newStore(
  sim: Sim,
  name: string,
  disk = new MemoryDisk(),
): Promise<{ store: SnapshotStore; disk: MemoryDisk }> {
  const env = sim.env(name);
  const kv = await disk.factory(env).open("raft-snapshots");
  return {
    store: new SnapshotStore({ kv, env, sealer: identitySealer, onFatal: raise }, { location: "/data/raft-snapshots" }),
    disk,
  };
}

function body(bytes: number): Buffer {
  const random = prng(bytes);
  return Buffer.from(Uint8Array.from({ length: bytes }, () => random() * 256));
}

async function fill(writer: SnapshotWriter, bytes: Buffer, index: number): Promise<SnapshotManifest> {
  // Pieces of odd sizes, as a state machine gives them.
  for (let at = 0; at < bytes.byteLength; at += 100_003) {
    writer.add(bytes.subarray(at, at + 100_003));
    await writer.flush();
  }
  const { sizeBytes, hash, chunks } = await writer.finish();
  writer.close();
  return { meta: { index, term: 1, config: CONFIG, sizeBytes, hash }, slot: writer.slot, chunks };
}

async function stored(sim: Sim, store: SnapshotStore, bytes: Buffer, index = 10): Promise<SnapshotManifest> {
  return await sim.resolve(fill(store.create(), bytes, index), { timeoutMs: 1_000, what: "writing" });
}

const load = async (sim: Sim, store: SnapshotStore, manifest: SnapshotManifest): Promise<Buffer> =>
  Buffer.concat(await sim.resolve(store.load(manifest), { timeoutMs: 1_000, what: "loading" }));

describe("manager/replica/snapshot-store", () => {
  it("cuts any body into chunks and gives it back whole", async () => {
    for (const size of [0, 1, SNAPSHOT_CHUNK_BYTES, 3 * SNAPSHOT_CHUNK_BYTES + 5]) {
      const sim = new Sim(1);
      const { store } = await newStore(sim, "a");
      const bytes = body(size);
      const manifest = await stored(sim, store, bytes);
      expect(manifest.chunks).to.equal(Math.ceil(size / SNAPSHOT_CHUNK_BYTES));
      expect(manifest.meta).to.include({ sizeBytes: size, hash: createHash("sha256").update(bytes).digest("hex") });
      expect((await load(sim, store, manifest)).equals(bytes)).to.equal(true);
    }
  });

  it("names the chunk that rotted or is missing, and what to do", async () => {
    for (const change of [(value: Uint8Array) => value.fill(0, 5, 6), () => null]) {
      const sim = new Sim(1);
      const { store, disk } = await newStore(sim, "a");
      const manifest = await stored(sim, store, body(3 * SNAPSHOT_CHUNK_BYTES));
      disk.corrupt("raft-snapshots", disk.keys("raft-snapshots")[1]!, change);
      const error = await store.load(manifest).catch((caught: unknown) => caught);
      expect(isAppError(error, "corrupt") && error.message).to.include(
        "The snapshot in /data/raft-snapshots is corrupted at chunk 1",
      );
      expect(isAppError(error) && error.details.next).to.include("shoal join");
    }
  });

  it("collects every body but the current one and those in use", async () => {
    const sim = new Sim(1);
    const { store, disk } = await newStore(sim, "a");
    const [orphan, current, served] = [
      await stored(sim, store, body(SNAPSHOT_CHUNK_BYTES * 2), 1),
      await stored(sim, store, body(SNAPSHOT_CHUNK_BYTES + 1), 2),
      await stored(sim, store, body(1_000), 3),
    ];
    store.pin(served.slot);
    await sim.resolve(
      store.collect(() => current.slot),
      { timeoutMs: 1_000, what: "collecting" },
    );
    expect(disk.keys("raft-snapshots")).to.have.length(3);
    store.unpin(served.slot);
    await sim.resolve(
      store.collect(() => current.slot),
      { timeoutMs: 1_000, what: "collecting" },
    );
    expect(disk.keys("raft-snapshots")).to.have.length(2);
    expect(isAppError(await store.load(orphan).catch((caught: unknown) => caught), "corrupt")).to.equal(true);
    await load(sim, store, current);
  });

  it("keeps a slot that begins to count while others are collected", async () => {
    const sim = new Sim(1);
    const { store } = await newStore(sim, "a");
    const bytes = body(1000);
    const manifests = [await stored(sim, store, bytes), await stored(sim, store, bytes)];
    // Slots are collected in the order of their names.
    const [before, after] = manifests.toSorted((a, b) => (a.slot < b.slot ? -1 : 1));
    if (before === undefined || after === undefined) throw new Error("two were stored");
    let current = before.slot;
    store.pin(after.slot);
    const collected = store.collect(() => current);
    current = after.slot;
    store.unpin(after.slot);
    await sim.resolve(collected, { timeoutMs: 1_000, what: "collecting" });
    expect((await load(sim, store, after)).equals(bytes)).to.equal(true);
  });
});

describe("manager/replica/snapshot-transfer", () => {
  type Rig = {
    sim: Sim;
    network: MemoryNetwork;
    manifest: SnapshotManifest;
    source: Buffer;
    sent: () => number;
    pull: SnapshotPull;
    dialer: Dialer;
    target: SnapshotStore;
    serve: (manifest: SnapshotManifest | null) => void;
  };

  async function rig(chunks = 8): Promise<Rig> {
    const sim = new Sim(1);
    const network = new MemoryNetwork(sim.env("net"));
    const leader = network.node("a", {
      env: sim.env("a"),
      identity: { kind: "node", nodeId: "a", role: "manager", clusterId: "c" },
    });
    const follower = network.node("b", {
      env: sim.env("b"),
      identity: { kind: "node", nodeId: "b", role: "manager", clusterId: "c" },
    });
    const { store } = await newStore(sim, "a.disk");
    const target = await newStore(sim, "b.disk");
    target.disk.faults = { writeDelayMs: () => 2 };
    const source = body(chunks * SNAPSHOT_CHUNK_BYTES - 100);
    const manifest = await stored(sim, store, source);
    let served: SnapshotManifest | null = manifest;
    let sent = 0;
    const router = new Router(silentLogger);
    router.stream("Raft.FetchSnapshot", (stream) =>
      acceptFetch(
        {
          ...stream,
          write: (chunk) => {
            sent += 1;
            return stream.write(chunk);
          },
        },
        () => ({ store, manifest: served }),
      ),
    );
    leader.listen("a:1", router);
    const pull = new SnapshotPull(
      { env: sim.env("b.pull"), dialer: follower.dialer, store: target.store },
      manifest.meta,
    );
    return {
      sim,
      network,
      manifest,
      source,
      sent: () => sent,
      pull,
      dialer: follower.dialer,
      target: target.store,
      serve: (next) => {
        served = next;
      },
    };
  }

  const SOURCE = { address: "a:1", nodeId: "a" };

  it("pulls a body of many chunks, verified", async () => {
    const { sim, pull, target, source } = await rig();
    const got = await sim.resolve(pull.run(SOURCE, new AbortController().signal), { timeoutMs: 5_000, what: "pull" });
    expect((await load(sim, target, got)).equals(source)).to.equal(true);
  });

  it("resumes where it broke off and fetches little twice", async () => {
    const { sim, network, pull, target, source, sent } = await rig(20);
    const pulling = pull.run(SOURCE, new AbortController().signal);
    for (let i = 0; i < 3; i++) {
      await sim.run(12 + 200 * Math.min(i, 1));
      network.reset("a", "b");
    }
    const got = await sim.resolve(pulling, { timeoutMs: 5_000, what: "pull" });
    expect((await load(sim, target, got)).equals(source)).to.equal(true);
    expect(sent()).to.be.within(20, 32);
  });

  it("does not read ahead of a follower whose disk is slow", async () => {
    const { sim, pull, sent } = await rig(20);
    void pull.run(SOURCE, new AbortController().signal).catch(() => undefined);
    await sim.run(8);
    expect(sent()).to.be.below(10);
  });

  it("gives up on a server that says nothing for a chunk's deadline, several times over", async () => {
    const { sim, network, pull } = await rig();
    network.cut("a", "b");
    const failed = pull.run(SOURCE, new AbortController().signal).catch((caught: unknown) => caught);
    const error = await sim.resolve(failed, { timeoutMs: 6 * CHUNK_DEADLINE_MS, what: "failure" });
    expect(isAppError(error, "deadline")).to.equal(true);
  });

  it("ends at once when the server has another snapshot by now, or on abort", async () => {
    const { sim, pull, serve, manifest } = await rig();
    serve({ ...manifest, meta: { ...manifest.meta, index: 11 } });
    const failed = pull.run(SOURCE, new AbortController().signal).catch((caught: unknown) => caught);
    expect(isAppError(await sim.resolve(failed, { timeoutMs: 100, what: "refusal" }), "not-found")).to.equal(true);

    const other = await rig();
    const aborter = new AbortController();
    const aborted = other.pull.run(SOURCE, aborter.signal).then(
      () => "done",
      () => "aborted",
    );
    await other.sim.run(5);
    aborter.abort();
    expect(await other.sim.resolve(aborted, { timeoutMs: 100, what: "abort" })).to.equal("aborted");
  });

  it("refuses a body that is not the announced one", async () => {
    const { sim, dialer, manifest } = await rig();
    const { store } = await newStore(sim, "c.disk");
    const wrong = new SnapshotPull(
      { env: sim.env("c.pull"), dialer, store },
      { ...manifest.meta, hash: "00".repeat(32) },
    );
    const failed = wrong.run(SOURCE, new AbortController().signal).catch((caught: unknown) => caught);
    const error = await sim.resolve(failed, { timeoutMs: 5_000, what: "refusal" });
    expect(isAppError(error, "corrupt") && error.message).to.include("Snapshot 10 from a fails its checksum");
  });
});
