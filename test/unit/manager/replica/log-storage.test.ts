import { expect } from "chai";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LevelKvFactory } from "../../../../src/disk/level-kv.ts";
import { KvLogStorage, type LoadedLog, type LogStorage } from "../../../../src/manager/replica/log-storage.ts";
import type { SnapshotManifest } from "../../../../src/manager/replica/log-records.ts";
import { identitySealer } from "../../../../src/manager/replica/sealer.ts";
import type { Entry, HardState } from "../../../../src/raft/types.ts";
import { type AppError, isAppError } from "../../../../src/util/errors.ts";
import type { Env, Timer } from "../../../../src/util/env.ts";
import type { Kv, KvFactory } from "../../../../src/util/kv.ts";
import { realEnv } from "../../../../src/util/real-env.ts";
import { MemoryDisk } from "../../../support/memory-kv.ts";
import { prng } from "../../../support/sim-env.ts";

const IDENTITY = { clusterId: "c", nodeId: "a" };
const LOCATION = "/data/raft-log";

function entry(index: number, term: number, text = `${index}@${term}`): Entry {
  return { index, term, kind: "normal", payload: Buffer.from(text) };
}

function run(first: number, last: number, term: number): Entry[] {
  return Array.from({ length: last - first + 1 }, (_, i) => entry(first + i, term));
}

const hardState = (term: number, commit = 0): HardState => ({ term, vote: "a", commit });

function manifest(index: number, term: number): SnapshotManifest {
  const config = { members: [{ id: "a", address: "a:1", role: "voter" as const }] };
  return { meta: { index, term, config, sizeBytes: 10, hash: "00" }, slot: "0011223344556677", chunks: 1 };
}

/** One opened storage and how it is asked in tests: with promises. */
class Opened {
  readonly storage: LogStorage;
  readonly loaded: LoadedLog;
  readonly fatal: Error[];
  readonly #markKv: Kv;

  constructor(storage: LogStorage, loaded: LoadedLog, { fatal, markKv }: { fatal: Error[]; markKv: Kv }) {
    this.storage = storage;
    this.loaded = loaded;
    this.fatal = fatal;
    this.#markKv = markKv;
  }

  async close(): Promise<void> {
    await this.storage.close();
    await this.#markKv.close();
  }

  append(entries: readonly Entry[], state: HardState): Promise<void> {
    return new Promise((resolve) => this.storage.append({ entries, hardState: state }, resolve));
  }

  save(snapshot: SnapshotManifest): Promise<void> {
    return new Promise((resolve) => this.storage.saveSnapshot(snapshot, resolve));
  }

  install(snapshot: SnapshotManifest, state: HardState): Promise<void> {
    return new Promise((resolve) => this.storage.installSnapshot(snapshot, state, resolve));
  }

  get log(): string[] {
    return this.loaded.entries.map((e) => `${e.index}:${Buffer.from(e.payload).toString()}`);
  }
}

/** Real time whose timers all end with the test, as those of a crashed process would. */
class MortalEnv implements Env {
  readonly #timers = new Set<Timer>();
  now = realEnv.now;
  wallNow = realEnv.wallNow;
  random = realEnv.random;
  randomBytes = realEnv.randomBytes;
  defer = realEnv.defer;

  setTimer(ms: number, fn: () => void): Timer {
    const timer = realEnv.setTimer(ms, fn);
    this.#timers.add(timer);
    return timer;
  }

  kill(): void {
    for (const timer of this.#timers) timer.cancel();
  }
}

const living: MortalEnv[] = [];
afterEach(() => {
  for (const env of living.splice(0)) env.kill();
});

async function open(factory: KvFactory, identity = IDENTITY): Promise<Opened> {
  const kv: Kv = await factory.open("raft-log");
  const markKv = await factory.open("raft-snapshots");
  const fatal: Error[] = [];
  const env = new MortalEnv();
  living.push(env);
  const storage = new KvLogStorage(
    { env, kv, markKv, sealer: identitySealer, onFatal: (error) => fatal.push(error) },
    { location: LOCATION },
  );
  try {
    return new Opened(storage, await storage.open(identity), { fatal, markKv });
  } catch (error) {
    await storage.close();
    await markKv.close();
    throw error;
  }
}

async function refusal(factory: KvFactory, identity = IDENTITY): Promise<AppError> {
  const error = await open(factory, identity).then(
    () => null,
    (caught: unknown) => caught,
  );
  if (!isAppError(error)) throw new Error(`expected a refusal, got ${String(error)}`);
  return error;
}

function expectCorrupt(error: AppError, at: string): void {
  expect(error.code).to.equal("corrupt");
  expect(error.message).to.include(`The Raft log in ${LOCATION} is corrupted${at}`);
  expect(error.details.path).to.equal(LOCATION);
  expect(error.details.next).to.include("shoal node rm, shoal join");
}

type Bench = { readonly factory: KvFactory; readonly end: () => Promise<void> };

async function levelBench(): Promise<Bench> {
  const directory = await mkdtemp(join(tmpdir(), "shoal-log-"));
  return { factory: new LevelKvFactory(directory), end: () => rm(directory, { recursive: true, force: true }) };
}

async function memoryBench(): Promise<Bench> {
  return { factory: new MemoryDisk().factory(realEnv), end: async () => undefined };
}

for (const [name, bench] of [
  ["memory", memoryBench],
  ["LevelDB", levelBench],
] as const) {
  describe(`manager/replica/log-storage on ${name}`, () => {
    let at: Bench;
    beforeEach(async () => {
      at = await bench();
    });
    afterEach(async () => {
      await at.end();
    });

    it("starts empty and gives back what was appended", async () => {
      const first = await open(at.factory);
      expect(first.loaded.hardState).to.equal(null);
      await first.append(run(1, 3, 1), hardState(1));
      await first.append([], hardState(2, 3));
      await first.append(run(4, 5, 2), hardState(2, 4));
      await first.close();
      const second = await open(at.factory);
      expect(second.log).to.deep.equal(["1:1@1", "2:2@1", "3:3@1", "4:4@2", "5:5@2"]);
      expect(second.loaded.hardState).to.include({ term: 2, vote: "a", commit: 4 });
      await second.close();
    });

    it("replaces a tail from any index on, inside a record as well", async () => {
      const first = await open(at.factory);
      await first.append(run(1, 6, 1), hardState(1));
      await first.append(run(7, 8, 1), hardState(1));
      await first.append(run(4, 5, 2), hardState(2));
      await first.append(run(5, 7, 3), hardState(3));
      await first.append(run(8, 9, 3), hardState(3));
      await first.close();
      const second = await open(at.factory);
      expect(second.log.map((line) => line.split("@")[1]).join("")).to.equal("111233333");
      await second.append(run(2, 2, 4), hardState(4));
      await second.close();
      const third = await open(at.factory);
      expect(third.log).to.deep.equal(["1:1@1", "2:2@4"]);
      await third.close();
    });

    it("compacts whole records and goes on after them", async () => {
      const first = await open(at.factory);
      for (let i = 0; i < 10; i++) await first.append(run(i * 10 + 1, i * 10 + 10, 1), hardState(1, i * 10 + 10));
      await first.save(manifest(80, 1));
      first.storage.compactTo(75);
      await first.append(run(101, 101, 2), hardState(2, 101));
      await first.close();
      const second = await open(at.factory);
      expect(second.loaded).to.include({ prevIndex: 70, prevTerm: 1 });
      expect(second.loaded.entries[0]?.index).to.equal(71);
      expect(second.loaded.entries.at(-1)?.index).to.equal(101);
      expect(second.loaded.snapshot?.meta.index).to.equal(80);
      await second.close();
    });

    it("does not compact to the cut-off end of a record", async () => {
      const first = await open(at.factory);
      await first.append(run(1, 10, 1), hardState(1));
      await first.append(run(6, 8, 2), hardState(2, 8));
      await first.save(manifest(8, 2));
      first.storage.compactTo(7);
      await first.close();
      const second = await open(at.factory);
      expect(second.loaded.prevIndex).to.equal(0);
      second.storage.compactTo(8);
      await second.close();
      const third = await open(at.factory);
      expect(third.loaded).to.include({ prevIndex: 8, prevTerm: 2 });
      expect(third.log).to.deep.equal([]);
      await third.append([entry(9, 2)], hardState(2, 8));
      await third.close();
      const fourth = await open(at.factory);
      expect(fourth.log).to.deep.equal(["9:9@2"]);
      await fourth.close();
    });

    it("starts over from an installed snapshot", async () => {
      const first = await open(at.factory);
      await first.append(run(1, 20, 1), hardState(1));
      await first.install(manifest(500, 7), hardState(7, 500));
      await first.append([entry(501, 7)], hardState(7, 500));
      await first.close();
      const second = await open(at.factory);
      expect(second.log).to.deep.equal(["501:501@7"]);
      expect(second.loaded).to.include({ prevIndex: 500, prevTerm: 7 });
      expect(second.loaded.snapshot).to.deep.equal(manifest(500, 7));
      await second.close();
    });

    it("refuses another node's or cluster's directory, and a second opener", async () => {
      const first = await open(at.factory);
      const locked = await refusal(at.factory);
      expect(locked.code).to.equal("unavailable");
      await first.close();
      for (const identity of [
        { clusterId: "c", nodeId: "b" },
        { clusterId: "d", nodeId: "a" },
      ]) {
        const error = await refusal(at.factory, identity);
        expect(error.code).to.equal("precondition");
        expect(error.message).to.include(`${LOCATION} belongs to node a of cluster c`);
      }
      await (await open(at.factory)).close();
    });
  });
}

describe("manager/replica/log-storage: what it refuses to load", () => {
  async function filled(): Promise<{ disk: MemoryDisk; factory: KvFactory }> {
    const disk = new MemoryDisk();
    const factory = disk.factory(realEnv);
    const first = await open(factory);
    for (let i = 1; i <= 9; i += 3) await first.append(run(i, i + 2, 1), hardState(1, i + 2));
    await first.close();
    return { disk, factory };
  }

  const recordsOf = (disk: MemoryDisk): Uint8Array[] =>
    disk.keys("raft-log").filter((key) => Buffer.from(key).toString("latin1").startsWith("l/"));

  it("a flipped bit, by its index", async () => {
    const { disk, factory } = await filled();
    disk.corrupt("raft-log", recordsOf(disk)[1]!, (value) => {
      value[value.byteLength >> 1]! ^= 4;
      return value;
    });
    expectCorrupt(await refusal(factory), " at index 4");
  });

  it("a hole in the middle, as LevelDB's recovery may leave", async () => {
    const { disk, factory } = await filled();
    disk.corrupt("raft-log", recordsOf(disk)[1]!, () => null);
    expectCorrupt(await refusal(factory), " at index 4: entries up to 6 are missing");
  });

  it("a lost last record, first record and hard state", async () => {
    for (const [which, at] of [
      [2, " at index 7: the log ends at 6, it was written up to 9"],
      [0, " at index 1: entries up to 3 are missing"],
    ] as const) {
      const { disk, factory } = await filled();
      disk.corrupt("raft-log", recordsOf(disk)[which]!, () => null);
      expectCorrupt(await refusal(factory), at);
    }
    const { disk, factory } = await filled();
    disk.corrupt("raft-log", Buffer.from("m/hs"), () => null);
    expectCorrupt(await refusal(factory), " at index 9: the hard state is missing");
  });

  it("a lost identity, and a damaged small record", async () => {
    const lost = await filled();
    lost.disk.corrupt("raft-log", Buffer.from("m/id"), () => null);
    expectCorrupt(await refusal(lost.factory), ": it does not say whose it is");
    const damaged = await filled();
    damaged.disk.corrupt("raft-log", Buffer.from("m/hs"), (value) => value.fill(7, 2, 3));
    expectCorrupt(await refusal(damaged.factory), "");
  });

  it("a log that went back in time because its last writes were dropped", async () => {
    const { disk, factory } = await filled();
    const before = new Map(disk.keys("raft-log").map((key) => [Buffer.from(key).toString("latin1"), key]));
    let oldState: Uint8Array = new Uint8Array();
    disk.corrupt("raft-log", before.get("m/hs")!, (value) => (oldState = value));
    const later = await open(factory);
    await later.append([entry(10, 1)], hardState(1));
    await later.close();
    disk.corrupt("raft-log", recordsOf(disk).at(-1)!, () => null);
    disk.corrupt("raft-log", before.get("m/hs")!, () => oldState);
    expectCorrupt(await refusal(factory), " at index 10: the last 1 or more of its writes are gone");
  });

  it("a record of another history in the place of the right one", async () => {
    const { disk, factory } = await filled();
    const other = await filled();
    const key = recordsOf(disk)[0]!;
    let foreign: Uint8Array = new Uint8Array();
    const changed = await open(other.factory);
    await changed.append(run(1, 3, 2), hardState(2));
    await changed.close();
    other.disk.corrupt("raft-log", key, (value) => (foreign = value));
    disk.corrupt("raft-log", key, () => foreign);
    expectCorrupt(await refusal(factory), " at index 4: it does not follow the entry before it");
  });
});

describe("manager/replica/log-storage: crashes and failures", () => {
  it("holds everything acknowledged after a power loss at any moment, and nothing half", async () => {
    for (let seed = 1; seed <= 30; seed++) {
      const random = prng(seed);
      const disk = new MemoryDisk();
      disk.faults = { writeDelayMs: () => random() * 2 };
      let first = await open(disk.factory(realEnv));
      let acknowledged = 0;
      let next = 1;
      const write = (): void => {
        const last = next + Math.floor(random() * 3);
        void first.append(run(next, last, 1), hardState(1)).then(() => (acknowledged = last));
        next = last + 1;
      };
      for (let i = 0; i < 6; i++) write();
      await new Promise((resolve) => setTimeout(resolve, random() * 6));
      disk.crash({ kind: "power", random });
      first = await open(disk.factory(realEnv));
      expect(first.loaded.entries.length, `seed ${seed}`).to.be.at.least(acknowledged);
      await first.close();
    }
  });

  it("is fatal at the first failed write and acknowledges nothing any more", async () => {
    const disk = new MemoryDisk();
    const first = await open(disk.factory(realEnv));
    await first.append(run(1, 2, 1), hardState(1));
    disk.faults = { failWrite: () => new Error("EIO") };
    let acknowledged = 0;
    for (let i = 3; i <= 5; i++) void first.append([entry(i, 1)], hardState(1)).then(() => (acknowledged += 1));
    await new Promise((resolve) => setTimeout(resolve, 5));
    disk.faults = {};
    void first.append([entry(6, 1)], hardState(1)).then(() => (acknowledged += 1));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(acknowledged).to.equal(0);
    expect(first.fatal.map(String)).to.deep.equal(["Error: EIO"]);
    disk.crash();
    expect((await open(disk.factory(realEnv))).log).to.have.length(2);
  });

  it("deletes what a crash left behind the compaction point", async () => {
    const disk = new MemoryDisk();
    const first = await open(disk.factory(realEnv));
    for (let i = 1; i <= 20; i++) await first.append([entry(i, 1)], hardState(1, i));
    await first.save(manifest(20, 1));
    first.storage.compactTo(15);
    await first.append([entry(21, 1)], hardState(1, 20));
    // The deletes were not synced, so a power loss brings those records back.
    disk.crash({ kind: "power" });
    const second = await open(disk.factory(realEnv));
    expect(second.loaded).to.include({ prevIndex: 15 });
    expect(second.loaded.entries.at(-1)?.index).to.equal(21);
    expect(disk.keys("raft-log").filter((key) => key[0] === 0x6c)).to.have.length(6);
    await second.close();
  });

  it("finds a byte that rotted in a file of LevelDB", async () => {
    const directory = await mkdtemp(join(tmpdir(), "shoal-log-"));
    const factory = new LevelKvFactory(directory);
    try {
      const first = await open(factory);
      await first.append([entry(1, 1, "NEEDLE".repeat(50))], hardState(1));
      await first.append([entry(2, 1, "later")], hardState(1));
      await first.close();
      for (const file of await readdir(join(directory, "raft-log"))) {
        const path = join(directory, "raft-log", file);
        const bytes = await readFile(path);
        const at = bytes.indexOf("NEEDLE");
        if (at < 0) continue;
        bytes[at]! ^= 1;
        await writeFile(path, bytes);
      }
      const error = await refusal(factory);
      expectCorrupt(error, "");
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
