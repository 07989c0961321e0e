import { expect } from "chai";
import { INDEX_GAP } from "../../../src/manager/new-life.ts";
import { Survivor } from "../../../src/manager/survivor.ts";
import { PROTOCOLS } from "../../../src/model/protocol.ts";
import type { Action } from "../../../src/store/actions.ts";
import { AppError } from "../../../src/util/errors.ts";
import { node, service } from "../../support/loops/objects.ts";
import { MemoryDisk } from "../../support/memory-kv.ts";
import { IDENTITY, writeOldLog } from "../../support/old-log.ts";
import { Sim } from "../../support/sim-env.ts";
import { aCluster, aNode } from "../../support/store/objects.ts";

const OPTIONS = { identity: IDENTITY, dataDir: "d", protocolMax: PROTOCOLS.max };

function firstChanges(): Action[] {
  const cluster = aCluster({ id: "c1", incarnation: "first" });
  const managers = ["m1", "m2", "m3"].map((id) => aNode({ ...node(id), role: "MANAGER" }));
  return [
    { kind: "put", table: "cluster", object: cluster },
    ...managers.map((object): Action => ({ kind: "put", table: "node", object })),
  ];
}

const web = (replicas: number): Action[] => [{ kind: "put", table: "service", object: service("web", { replicas }) }];

class Rig {
  readonly sim: Sim;
  readonly disk = new MemoryDisk();
  #opens = 0;

  constructor(seed = 1) {
    this.sim = new Sim(seed);
  }

  async open(): Promise<Survivor> {
    this.#opens += 1;
    const env = this.sim.env(`open${this.#opens}`);
    const opening = Survivor.open({ env, kvFactory: this.disk.factory(env) }, OPTIONS);
    return await this.sim.resolve(opening, { timeoutMs: 60_000, what: "open" });
  }

  async done<T>(work: Promise<T>): Promise<T> {
    return await this.sim.resolve(work, { timeoutMs: 60_000, what: "done" });
  }
}

describe("manager/survivor", () => {
  it("keeps every entry it has, those that are not known to be committed too", async () => {
    const rig = new Rig();
    await writeOldLog(rig.sim, rig.disk, { changes: [firstChanges(), web(1), web(7)], hardState: { commit: 2 } });
    const survivor = await rig.open();
    expect(survivor.last).to.deep.equal({ index: 4, term: 3 });
    expect(survivor.commit).to.equal(2);
    expect(survivor.formerManagers.map(({ id, address }) => [id, address])).to.deep.equal([
      ["m2", "10.0.0.2:7377"],
      ["m3", "10.0.0.3:7377"],
    ]);
    const begun = await rig.done(survivor.becomeCluster("new:1"));
    await rig.done(survivor.close());
    expect(begun).to.include({ index: 4 + INDEX_GAP, term: 4 });

    const again = await rig.open();
    const tx = again.store.view();
    expect(again.config.members).to.deep.equal([{ id: "m1", address: "new:1", role: "voter" }]);
    expect(again.commit).to.equal(begun.index);
    expect(tx.get("service", "web")?.spec?.replicated?.replicas).to.equal(7);
    expect(tx.get("service", "web")?.meta?.version).to.equal(4);
    expect(tx.get("node", "m1")).to.include({ role: "MANAGER", address: "new:1" });
    expect(["m2", "m3"].map((id) => tx.get("node", id)?.role)).to.deep.equal(["WORKER", "WORKER"]);
    expect(tx.get("cluster", "c1")?.awaitsResume).to.deep.include({ kind: "RECOVERED", version: 4 });
    await rig.done(again.close());
  });

  it("begins in a term beyond the one it voted in", async () => {
    const rig = new Rig();
    await writeOldLog(rig.sim, rig.disk, { changes: [firstChanges()], hardState: { term: 40 } });
    const survivor = await rig.open();
    expect((await rig.done(survivor.becomeCluster("new:1"))).term).to.equal(41);
    await rig.done(survivor.close());
  });

  /** The power goes `seed` ms after the writing began. */
  async function crashed(seed: number, { tear }: { readonly tear: boolean }): Promise<{ rig: Rig; isDone: boolean }> {
    const rig = new Rig(seed);
    await writeOldLog(rig.sim, rig.disk, { changes: [firstChanges(), web(1)] });
    const survivor = await rig.open();
    rig.disk.faults = { writeDelayMs: () => 10 };
    let isDone = false;
    void survivor.becomeCluster("new:1").then(() => (isDone = true));
    await rig.sim.run(seed);
    rig.disk.crash({ kind: "power", random: () => rig.sim.random(), tear });
    rig.disk.faults = {};
    return { rig, isDone };
  }

  it("holds the old cluster or the whole new one after a power loss at any time", async () => {
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= 30; seed += 1) {
      const { rig, isDone } = await crashed(seed, { tear: false });
      const after = await rig.open();
      const { index } = after.last;
      const isNew = index > INDEX_GAP;
      outcomes.add(isNew ? "new" : "old");
      if (isDone) expect(isNew, `seed ${seed}: what was reported done`).to.equal(true);
      expect(after.config.members.length, `seed ${seed}`).to.equal(isNew ? 1 : 3);
      expect(after.store.view().get("cluster", "c1")?.awaitsResume === null, `seed ${seed}`).to.equal(!isNew);
      // Either way it can be done (again).
      const begun = await rig.done(after.becomeCluster("new:1"));
      expect(begun.index).to.equal(index + INDEX_GAP);
      await rig.done(after.close());
    }
    expect([...outcomes].toSorted()).to.deep.equal(["new", "old"]);
  });

  it("is refused as corrupted where a disk tore the one batch that must not be torn", async () => {
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= 60; seed += 1) {
      const { rig } = await crashed(seed, { tear: true });
      const after = await rig.open().catch((error: unknown) => AppError.from(error));
      if (after instanceof AppError) {
        expect(after.code, `seed ${seed}: ${after.message}`).to.equal("corrupt");
        outcomes.add("refused");
      } else {
        const isNew = after.last.index > INDEX_GAP;
        expect(after.config.members.length, `seed ${seed}`).to.equal(isNew ? 1 : 3);
        outcomes.add(isNew ? "new" : "old");
        await rig.done(after.close());
      }
    }
    expect([...outcomes].toSorted()).to.deep.equal(["new", "old", "refused"]);
  });

  it("reports a failed write, and the old cluster is still there", async () => {
    const rig = new Rig();
    await writeOldLog(rig.sim, rig.disk, { changes: [firstChanges()] });
    const survivor = await rig.open();
    rig.disk.faults = { failWrite: (store) => (store === "raft-log" ? new AppError("exhausted", "no space") : null) };
    const failure = await rig.done(
      survivor.becomeCluster("new:1").then(
        () => null,
        (error: AppError) => error,
      ),
    );
    expect(failure?.message).to.equal("no space");
    rig.disk.faults = {};
    rig.disk.crash({ kind: "process" });
    const after = await rig.open();
    expect(after.last.index).to.equal(2);
    await rig.done(after.close());
  });

  it("refuses a log without a cluster, and one that no longer knows its own node", async () => {
    const empty = new Rig();
    await writeOldLog(empty.sim, empty.disk, { changes: [] });
    const refused = await empty.open().then(
      () => null,
      (error: AppError) => error,
    );
    expect(refused?.code).to.equal("precondition");
    const removed = new Rig();
    await writeOldLog(removed.sim, removed.disk, {
      changes: [firstChanges(), [{ kind: "remove", table: "node", id: "m1" }]],
    });
    const survivor = await removed.open();
    const failure = await removed.done(
      survivor.becomeCluster("new:1").then(
        () => null,
        (error: AppError) => error,
      ),
    );
    expect(failure?.message).to.include("it was removed");
    await removed.done(survivor.close());
  });
});
