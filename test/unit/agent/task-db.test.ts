import { expect } from "chai";
import { CLOSE_DEADLINE_MS, TASK_DB_NAME, TaskDb } from "../../../src/agent/task-db.ts";
import { silentLogger } from "../../../src/util/log.ts";
import { anAssignment, aStatus, INCARNATION } from "../../support/agent-fixtures.ts";
import { IDENTITY } from "../../support/agent-harness.ts";
import { MemoryDisk } from "../../support/memory-kv.ts";
import { Sim } from "../../support/sim-env.ts";

describe("agent/task-db", () => {
  let sim: Sim;
  let disk: MemoryDisk;
  let starts = 0;

  beforeEach(() => {
    sim = new Sim(1);
    disk = new MemoryDisk();
  });

  async function open(bootId = "boot1", identity = IDENTITY) {
    const env = sim.env(`agent${(starts += 1)}`);
    const db = new TaskDb({ env, log: silentLogger, kvFactory: disk.factory(env) });
    const loaded = await sim.resolve(db.start(identity, bootId), { timeoutMs: 1000, what: "open" });
    return { db, env, ...loaded };
  }

  async function write(db: TaskDb): Promise<void> {
    await sim.resolve(db.flush(), { timeoutMs: 1000, what: "flush" });
  }

  it("gives after a power loss what was written: assignments, statuses, managers", async () => {
    const first = await open();
    first.db.putAssignment(anAssignment("t1", { slot: 3 }), INCARNATION);
    first.db.putStatus("t1", aStatus({ state: "RUNNING", runtimeId: "c1", sequence: 4 }));
    first.db.update({ managers: ["m1:1", "m2:1"], incarnation: INCARNATION, version: 9, saidGoodbye: true });
    await write(first.db);
    disk.crash();
    const second = await open("boot2");
    expect(second.records.get("t1")?.assignment.task).to.deep.include({ id: "t1", slot: 3 });
    expect(second.records.get("t1")?.status).to.deep.include({ state: "RUNNING", runtimeId: "c1", sequence: 4 });
    expect(second.records.get("t1")?.incarnation).to.equal(INCARNATION);
    expect(second.before).to.deep.include({
      managers: ["m1:1", "m2:1"],
      saidGoodbye: true,
      bootId: "boot1",
      version: 9,
    });
    expect(second.db.meta).to.deep.include({ managers: ["m1:1", "m2:1"], saidGoodbye: true, bootId: "boot2" });
  });

  it("counts every start, whatever the wall clock does", async () => {
    const first = await open();
    disk.crash();
    const second = await open();
    expect(second.db.meta.epoch).to.equal(first.db.meta.epoch + 1);
    disk.wipe();
    await sim.run(5000);
    const third = await open();
    expect(third.db.meta.epoch, "also when the database is lost").to.be.above(second.db.meta.epoch);
  });

  it("forgets what is removed", async () => {
    const { db } = await open();
    db.putAssignment(anAssignment("t1"), INCARNATION);
    db.putStatus("t1", aStatus({ state: "RUNNING" }));
    await write(db);
    db.remove("t1");
    await write(db);
    disk.crash();
    expect((await open()).records.size).to.equal(0);
    expect(disk.keys(TASK_DB_NAME).map((key) => Buffer.from(key).toString())).to.deep.equal(["meta"]);
  });

  it("loads more than one page in full", async () => {
    const { db } = await open();
    for (let at = 0; at < 700; at++) db.putAssignment(anAssignment(`task${at}`), INCARNATION);
    await write(db);
    disk.crash();
    expect((await open()).records.size).to.equal(700);
  });

  it("writes everything of one turn as one synced batch, and an unchanged assignment not at all", async () => {
    const { db } = await open();
    const batches: number[] = [];
    disk.faults.failWrite = (_store, ops) => {
      batches.push(ops.length);
      return null;
    };
    db.putAssignment(anAssignment("t1"), INCARNATION);
    db.putStatus("t1", aStatus({ state: "ACCEPTED" }));
    db.putStatus("t1", aStatus({ state: "PREPARING" }));
    await write(db);
    db.putAssignment(anAssignment("t1", { meta: { version: 77 }, status: { state: "RUNNING" } }), INCARNATION);
    await sim.run(100);
    expect(batches).to.deep.equal([2]);
  });

  it("ignores a record that rotted", async () => {
    const { db } = await open();
    db.putAssignment(anAssignment("t1"), INCARNATION);
    db.putAssignment(anAssignment("t2"), INCARNATION);
    await write(db);
    disk.crash();
    disk.corrupt(TASK_DB_NAME, Buffer.from("a/t1"), (value) => {
      value[value.length - 1] = (value.at(-1) ?? 0) ^ 1;
      return value;
    });
    expect([...(await open()).records.keys()]).to.deep.equal(["t2"]);
  });

  it("refuses another node's database by name", async () => {
    const { db } = await open();
    await sim.resolve(db.stop(), { timeoutMs: 1000, what: "stop" });
    const other = await open("boot1", { ...IDENTITY, nodeId: "node2" }).catch((error: unknown) => error);
    expect(other).to.be.an("error").with.property("message").that.includes("of node node1 in cluster cluster1");
  });

  it("keeps what a full disk refused, newest last, and writes it on a reopened store", async () => {
    const { db } = await open();
    disk.faults.failWrite = () => new Error("no space left on device");
    db.putStatus("t1", aStatus({ state: "STARTING" }));
    db.putAssignment(anAssignment("t1"), INCARNATION);
    await sim.run(5000);
    expect(db.problem).to.include("no space left on device");
    db.putStatus("t1", aStatus({ state: "RUNNING" }));
    disk.faults = {};
    await sim.run(20_000);
    expect(db.problem).to.equal("");
    disk.crash();
    expect((await open()).records.get("t1")?.status?.state).to.equal("RUNNING");
  });

  it("ends within its bound although the disk hangs", async () => {
    const { db } = await open();
    disk.faults.writeDelayMs = () => 1e9;
    db.putStatus("t1", aStatus({ state: "RUNNING" }));
    await sim.run(1);
    const from = sim.now;
    await sim.resolve(db.stop(), { timeoutMs: 60_000, what: "stop" });
    expect(sim.now - from).to.be.at.most(2 * CLOSE_DEADLINE_MS);
  });
});
