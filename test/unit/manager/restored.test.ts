import { expect } from "chai";
import { BACKUPS_MAX, READER_STALL_MS, registerBackup } from "../../../src/manager/backup-service.ts";
import { INDEX_GAP } from "../../../src/manager/new-life.ts";
import { RestoredState } from "../../../src/manager/restored.ts";
import { Survivor } from "../../../src/manager/survivor.ts";
import { AWAITS_RESUME_SINCE } from "../../../src/model/awaits-resume.ts";
import { relate } from "../../../src/model/incarnation.ts";
import { rpc, type RequestInput, type Response } from "../../../src/proto/load.ts";
import { Router } from "../../../src/proto/router.ts";
import type { Store } from "../../../src/store/store.ts";
import type { ReadTx } from "../../../src/store/types.ts";
import { AppError } from "../../../src/util/errors.ts";
import { silentLogger } from "../../../src/util/log.ts";
import { ADMIN, FakeReplica, FakeStream } from "../../support/control/control-rig.ts";
import { leadingStore } from "../../support/leading-store.ts";
import { clusterSpec, node, service, task } from "../../support/loops/objects.ts";
import { MemoryDisk } from "../../support/memory-kv.ts";
import { Sim, type SimEnv } from "../../support/sim-env.ts";
import { aCluster, aNode } from "../../support/store/objects.ts";

const READ = rpc("Backup.Read");
const TASKS = 500;

const SPEC = clusterSpec({ name: "prod" });

class Rig {
  readonly sim = new Sim(1);
  readonly env: SimEnv = this.sim.env("m1");
  readonly store: Store = leadingStore(this.env);
  readonly replica = new FakeReplica();
  readonly router = new Router(silentLogger);

  async start(): Promise<this> {
    registerBackup(this.router, { env: this.env, store: this.store, replica: this.replica, nodeId: "m1" });
    await this.store.update((tx) => {
      tx.put("cluster", aCluster({ id: "c1", incarnation: "first", rootKeyPem: "KEY", spec: SPEC }));
      for (const id of ["m1", "m2"]) tx.put("node", aNode({ ...node(id), role: "MANAGER" }));
      tx.put("node", node("w1"));
      tx.put("service", service("web", { replicas: TASKS }));
    });
    for (let from = 0; from < TASKS; from += 500) {
      await this.store.update((tx) => {
        for (let at = from; at < from + 500; at += 1) tx.put("task", task(`t${at}`, { nodeId: "w1", slot: at + 1 }));
      });
    }
    return this;
  }

  open(request: RequestInput<"Backup.Read"> = {}, room = Number.POSITIVE_INFINITY): FakeStream {
    const stream = new FakeStream();
    stream.room = room;
    const context = { caller: ADMIN, signal: new AbortController().signal, deadlineMs: undefined, forwarded: false };
    this.router.dispatchStream(READ.path, stream, context);
    stream.request(READ.encodeRequest(request));
    return stream;
  }

  async copy(): Promise<Buffer> {
    const stream = this.open();
    await this.sim.runUntil(() => stream.end_ !== null, { timeoutMs: 10_000, what: "the copy ends" });
    return fileOf(stream);
  }

  async read(file: Uint8Array): Promise<RestoredState> {
    const chunks = async function* (): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < file.byteLength; at += 50_000) yield file.subarray(at, at + 50_000);
    };
    return await RestoredState.read(this.env, "b.shoal", { chunks: chunks(), protocolMax: AWAITS_RESUME_SINCE });
  }
}

function messages(stream: FakeStream): Response<"Backup.Read">[] {
  return stream.written.map((bytes) => READ.decodeResponse(bytes) as Response<"Backup.Read">);
}

function fileOf(stream: FakeStream): Buffer {
  return Buffer.concat(messages(stream).flatMap(({ data }) => (data === undefined ? [] : [data])));
}

/** Every row as text by its key: chai compares large maps of objects slowly. */
function rows(tx: ReadTx): Map<string, string> {
  const found = new Map<string, string>();
  for (const table of ["cluster", "node", "service", "revision", "task", "request"] as const)
    for (const row of tx.all(table)) found.set(`${table}/${row.id}`, JSON.stringify(row));
  return found;
}

describe("manager: backup and restore", () => {
  it("streams a copy as of one version, whatever is written while its reader is slow", async () => {
    const rig = await new Rig().start();
    const before = rows(rig.store.view());
    const { version } = rig.store.view();
    const stream = rig.open({}, 1);
    await rig.sim.run(1);
    for (let at = 0; stream.end_ === null; at += 1) {
      await rig.store.update((tx) => {
        tx.put("task", { ...tx.get("task", `t${at}`)!, pendingReason: "changed meanwhile" });
        tx.remove("task", `t${TASKS - 1 - at}`);
      });
      await rig.sim.run(5);
      stream.drain(1);
      await rig.sim.run(5);
      if (at > 1_000) throw new Error("the copy does not end");
    }
    const all = messages(stream);
    expect(all[0]?.begin).to.include({ clusterName: "prod", version, tasks: TASKS, services: 1, nodes: 3 });
    expect(all.at(-1)?.end?.bytes).to.equal(fileOf(stream).byteLength);
    const { store, header } = await rig.read(fileOf(stream));
    expect(header).to.include({ clusterId: "c1", version, term: 1, incarnation: "first" });
    expect([...rows(store.view())]).to.deep.equal([...before]);
  });

  it("needs a quorum unless told otherwise, and an administrator", async () => {
    const rig = await new Rig().start();
    rig.replica.barrierFailure = new AppError("unavailable", "no quorum");
    const refused = rig.open();
    const stale = rig.open({ consistency: "STALE" });
    await rig.sim.runUntil(() => stale.end_ !== null && refused.end_ !== null, { timeoutMs: 10_000, what: "both end" });
    expect(refused.end_?.error?.details.next).to.include("--stale");
    expect(stale.end_?.error).to.equal(null);
    const worker = new FakeStream();
    rig.router.dispatchStream(READ.path, worker, {
      caller: { kind: "node", nodeId: "m2", role: "manager", clusterId: "c1" },
      signal: new AbortController().signal,
      deadlineMs: undefined,
      forwarded: false,
    });
    expect(worker.end_?.error?.code).to.equal("denied");
  });

  it("makes a bounded number of copies at once", async () => {
    const rig = await new Rig().start();
    const streams = Array.from({ length: BACKUPS_MAX + 1 }, () => rig.open({}, 1));
    await rig.sim.run(100);
    expect(streams.map(({ end_ }) => end_?.error?.code ?? "open")).to.deep.equal([
      ...Array.from({ length: BACKUPS_MAX }, () => "open"),
      "exhausted",
    ]);
    streams[0]!.hangUp();
    const next = rig.open({}, 1);
    await rig.sim.run(100);
    expect(next.end_).to.equal(null);
  });

  it("ends a copy whose reader takes nothing for a minute, and gives its place to another", async () => {
    const rig = await new Rig().start();
    const streams = Array.from({ length: BACKUPS_MAX }, () => rig.open({}, 1));
    await rig.sim.run(READER_STALL_MS / 2);
    streams[0]!.drain(1);
    await rig.sim.run(READER_STALL_MS / 2 + 1_000);
    const ends = streams.map(({ end_ }) => end_?.error?.code ?? "open");
    expect(ends).to.deep.equal(["open", "deadline", "deadline", "deadline"]);
    expect(streams[1]!.end_?.error?.message).to.include("took nothing");
    const next = rig.open({}, 1);
    await rig.sim.run(100);
    expect(next.end_).to.equal(null);
  });

  it("begins a new life of the same cluster: same ids and versions, one new manager, the former ones workers", async () => {
    const rig = await new Rig().start();
    const before = rows(rig.store.view());
    const { version } = rig.store.view();
    const state = await rig.read(await rig.copy());
    const disk = new MemoryDisk();
    const deps = { env: rig.env, kvFactory: disk.factory(rig.env) };
    const self = aNode({ ...node("m9"), role: "MANAGER", address: "m9:7377" });
    const restoring = state.becomeCluster(deps, { self, dataDir: "d" });
    const begun = await rig.sim.resolve(restoring, { timeoutMs: 10_000, what: "restored" });
    expect(begun).to.include({ index: version + INDEX_GAP, term: 2 });

    const identity = { clusterId: "c1", nodeId: "m9" };
    const reading = Survivor.open(deps, { identity, dataDir: "d", protocolMax: AWAITS_RESUME_SINCE });
    const survivor = await rig.sim.resolve(reading, { timeoutMs: 10_000, what: "read back" });
    expect(survivor.config.members).to.deep.equal([{ id: "m9", address: "m9:7377", role: "voter" }]);
    expect(survivor.last).to.deep.equal({ index: begun.index, term: begun.term });
    expect(survivor.commit).to.equal(begun.index);
    const tx = survivor.store.view();
    const after = rows(tx);
    for (const [key, row] of before) {
      if (key === "cluster/c1" || key.startsWith("node/m")) continue;
      expect(after.get(key), key).to.equal(row);
    }
    for (const id of ["m1", "m2"]) expect(tx.get("node", id)?.role).to.equal("WORKER");
    const cluster = tx.get("cluster", "c1");
    expect(cluster).to.include({ rootKeyPem: "KEY", protocol: AWAITS_RESUME_SINCE, incarnation: begun.incarnation });
    expect(relate(begun.incarnation, "first")).to.equal("newer");
    expect(cluster?.awaitsResume).to.deep.include({ kind: "RESTORED", version, formerManagerIds: ["m1", "m2"] });
    await rig.sim.resolve(survivor.close(), { timeoutMs: 1000, what: "closed" });
  });

  it("refuses a backup of a later protocol", async () => {
    const rig = await new Rig().start();
    await rig.store.update((tx) => {
      for (const cluster of tx.all("cluster")) tx.put("cluster", { ...cluster, protocol: AWAITS_RESUME_SINCE });
    });
    const file = await rig.copy();
    const chunks = async function* (): AsyncGenerator<Uint8Array> {
      yield file;
    };
    const failure = await RestoredState.read(rig.env, "b", { chunks: chunks(), protocolMax: 1 }).then(
      () => null,
      (error: AppError) => error,
    );
    expect(failure?.code).to.equal("unsupported");
    expect(failure?.message).to.include("protocol 2, this program speaks up to 1");
  });
});
