import { expect } from "chai";
import { inspectLog, type InspectedLog } from "../../../../src/manager/replica/log-inspect.ts";
import { recordKey } from "../../../../src/manager/replica/log-records.ts";
import { LOG_STORE } from "../../../../src/manager/replica/open-state.ts";
import { Survivor } from "../../../../src/manager/survivor.ts";
import { PROTOCOLS } from "../../../../src/model/protocol.ts";
import type { Action } from "../../../../src/store/actions.ts";
import { node, service } from "../../../support/loops/objects.ts";
import { MemoryDisk } from "../../../support/memory-kv.ts";
import { IDENTITY, writeOldLog } from "../../../support/old-log.ts";
import { Sim } from "../../../support/sim-env.ts";
import { aCluster, aNode } from "../../../support/store/objects.ts";

const FIRST: Action[] = [
  { kind: "put", table: "cluster", object: aCluster({ id: "c1" }) },
  { kind: "put", table: "node", object: aNode({ ...node("m1"), role: "MANAGER" }) },
];
const WEB: Action[] = [{ kind: "put", table: "service", object: service("web") }];

async function written(): Promise<{ sim: Sim; disk: MemoryDisk }> {
  const sim = new Sim(1);
  const disk = new MemoryDisk();
  await writeOldLog(sim, disk, { changes: [FIRST, WEB, WEB, WEB], hardState: { commit: 3 } });
  return { sim, disk };
}

async function inspect(sim: Sim, disk: MemoryDisk): Promise<InspectedLog & { readonly bytes: number }> {
  const env = sim.env("look");
  let bytes = 0;
  const looking = inspectLog(
    { env, kvFactory: disk.factory(env) },
    { dataDir: "d", onPiece: (piece) => (bytes += piece.byteLength) },
  );
  return { ...(await sim.resolve(looking, { timeoutMs: 60_000, what: "looked" })), bytes };
}

const flip = (value: Uint8Array): Uint8Array => {
  value[value.byteLength >> 1]! ^= 1;
  return value;
};

describe("manager/replica/log-inspect", () => {
  it("shows identity, votes and every entry of a sound log", async () => {
    const { sim, disk } = await written();
    const log = await inspect(sim, disk);
    expect(log.identity).to.deep.equal(IDENTITY);
    expect(log.hardState).to.include({ term: 3, vote: "m2", commit: 3, lastIndex: 5 });
    expect(log.entries.map(({ index, kind }) => `${index} ${kind}`)).to.deep.equal([
      "1 config",
      "2 normal",
      "3 normal",
      "4 normal",
      "5 normal",
    ]);
    expect([log.failure, log.snapshot, log.snapshotFailure]).to.deep.equal([null, null, null]);
  });

  it("names the first entry that is corrupted, and shows what is before it", async () => {
    for (const index of [1, 3, 5]) {
      const { sim, disk } = await written();
      disk.corrupt(LOG_STORE, recordKey(index), flip);
      const log = await inspect(sim, disk);
      expect(log.failure?.code).to.equal("corrupt");
      expect(log.failure?.details["index"]).to.equal(String(index));
      expect(log.entries.map((entry) => entry.index)).to.deep.equal(
        Array.from({ length: index - 1 }, (_, at) => at + 1),
      );
      expect(log.hardState?.term, "what is beside the entries is shown all the same").to.equal(3);
    }
  });

  it("finds a hole, and a log that ends too early", async () => {
    const hole = await written();
    hole.disk.corrupt(LOG_STORE, recordKey(3), () => null);
    const missing = await inspect(hole.sim, hole.disk);
    expect(missing.failure?.message).to.include("at index 3: entries up to 3 are missing");
    const end = await written();
    end.disk.corrupt(LOG_STORE, recordKey(5), () => null);
    const cut = await inspect(end.sim, end.disk);
    expect(cut.failure?.message).to.include("the log ends at 4, it was written up to 5");
    expect(cut.entries).to.have.length(4);
  });

  it("shows whose it is when everything else is unreadable", async () => {
    const { sim, disk } = await written();
    for (const key of disk.keys(LOG_STORE)) {
      if (Buffer.from(key).toString("latin1") === "m/hs") disk.corrupt(LOG_STORE, key, flip);
    }
    const log = await inspect(sim, disk);
    expect(log.identity).to.deep.equal(IDENTITY);
    expect(log.entries).to.deep.equal([]);
    expect(log.failure?.code).to.equal("corrupt");
  });

  it("reads a snapshot's body to its end and says what is wrong with it", async () => {
    const { sim, disk } = await written();
    const env = sim.env("recover");
    const work = async (): Promise<void> => {
      const deps = { env, kvFactory: disk.factory(env) };
      const survivor = await Survivor.open(deps, { identity: IDENTITY, dataDir: "d", protocolMax: PROTOCOLS.max });
      await survivor.becomeCluster("m1:1");
      await survivor.close();
    };
    await sim.resolve(work(), { timeoutMs: 60_000, what: "recovered" });
    const sound = await inspect(sim, disk);
    expect(sound.snapshot?.meta.config.members.map(({ id }) => id)).to.deep.equal(["m1"]);
    expect(sound.bytes).to.equal(sound.snapshot?.meta.sizeBytes);
    expect(sound.snapshotFailure).to.equal(null);
    expect(sound.point.index).to.equal(sound.snapshot?.meta.index);
    const [chunk] = disk.keys("raft-snapshots").filter((key) => Buffer.from(key).toString("latin1").startsWith("c/"));
    disk.corrupt("raft-snapshots", chunk!, flip);
    const damaged = await inspect(sim, disk);
    expect(damaged.snapshotFailure?.message).to.include("corrupted at chunk 0");
    expect(damaged.failure).to.equal(null);
  });
});
