/** Recoveries and restores of whole clusters on simulated time: no former manager disturbs, nothing is stopped unasked. */
import { expect } from "chai";
import type { Task } from "../../src/model/index.ts";
import { INDEX_GAP } from "../../src/manager/new-life.ts";
import { newId } from "../../src/util/id.ts";
import { recover, restore, takeBackup } from "../support/new-life.ts";
import { SimCluster, type Machine } from "../support/sim-cluster.ts";

const REPLICAS = 4;
/** Longer than every time after which a node's tasks are replaced, the grace after a loss of quorum included. */
const LONG_MS = 200_000;

class Rig {
  readonly cluster: SimCluster;

  constructor(seed: number) {
    this.cluster = new SimCluster(seed);
  }

  static async start(seed: number): Promise<Rig> {
    const rig = new Rig(seed);
    // Managers run tasks, too: they come back as workers.
    await rig.cluster.start({ managers: 3, workers: 3 });
    await rig.scale(REPLICAS);
    return rig;
  }

  machine(name: string): Machine {
    return this.cluster.machine(name);
  }

  async scale(replicas: number): Promise<void> {
    const { cluster } = this;
    const spec = {
      name: "web",
      replicated: { replicas },
      task: { container: { image: "app:1", stopGraceMs: 1000 }, restart: { delayMs: 100 } },
    };
    const { services } = await cluster.mustCall("Control.ListServices", { filters: ["name=web"] });
    const [known] = services;
    if (known === undefined) await cluster.mustCall("Control.CreateService", { requestId: `create`, spec });
    else {
      const { id = "", meta } = known.service ?? {};
      const version = meta?.version ?? 0;
      await cluster.mustCall("Control.UpdateService", { requestId: `scale-${replicas}`, id, version, spec });
    }
    await this.until(`${replicas} run`, 20_000, () => this.running().length === replicas);
  }

  async until(what: string, timeoutMs: number, isDone: () => boolean): Promise<void> {
    await this.cluster.sim.runUntil(isDone, { timeoutMs, what });
  }

  tasks(): readonly Task[] {
    const store = (this.cluster.leader() ?? this.cluster.managers.find(({ node }) => node?.manager))?.node?.manager
      ?.store;
    return [...(store?.view().all("task") ?? [])];
  }

  running(): readonly string[] {
    return this.tasks()
      .filter(({ desired, status }) => desired === "RUNNING" && status?.state === "RUNNING")
      .map(({ id }) => id)
      .toSorted();
  }

  /** Every container of every engine, its state and how often it was started. */
  containers(): readonly string[] {
    return this.cluster.machines
      .flatMap(({ engine }) => engine?.containers() ?? [])
      .map(({ task, state, starts }) => `${task.id} ${state.state} ${starts}`)
      .toSorted();
  }

  members(machine: Machine): readonly string[] {
    return (machine.node?.manager?.replica.members() ?? []).map(({ id }) => id);
  }

  nodeState(machine: Machine): string {
    const node = this.cluster.leader()?.node?.manager?.store.view().get("node", machine.id);
    return `${node?.role} ${node?.status?.state}`;
  }

  async resume(): Promise<readonly string[]> {
    const { items } = await this.cluster.mustCall("Control.PlanResume", {});
    await this.cluster.mustCall("Control.ResumeCluster", { requestId: "resume" });
    return items.map(({ action, taskId, reason }) => `${action} ${taskId} ${reason}`);
  }

  /** The quorum is gone: both others lose power for good, the third its process. */
  async loseQuorum(): Promise<{ survivor: Machine; others: readonly Machine[] }> {
    const survivor = this.machine("m1");
    const others = [this.machine("m2"), this.machine("m3")];
    for (const machine of others) this.cluster.crash(machine, { power: true });
    await this.cluster.sim.run(15_000);
    this.cluster.crash(survivor, { power: false });
    return { survivor, others };
  }
}

describe("sim/recover", function () {
  this.timeout(120_000);

  it("makes a cluster of the survivor that waits: nodes report, nothing is started or stopped", async () => {
    const rig = await Rig.start(11);
    const before = { containers: rig.containers(), running: rig.running() };
    const { survivor, others } = await rig.loseQuorum();
    const begun = await recover(rig.cluster, survivor);
    expect(begun.index).to.be.above(INDEX_GAP);
    rig.cluster.boot(survivor);
    await rig.until("it leads alone", 20_000, () => rig.cluster.leader() === survivor);
    expect(rig.members(survivor)).to.deep.equal([survivor.id]);
    await rig.until("workers report", 20_000, () =>
      rig.cluster.workers.every((worker) => rig.nodeState(worker) === "WORKER READY"),
    );
    // A node goes meanwhile: its tasks are not replaced.
    const gone = rig.machine("w1");
    rig.cluster.crash(gone, { power: false });
    await rig.cluster.sim.run(LONG_MS);
    expect(rig.nodeState(gone)).to.equal("WORKER DOWN");
    expect(rig.running()).to.deep.equal(before.running);
    expect(rig.containers()).to.deep.equal(before.containers);
    for (const machine of others) expect(rig.nodeState(machine)).to.equal("WORKER DOWN");
    rig.cluster.boot(gone);
    await rig.until("it is back", 20_000, () => rig.nodeState(gone) === "WORKER READY");
    expect(await rig.resume(), "there is nothing to do").to.deep.equal([]);
    await rig.cluster.sim.run(10_000);
    expect(rig.containers()).to.deep.equal(before.containers);
    await rig.scale(REPLICAS + 2);
    expect(rig.cluster.fatal).to.deep.equal([]);
  });

  for (const isOldFirst of [false, true]) {
    it(`is disturbed by no manager of the life before ${isOldFirst ? "that leads already" : "that comes back"}, and takes them as workers, then as managers`, async () => {
      const rig = await Rig.start(12);
      const before = rig.containers();
      const { survivor, others } = await rig.loseQuorum();
      await recover(rig.cluster, survivor);
      const bootOld = async (): Promise<void> => {
        for (const machine of others) rig.cluster.boot(machine);
        if (isOldFirst) await rig.until("they lead their old life", 20_000, () => rig.cluster.leader() !== null);
      };
      if (isOldFirst) await bootOld();
      rig.cluster.boot(survivor);
      await rig.until("the survivor leads", 20_000, () => survivor.node?.manager?.replica.isReadyLeader() === true);
      const { term } = survivor.node!.manager!.replica.status();
      if (!isOldFirst) await bootOld();
      await rig.until("their managers are gone", 20_000, () => others.every(({ node }) => node?.manager === null));
      await rig.until("they are workers", 30_000, () =>
        others.every((machine) => rig.nodeState(machine) === "WORKER READY" && machine.superseding === ""),
      );
      await rig.cluster.sim.run(LONG_MS);
      const { replica } = survivor.node!.manager!;
      expect(replica.status()).to.include({ term, role: "leader" });
      expect(rig.members(survivor)).to.deep.equal([survivor.id]);
      expect(rig.containers()).to.deep.equal(before);
      await rig.resume();
      for (const { id } of others) await rig.cluster.mustCall("Control.SetNodeRole", { id, role: "MANAGER" });
      await rig.until(
        "three vote",
        30_000,
        () =>
          replica.status().config.members.every(({ role }) => role === "voter") && rig.members(survivor).length === 3,
      );
      // The quorum is real: the survivor may go.
      rig.cluster.crash(survivor, { power: true });
      await rig.scale(REPLICAS + 1);
      expect(rig.cluster.fatal).to.deep.equal([]);
    });
  }

  it("lists what ran and the recovered state does not know, and stops it only when told", async () => {
    const rig = await Rig.start(13);
    const survivor = rig.machine("m1");
    // What the others agree on without it, it will not know.
    rig.cluster.crash(survivor, { power: false });
    await rig.until("another leads", 20_000, () => rig.cluster.leader() !== null);
    const known = rig.running();
    await rig.scale(REPLICAS + 2);
    const later = rig.running().filter((id) => !known.includes(id));
    expect(later).to.have.length(2);
    for (const name of ["m2", "m3"]) rig.cluster.crash(rig.machine(name), { power: true });
    const before = rig.containers();
    await recover(rig.cluster, survivor);
    rig.cluster.boot(survivor);
    await rig.until("workers report", 20_000, () =>
      rig.cluster.workers.every((worker) => rig.nodeState(worker) === "WORKER READY"),
    );
    await rig.cluster.sim.run(LONG_MS);
    expect(rig.containers()).to.deep.equal(before);
    const attempt = rig.cluster.call(survivor, "Control.RemoveService", { id: "web" }).then(
      () => null,
      (error: Error) => error,
    );
    const refused = await rig.cluster.sim.resolve(attempt, { timeoutMs: 10_000, what: "the refusal" });
    expect(refused).to.include({ code: "precondition" });
    const plan = await rig.resume();
    expect(plan).to.have.members(later.map((id) => `STOP ${id} the state does not know it`));
    await rig.until("they are gone", 20_000, () => rig.containers().length === REPLICAS);
    await rig.cluster.sim.run(20_000);
    expect(rig.running()).to.deep.equal(known);
    expect(rig.containers()).to.deep.equal(before.filter((text) => !later.some((id) => text.startsWith(id))));
  });

  it("keeps what the survivor has although it does not know it to be committed", async () => {
    const rig = await Rig.start(14);
    const survivor = rig.machine("m1");
    const versionOf = (machine: Machine): number => machine.node?.manager?.store.view().version ?? 0;
    const { service } = await rig.cluster.mustCall("Control.GetService", { id: "web" });
    await rig.scale(REPLICAS + 1);
    const changed = await rig.cluster.mustCall("Control.GetService", { id: "web" });
    const last = versionOf(survivor);
    await rig.loseQuorum();
    const begun = await recover(rig.cluster, survivor);
    expect(begun.index).to.be.at.least(last + INDEX_GAP);
    rig.cluster.boot(survivor);
    await rig.until("it leads", 20_000, () => rig.cluster.leader() === survivor);
    const now = await rig.cluster.mustCall("Control.GetService", { id: "web" });
    expect(now.service).to.deep.equal(changed.service);
    expect(now.service?.meta?.version).to.be.above(service?.meta?.version ?? 0);
  });
});

describe("sim/restore", function () {
  this.timeout(120_000);

  it("makes the same cluster of a backup taken under writes: same ids and versions, nothing stopped unasked", async () => {
    const rig = await Rig.start(21);
    const { cluster } = rig;
    let writes = 0;
    const write = async (): Promise<void> => {
      for (; writes < 200; writes += 1) {
        const spec = { name: `w${writes}`, replicated: { replicas: 0 }, task: { container: { image: "x:1" } } };
        await cluster.call(cluster.managers[writes % 3]!, "Control.CreateService", { requestId: `w${writes}`, spec });
      }
    };
    const writing = write();
    await rig.until("writes are under way", 20_000, () => writes > 20);
    const source = cluster.managers.find((machine) => machine !== cluster.leader())!;
    const before = rig.running();
    const file = await takeBackup(cluster, source);
    expect(writes, "it was taken under writes").to.be.below(200);
    await cluster.sim.resolve(writing, { timeoutMs: 60_000, what: "the writes end" });
    const rows = new Map([...source.node!.manager!.store.view().all("service")].map((row) => [row.id, row]));

    // After the backup: two tasks more, then every manager is lost, two of them for ever.
    await rig.scale(REPLICAS + 2);
    const later = rig.running().filter((id) => !before.includes(id));
    const containers = rig.containers();
    for (const machine of cluster.managers) cluster.crash(machine, { power: true });
    await cluster.sim.run(5_000);
    const host = rig.machine("m1");
    host.reinstall(newId(cluster.sim.env("new")), "manager");
    const begun = await restore(cluster, host, file);
    cluster.boot(host);
    await rig.until("it leads", 20_000, () => cluster.leader() === host);
    await rig.until("workers report by themselves", 60_000, () =>
      ["w1", "w2", "w3"].every((name) => rig.nodeState(rig.machine(name)) === "WORKER READY"),
    );
    const tx = host.node!.manager!.store.view();
    const restored = [...tx.all("service")];
    expect(restored.length).to.be.within(20, 201);
    for (const row of restored) if (row.spec?.name !== "web") expect(row).to.deep.equal(rows.get(row.id));
    expect(tx.version).to.be.above(begun.index);
    // One of the old managers is not lost after all.
    const old = rig.machine("m2");
    cluster.boot(old);
    await rig.until(
      "it goes on as a worker",
      60_000,
      () => rig.nodeState(old) === "WORKER READY" && old.superseding === "",
    );
    await cluster.sim.run(LONG_MS);
    expect(rig.members(host)).to.deep.equal([host.id]);
    expect(rig.containers()).to.deep.equal(containers);

    const plan = await rig.resume();
    expect(plan.filter((text) => text.startsWith("STOP"))).to.have.members(
      later.map((id) => `STOP ${id} the state does not know it`),
    );
    await rig.until("they are gone", 20_000, () => rig.containers().length === REPLICAS);
    await cluster.sim.run(20_000);
    expect(rig.running()).to.deep.equal(before);
    expect(rig.containers()).to.deep.equal(containers.filter((text) => !later.some((id) => text.startsWith(id))));
    expect(cluster.fatal).to.deep.equal([]);
  });

  it("leaves a node alone that joined after the backup, and names it", async () => {
    const rig = await Rig.start(22);
    const { cluster } = rig;
    const file = await takeBackup(cluster, cluster.leader()!);
    const stranger = await cluster.addMachine("w9", "worker");
    cluster.boot(stranger);
    await rig.until("it is ready", 20_000, () => rig.nodeState(stranger) === "WORKER READY");
    for (const name of ["w1", "w2", "w3"]) {
      const { node } = await cluster.mustCall("Control.GetNode", { id: name });
      const { id = "", meta, spec } = node ?? {};
      await cluster.mustCall("Control.UpdateNode", {
        requestId: `drain-${name}`,
        id,
        version: meta?.version ?? 0,
        spec: { ...spec, availability: "DRAIN" },
      });
    }
    await rig.until("all tasks are its", 30_000, () => stranger.engine!.running().length === REPLICAS);
    await cluster.sim.run(5_000);
    for (const machine of cluster.managers) cluster.crash(machine, { power: true });
    const host = rig.machine("m1");
    host.reinstall(newId(cluster.sim.env("new")), "manager");
    await restore(cluster, host, file);
    cluster.boot(host);
    await rig.until("it leads", 20_000, () => cluster.leader() === host);
    await cluster.sim.run(LONG_MS);
    const { items, unknown } = await cluster.mustCall("Control.PlanResume", {});
    expect(unknown.find(({ id }) => id === stranger.id)).to.include({
      isStranger: true,
      name: "w9",
      reason: `the state does not know it: ${REPLICAS} tasks on it are left alone, but what never runs twice stops there`,
    });
    expect(items.map(({ action }) => action)).to.not.include("STOP");
    await rig.resume();
    await cluster.sim.run(30_000);
    expect(stranger.engine!.running()).to.have.length(REPLICAS);
    expect(stranger.isExpelled).to.equal(false);
  });
});
