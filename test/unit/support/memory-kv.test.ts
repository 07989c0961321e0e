import { expect } from "chai";
import { MemoryDisk } from "../../support/memory-kv.ts";
import { Sim } from "../../support/sim-env.ts";
import type { Kv, KvOp } from "../../../src/util/kv.ts";

const key = (text: string): Uint8Array => Buffer.from(text);
const put = (name: string, value: string): KvOp => ({ kind: "put", key: key(name), value: Buffer.from(value) });

async function dump(kv: Kv): Promise<string[]> {
  const entries = await kv.range({ gte: key(""), lt: key("zzz"), limit: 100 });
  return entries.map((entry) => `${Buffer.from(entry.key).toString()}=${Buffer.from(entry.value).toString()}`);
}

describe("test/support/memory-kv", () => {
  it("keeps what was synced and loses what was not at a power loss, whatever came later", async () => {
    const sim = new Sim(1);
    const disk = new MemoryDisk();
    const kv = await disk.factory(sim.env("p")).open("log");
    await sim.resolve(kv.batch([put("a", "1")], { sync: true }), { timeoutMs: 10, what: "batch" });
    await sim.resolve(kv.batch([put("b", "1")], { sync: false }), { timeoutMs: 10, what: "batch" });
    await sim.resolve(kv.batch([put("c", "1")], { sync: true }), { timeoutMs: 10, what: "batch" });
    expect(await dump(kv)).to.deep.equal(["a=1", "b=1", "c=1"]);
    disk.crash();
    expect(await dump(await disk.factory(sim.env("q")).open("log"))).to.deep.equal(["a=1", "c=1"]);
  });

  it("keeps unsynced writes when only the process dies, and loses a batch under way", async () => {
    const sim = new Sim(1);
    const disk = new MemoryDisk();
    const kv = await disk.factory(sim.env("p")).open("log");
    await sim.resolve(kv.batch([put("b", "1")], { sync: false }), { timeoutMs: 10, what: "batch" });
    void kv.batch([put("c", "1")], { sync: true });
    disk.crash({ kind: "process" });
    expect(await dump(await disk.factory(sim.env("q")).open("log"))).to.deep.equal(["b=1"]);
  });

  it("refuses a second opener until the first closed", async () => {
    const sim = new Sim(1);
    const factory = new MemoryDisk().factory(sim.env("p"));
    const kv = await factory.open("log");
    expect(await factory.open("log").catch((error: unknown) => String(error))).to.include("open already");
    await kv.close();
    await factory.open("log");
  });

  it("gives ranges in byte order, either way, with a limit", async () => {
    const sim = new Sim(1);
    const kv = await new MemoryDisk().factory(sim.env("p")).open("log");
    const ops = [[255], [1, 0], [1], [128]].map((bytes): KvOp => {
      return { kind: "put", key: Uint8Array.from(bytes), value: Uint8Array.of(0) };
    });
    await sim.resolve(kv.batch(ops, { sync: true }), { timeoutMs: 10, what: "batch" });
    const range = { gte: Uint8Array.of(1), lt: Uint8Array.of(255), limit: 2 };
    expect((await kv.range(range)).map((entry) => [...entry.key])).to.deep.equal([[1], [1, 0]]);
    expect((await kv.range({ ...range, reverse: true })).map((entry) => [...entry.key])).to.deep.equal([[128], [1, 0]]);
  });

  it("fails a batch on demand and writes nothing of it", async () => {
    const sim = new Sim(1);
    const disk = new MemoryDisk();
    disk.faults = { failWrite: () => new Error("ENOSPC") };
    const kv = await disk.factory(sim.env("p")).open("log");
    const failed = kv.batch([put("a", "1")], { sync: true }).catch((error: unknown) => String(error));
    expect(await sim.resolve(failed, { timeoutMs: 10, what: "failure" })).to.include("ENOSPC");
    expect(await dump(kv)).to.deep.equal([]);
  });
});
