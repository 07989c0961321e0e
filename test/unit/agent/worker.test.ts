import { expect } from "chai";
import { STARTS_MAX } from "../../../src/agent/worker.ts";
import { AppError } from "../../../src/util/errors.ts";
import {
  aCheckedSpec,
  anAssignment,
  aSpec,
  completeSet,
  incrementalSet,
  INCARNATION,
} from "../../support/agent-fixtures.ts";
import { IDENTITY, WorkerHarness } from "../../support/agent-harness.ts";

/** Of the same cluster after a recovery. */
const LATER = "1700000000.later";
const OWNER = { clusterId: IDENTITY.clusterId, nodeId: IDENTITY.nodeId, nodeName: "node-1" };

describe("agent/worker", () => {
  let h: WorkerHarness;

  beforeEach(async () => {
    h = new WorkerHarness();
    await h.start();
  });

  async function running(...ids: string[]): Promise<void> {
    h.apply(
      completeSet(
        ids.map((id) => anAssignment(id)),
        { version: 10 },
      ),
    );
    for (const id of ids) await h.until(id, "RUNNING");
  }

  it("brings an assigned task up and reports each state in order", async () => {
    await running("t1");
    await h.sim.run(1);
    expect(h.run.statesReported("t1")).to.deep.equal(["PREPARING", "STARTING", "RUNNING"]);
    const sequences = h.run.reports.map(({ status }) => status?.sequence ?? 0);
    expect(sequences).to.deep.equal(sequences.toSorted((a, b) => a - b));
    expect(h.engine.container("t1")?.starts).to.equal(1);
  });

  it("reports a killed container within milliseconds", async () => {
    await running("t1");
    await h.sim.run(1000);
    h.run.reports.length = 0;
    h.engine.kill("t1");
    await h.sim.run(3);
    expect(h.run.reports.map(({ status }) => status)).to.have.lengthOf(1);
    expect(h.run.reports[0]?.status).to.include({ state: "FAILED", exitCode: 137, error: "exited with code 137" });
  });

  it("makes again what a prune of the engine removed: what waits for its start at once, what is started within 5 s", async () => {
    h.apply(completeSet([anAssignment("t1", { desired: "READY" }), anAssignment("t2", { desired: "READY" })]));
    for (const id of ["t1", "t2"]) await h.until(id, "READY");
    h.engine.vanish("t1");
    await h.sim.run(1000);
    expect(h.engine.container("t1")?.state.state).to.equal("created");
    h.engine.vanish("t2");
    h.apply(incrementalSet(1, { assigned: [anAssignment("t1"), anAssignment("t2")] }));
    for (const id of ["t1", "t2"]) await h.until(id, "RUNNING", 5000);
    expect(h.run.statesReported("t2")).to.not.include("FAILED");
  });

  it("does not believe a look that is older than an event", async () => {
    await running("t1");
    await h.sim.run(100);
    h.engine.behaviour.answerMs = 50;
    h.engine.setHealth("t1", "healthy");
    await h.sim.run(10);
    h.engine.kill("t1");
    await h.until("t1", "FAILED", 150);
  });

  it("waits in READY until RUNNING is wanted", async () => {
    h.apply(completeSet([anAssignment("t1", { desired: "READY" })]));
    await h.until("t1", "READY");
    await h.sim.run(5000);
    expect(h.run.state("t1")).to.equal("READY");
    h.apply(incrementalSet(1, { assigned: [anAssignment("t1")] }));
    await h.until("t1", "RUNNING");
  });

  it("stays STARTING until the check passes, and fails what gets unhealthy after stopping it", async () => {
    h.apply(completeSet([anAssignment("t1", {}, aCheckedSpec())]));
    await h.until("t1", "STARTING");
    await h.until("t1", "RUNNING");
    h.engine.setHealth("t1", "unhealthy");
    await h.until("t1", "FAILED");
    expect(h.worker.statusOf("t1")?.error).to.equal("health check failed");
    expect(h.engine.running()).to.have.lengthOf(0);
  });

  it("shuts a task down and removes what is left only when the task is forgotten", async () => {
    await running("t1");
    h.apply(incrementalSet(1, { assigned: [anAssignment("t1", { desired: "SHUTDOWN" })] }));
    await h.until("t1", "SHUTDOWN");
    expect(h.engine.containers(), "its logs can still be read").to.have.lengthOf(1);
    h.apply(incrementalSet(2, { removed: ["t1"] }));
    await h.sim.runUntil(() => h.engine.containers().length === 0, { timeoutMs: 1000, what: "removal" });
    expect(h.worker.size).to.equal(0);
  });

  it("does not let a lower desired state revive a task", async () => {
    await running("t1");
    h.apply(incrementalSet(1, { assigned: [anAssignment("t1", { desired: "SHUTDOWN" })] }));
    h.apply(incrementalSet(2, { assigned: [anAssignment("t1", { desired: "RUNNING" })] }));
    await h.until("t1", "SHUTDOWN");
  });

  it("rejects a task whose image is missing", async () => {
    h.engine.behaviour.fail = (op) => (op === "prepare" ? new AppError("not-found", "No such image: nope") : null);
    h.apply(completeSet([anAssignment("t1")]));
    await h.until("t1", "REJECTED");
    expect(h.worker.statusOf("t1")?.error).to.equal("No such image: nope");
  });

  it("gives up preparing as soon as the task is not wanted any more", async () => {
    h.engine.behaviour.prepareMs = 60_000;
    h.apply(completeSet([anAssignment("t1")]));
    await h.sim.run(100);
    h.apply(incrementalSet(1, { assigned: [anAssignment("t1", { desired: "SHUTDOWN" })] }));
    await h.sim.run(20);
    expect(h.run.state("t1")).to.equal("SHUTDOWN");
  });

  it("starts what is here while registries are slow: a pull holds no place among those that start", async () => {
    const slow = Array.from({ length: 2 * STARTS_MAX }, (_, at) => `slow${at}`);
    h.engine.behaviour.pullMs = (id) => (id.startsWith("slow") ? 30_000 : 0);
    h.apply(completeSet(slow.map((id) => anAssignment(id))));
    await h.sim.run(100);
    h.apply(incrementalSet(1, { assigned: [anAssignment("local")] }));
    await h.until("local", "RUNNING", 1000);
    for (const id of slow) await h.until(id, "RUNNING", 60_000);
  });

  it("prepares a bounded number at once, and stops do not wait behind them", async () => {
    await running("old");
    h.engine.behaviour.prepareMs = 1000;
    const ids = Array.from({ length: 3 * STARTS_MAX }, (_, at) => `t${at}`);
    h.apply(incrementalSet(1, { assigned: ids.map((id) => anAssignment(id)) }));
    await h.sim.run(1500);
    expect(h.engine.containers().length - 1).to.equal(STARTS_MAX);
    h.apply(incrementalSet(2, { assigned: [anAssignment("old", { desired: "SHUTDOWN" })] }));
    await h.sim.run(20);
    expect(h.run.state("old")).to.equal("SHUTDOWN");
    for (const id of ids) await h.until(id, "RUNNING", 60_000);
  });

  describe("after its own crash", () => {
    it("re-attaches: same container, no restart, a newer epoch", async () => {
      await running("t1");
      const before = h.worker.statusOf("t1");
      const { epoch } = h.run.db.meta;
      await h.sim.run(1000);
      h.crash();
      await h.sim.run(5000);
      await h.restart();
      await h.sim.run(100);
      const after = h.worker.statusOf("t1");
      expect(after).to.include({ state: "RUNNING", runtimeId: before?.runtimeId, startedAtMs: before?.startedAtMs });
      expect(h.engine.container("t1")?.starts).to.equal(1);
      expect(h.run.db.meta.epoch).to.be.greaterThan(epoch);
      expect(h.run.reports.at(-1)?.status).to.include({ state: "RUNNING", agentEpoch: h.run.db.meta.epoch });
    });

    it("reports what ended meanwhile", async () => {
      await running("t1", "t2");
      h.crash();
      h.engine.exit("t1", 3);
      h.engine.vanish("t2");
      await h.restart();
      await h.until("t1", "FAILED");
      await h.until("t2", "FAILED");
      expect(h.worker.statusOf("t1")).to.include({ exitCode: 3 });
    });

    it("goes on with a task wherever it was", async () => {
      for (const ms of [0, 1, 5, 15, 25, 35, 45, 60]) {
        h = new WorkerHarness(ms);
        await h.start();
        h.apply(completeSet([anAssignment("t1")]));
        await h.sim.run(ms);
        h.crash("power");
        await h.restart("boot2");
        // Nothing durable of it yet: then a manager has to say it again.
        if (h.worker.size === 0) h.apply(completeSet([anAssignment("t1")]));
        const isUp = (): boolean => h.run.state("t1") === "RUNNING" && h.engine.running().length === 1;
        await h.sim.runUntil(isUp, { timeoutMs: 5000, what: `running again, crashed after ${ms} ms` });
      }
    });

    it("does not run what ended before, from its own memory or the managers'", async () => {
      await running("t1");
      h.engine.exit("t1", 0);
      await h.until("t1", "COMPLETE");
      await h.sim.run(10);
      h.crash();
      await h.restart();
      await h.sim.run(1000);
      expect(h.run.state("t1")).to.equal("COMPLETE");
      h.crash();
      h.disk.wipe();
      await h.restart();
      h.apply(completeSet([anAssignment("t1", { status: { state: "COMPLETE" } })]));
      await h.sim.run(1000);
      expect(h.engine.container("t1")?.starts).to.equal(1);
      h.apply(incrementalSet(1, { assigned: [anAssignment("t9", { status: { state: "FAILED" } })] }));
      await h.sim.run(10);
      h.crash();
      await h.restart();
      await h.sim.run(1000);
      expect(h.engine.container("t9"), "history is no work, with or without a manager").to.equal(undefined);
    });

    it("takes up a running container although its database was lost", async () => {
      await running("t1");
      const epoch = h.run.db.meta.epoch;
      await h.sim.run(2000);
      h.crash();
      h.disk.wipe();
      await h.restart();
      await h.sim.run(1000);
      expect(h.engine.running(), "nothing is stopped before a manager was heard").to.have.lengthOf(1);
      h.apply(completeSet([anAssignment("t1", { status: { state: "RUNNING" } })]));
      await h.sim.run(1000);
      expect(h.run.state("t1")).to.equal("RUNNING");
      expect(h.engine.container("t1")?.starts).to.equal(1);
      expect(h.run.db.meta.epoch, "the managers know the epochs before").to.be.greaterThan(epoch);
    });

    it("starts its tasks again on this node after a reboot of the machine", async () => {
      await running("t1", "t2");
      await h.sim.run(10);
      h.crash("power");
      await h.sim.run(90_000);
      await h.restart("boot2");
      await h.sim.runUntil(() => h.engine.running().length === 2, { timeoutMs: 5000, what: "both running again" });
      await h.sim.run(10);
      for (const id of ["t1", "t2"])
        expect(h.run.statesReported(id)).to.satisfy((s: string[]) => s.every((x) => x === "RUNNING"));
    });
  });

  describe("when the engine", () => {
    for (const outage of ["refused", "hung"] as const) {
      it(`does not answer (${outage}), fails no task and goes on when it is back`, async () => {
        await running("t1");
        h.engine.setOutage(outage);
        h.apply(incrementalSet(1, { assigned: [anAssignment("t2")] }));
        await h.sim.run(30_000);
        expect(h.run.state("t1")).to.equal("RUNNING");
        expect(h.run.state("t2")).to.equal("PREPARING");
        h.engine.setOutage("none");
        await h.until("t2", "RUNNING");
        expect(h.run.state("t1")).to.equal("RUNNING");
        expect(h.engine.container("t1")?.starts).to.equal(1);
      });
    }

    it("restarts and takes the containers with it, starts them again without a failure", async () => {
      await running("t1", "t2");
      h.engine.restart(5000, 0);
      await h.sim.run(4000);
      expect(h.engine.running()).to.have.lengthOf(0);
      await h.sim.runUntil(() => h.engine.running().length === 2, { timeoutMs: 10_000, what: "both running again" });
      await h.sim.run(100);
      for (const id of ["t1", "t2"]) {
        expect(h.run.statesReported(id).filter((state) => state !== "RUNNING")).to.deep.equal([
          "PREPARING",
          "STARTING",
        ]);
        expect(h.worker.statusOf(id)).to.include({ state: "RUNNING", healthy: true, message: "running" });
      }
      expect(h.run.db.meta.engineIsAway).to.equal(false);
    });

    it("restarts while the agent restarts too, starts them again", async () => {
      await running("t1");
      h.engine.restart(5000, 137);
      await h.sim.run(2000);
      h.crash();
      await h.sim.run(10_000);
      await h.restart();
      await h.sim.runUntil(() => h.engine.running().length === 1, { timeoutMs: 10_000, what: "running again" });
      expect(h.run.state("t1")).to.equal("RUNNING");
    });

    it("was away, what ends at once after its second start has ended by itself", async () => {
      await running("t1");
      h.engine.behaviour.runMs = 0;
      h.engine.restart(2000);
      await h.until("t1", "COMPLETE");
      expect(h.engine.container("t1")?.starts).to.equal(2);
    });

    it("was away once, a later crash of the container is its own", async () => {
      await running("t1");
      h.engine.restart(2000);
      await h.sim.runUntil(() => h.engine.running().length === 1, { timeoutMs: 10_000, what: "running again" });
      await h.sim.run(1000);
      h.engine.kill("t1");
      await h.until("t1", "FAILED", 100);
    });
  });

  describe("without an assignment", () => {
    async function stray(owner = OWNER): Promise<void> {
      const names = { serviceId: "s", serviceName: "s", slot: 1, pinnedNodeId: "", run: 0 };
      const task = { id: "stray", ...names, spec: aSpec() };
      const { signal } = new AbortController();
      const made = h.engine.prepare(owner, task, signal).then(() => h.engine.start(owner, task, signal));
      await h.sim.resolve(made, { timeoutMs: 1000, what: "stray" });
    }

    it("leaves a container alone until a complete set does not name it", async () => {
      h = new WorkerHarness();
      await stray();
      await h.start();
      await h.sim.run(60_000);
      expect(h.engine.running()).to.have.lengthOf(1);
      h.apply(completeSet([]));
      await h.sim.runUntil(() => h.engine.containers().length === 0, { timeoutMs: 2000, what: "removal" });
    });

    it("never touches another node's container", async () => {
      h = new WorkerHarness();
      await stray({ ...OWNER, nodeId: "node2" });
      await h.start();
      h.apply(completeSet([]));
      await h.sim.run(60_000);
      expect(h.engine.running()).to.have.lengthOf(1);
    });

    it("removes a held task that a complete set of the same incarnation omits", async () => {
      h = new WorkerHarness();
      await h.start();
      await running("t1", "t2");
      h.apply(completeSet([anAssignment("t2")], { version: 11 }));
      await h.sim.runUntil(() => h.engine.containers().length === 1, { timeoutMs: 2000, what: "removal" });
      expect(h.engine.running()[0]?.task.id).to.equal("t2");
    });

    it("stops nothing when a new incarnation is met, and tells it everything anew", async () => {
      h = new WorkerHarness();
      await h.start();
      await running("t1", "t2");
      h.run.reports.length = 0;
      h.worker.meet(LATER);
      await h.sim.run(60_000);
      expect(h.engine.running()).to.have.lengthOf(2);
      const told = h.run.reports.map(({ taskId, status }) => `${taskId} ${status?.state}`);
      expect(told).to.deep.equal(["t1 RUNNING", "t2 RUNNING"]);
    });

    it("lets a complete set of a newer incarnation decide on tasks of an older one, whatever its version", async () => {
      h = new WorkerHarness();
      await h.start();
      await running("t1", "t2");
      h.apply(completeSet([anAssignment("t2")], { clusterIncarnation: LATER, version: 1 }));
      await h.sim.runUntil(() => h.engine.containers().length === 1, { timeoutMs: 2000, what: "removal" });
      expect(h.engine.running()[0]?.task.id).to.equal("t2");
    });

    it("takes nothing from an earlier incarnation once it met a newer one, also after a restart", async () => {
      h = new WorkerHarness();
      await h.start();
      await running("t1");
      h.worker.meet(LATER);
      await h.sim.run(1000);
      h.crash();
      await h.restart();
      for (const say of [
        () => h.worker.meet(INCARNATION),
        () => h.apply(completeSet([], { version: 99 })),
        () => h.apply({ ...completeSet([], { version: 99 }), complete: false, removed: ["t1"] }),
      ])
        expect(say).to.throw(AppError, "an earlier incarnation");
      // Of two lives that began from the same one it stays with the one it met.
      expect(() => h.worker.meet("1700000000.other")).to.throw(AppError, "another incarnation");
      await h.sim.run(60_000);
      expect(h.engine.running()).to.have.lengthOf(1);
    });

    it("refuses a set from a manager that lags behind what it acted on", async () => {
      h = new WorkerHarness();
      await h.start();
      await running("t1");
      expect(() => h.apply(completeSet([], { version: 9 }))).to.throw(AppError, "behind");
      await h.sim.run(10_000);
      h.crash();
      await h.restart();
      expect(() => h.apply(completeSet([], { version: 9 })), "also after a restart").to.throw(AppError);
      expect(h.engine.running()).to.have.lengthOf(1);
    });

    it("tries a removal again until the engine answers", async () => {
      h = new WorkerHarness();
      await h.start();
      await running("t1");
      h.engine.setOutage("refused");
      h.apply(completeSet([], { version: 11 }));
      await h.sim.run(10_000);
      h.engine.setOutage("none");
      await h.sim.runUntil(() => h.engine.containers().length === 0, { timeoutMs: 3000, what: "removal" });
    });
  });

  describe("on a clean stop", () => {
    it("stops what runs within the bound and starts nothing again until told", async () => {
      await running("t1");
      h.run.db.update({ saidGoodbye: true });
      const stopped = h.worker.stopRuntimes(10_000, { remove: false });
      await h.sim.resolve(stopped, { timeoutMs: 11_000, what: "stop" });
      expect(h.engine.running()).to.have.lengthOf(0);
      expect(h.run.state("t1"), "the managers decide what becomes of it").to.equal("RUNNING");
      await h.stop();
      h.crash();
      await h.restart("boot2");
      await h.sim.run(30_000);
      expect(h.engine.running()).to.have.lengthOf(0);
      h.apply(completeSet([anAssignment("t1", { status: { state: "RUNNING" } })]));
      await h.sim.runUntil(() => h.engine.running().length === 1, { timeoutMs: 2000, what: "running again" });
    });

    it("starts nothing until told, however often the agent starts meanwhile", async () => {
      await running("t1");
      h.run.db.update({ saidGoodbye: true });
      await h.sim.resolve(h.worker.stopRuntimes(10_000, { remove: false }), { timeoutMs: 11_000, what: "stop" });
      await h.stop();
      await h.restart("boot2");
      await h.sim.run(1000);
      h.crash("power");
      await h.restart("boot3");
      await h.sim.run(30_000);
      expect(h.engine.running()).to.have.lengthOf(0);
      const again = completeSet([anAssignment("t1", { status: { state: "RUNNING" } })], { version: 11 });
      h.apply(again);
      await h.sim.runUntil(() => h.engine.running().length === 1, { timeoutMs: 2000, what: "running again" });
      h.crash("power");
      await h.restart("boot4");
      await h.sim.runUntil(() => h.engine.running().length === 1, { timeoutMs: 2000, what: "held no longer" });
    });

    it("does not start what was replaced elsewhere meanwhile", async () => {
      await running("t1");
      h.run.db.update({ saidGoodbye: true });
      await h.sim.resolve(h.worker.stopRuntimes(10_000, { remove: false }), { timeoutMs: 11_000, what: "stop" });
      await h.stop();
      await h.restart("boot2");
      h.apply(completeSet([anAssignment("t1", { desired: "SHUTDOWN", status: { state: "RUNNING" } })]));
      await h.until("t1", "SHUTDOWN");
      expect(h.engine.container("t1")?.starts).to.equal(1);
    });

    it("gives up after the bound on a task that ignores its signal", async () => {
      h.engine.behaviour.stopMs = 60_000;
      h.apply(completeSet([anAssignment("t1", {}, aSpec({ container: { image: "x", stopGraceMs: 50_000 } }))]));
      await h.until("t1", "RUNNING");
      const started = h.sim.now;
      await h.sim.resolve(h.worker.stopRuntimes(10_000, { remove: true }), { timeoutMs: 11_000, what: "stop" });
      expect(h.sim.now - started).to.be.at.most(10_001);
    });
  });

  it("goes on when the disk is full, says so, and catches up", async () => {
    const problems: string[] = [];
    h.run.db.onProblem(() => problems.push(h.run.db.problem));
    h.disk.faults.failWrite = () => new Error("no space left on device");
    await running("t1");
    h.engine.kill("t1");
    await h.until("t1", "FAILED", 100);
    await h.sim.run(10_000);
    expect(problems).to.deep.equal(["The task database cannot be written: no space left on device"]);
    h.disk.faults = {};
    await h.sim.run(20_000);
    expect(h.run.db.problem).to.equal("");
    h.crash();
    await h.restart();
    expect(h.run.state("t1")).to.equal("FAILED");
  });
});
