import { expect } from "chai";
import { OWN_MANAGER_MS, SILENCE_MS } from "../../../src/agent/session.ts";
import { AppError } from "../../../src/util/errors.ts";
import { anAssignment, aSpec, completeSet, incrementalSet } from "../../support/agent-fixtures.ts";
import { AgentWorld } from "../../support/agent-world.ts";

describe("agent/agent", () => {
  let w: AgentWorld;

  beforeEach(async () => {
    w = new AgentWorld();
    await w.start();
  });

  it("says who it is, runs what it is told and reports it", async () => {
    const manager = await w.untilSession();
    await w.untilRunning();
    await w.sim.run(10);
    expect(manager.hellos[0]).to.deep.include({ address: "worker1:7377", clusterId: "cluster1" });
    expect(manager.hellos[0]?.agentEpoch).to.be.greaterThan(0);
    expect(manager.hellos[0]?.description).to.deep.include({
      hostname: "worker-1",
      engineId: "fake-engine",
      runtimes: ["container"],
    });
    expect(manager.latest("t1")).to.include({ state: "RUNNING", agentEpoch: manager.hellos[0]?.agentEpoch });
    expect(w.agent.status()).to.deep.include({ unacknowledged: 0, tasks: 1, problems: [] });
  });

  it("beats as often as the manager asks", async () => {
    const manager = await w.untilSession();
    await w.sim.run(10_000);
    expect(manager.heartbeats.length).to.be.within(10, 12);
    expect(manager.heartbeats[0]).to.deep.include({ engineOk: true, engineMessage: "" });
  });

  it("gets a report of a killed container to the manager within milliseconds", async () => {
    const manager = await w.untilSession();
    await w.untilRunning();
    await w.sim.run(5000);
    w.engine.kill("t1");
    await w.sim.run(5);
    expect(manager.latest("t1")).to.include({ state: "FAILED", exitCode: 137 });
  });

  it("finds another manager at once when its own dies, and touches no container", async () => {
    const first = await w.untilSession();
    await w.untilRunning();
    await w.sim.run(1000);
    first.kill();
    await w.sim.run(1);
    expect(w.agent.status().manager).to.equal("");
    const second = await w.untilSession(110);
    expect(second).to.not.equal(first);
    expect(w.engine.container("t1")?.starts).to.equal(1);
  });

  describe("on a manager's host", () => {
    const own = "m1:7377";

    it("goes to another one's, which can tell when the host was last heard of", async () => {
      for (let seed = 1; seed <= 6; seed += 1) {
        w = new AgentWorld(seed, { address: own });
        await w.start();
        const first = await w.untilSession();
        first.kill();
        await w.sim.run(1000);
        expect([first.address, w.holder().address], `seed ${seed}`).to.not.include(own);
      }
    });

    it("stays at its own only while there is no other", async () => {
      w = new AgentWorld(2, { address: own });
      const [mine, ...others] = w.managers;
      for (const manager of others) manager.refuses = new AppError("unavailable", "not yet");
      await w.start();
      expect(await w.untilSession()).to.equal(mine);
      await w.sim.run(25_000);
      expect(w.holder()).to.equal(mine);
      expect(w.dialled.length, "it asks now and then").to.be.within(5, 15);
      for (const manager of others) manager.refuses = null;
      await w.sim.run(OWN_MANAGER_MS + 2000);
      expect(others).to.include(w.holder());
      const dialled = w.dialled.length;
      await w.sim.run(60_000);
      expect(w.dialled).to.have.length(dialled);
    });

    it("stays at its own for good where it is the only one", async () => {
      w = new AgentWorld(3, { address: own });
      for (const manager of w.managers) manager.managers = [own];
      await w.restart([own]);
      expect(await w.untilSession()).to.equal(w.managers[0]);
      const dialled = w.dialled.length;
      await w.sim.run(60_000);
      expect(w.dialled).to.have.length(dialled);
    });
  });

  it("gives up a manager that is silent, and one that never welcomes", async () => {
    const first = await w.untilSession();
    await w.untilRunning();
    first.answers = false;
    const lost = (): boolean => w.agent.status().manager === "";
    await w.sim.runUntil(lost, { timeoutMs: SILENCE_MS + 1100, what: "the silent manager is given up" });
    await w.untilSession(110);
    w.network.partition(["worker1"], ["m1", "m2", "m3"]);
    await w.sim.run(10_000);
    expect(w.agent.status().manager).to.equal("");
    w.network.heal();
    await w.untilSession(3000);
    expect(w.engine.container("t1")?.starts).to.equal(1);
  });

  it("keeps the connection count low while no manager answers", async () => {
    for (const manager of w.managers) manager.refuses = new AppError("exhausted", "Too many nodes connect at once");
    w.crash();
    await w.restart();
    await w.sim.run(60_000);
    const attempts = w.managers.reduce((sum, { hellos }) => sum + hellos.length, 0);
    expect(attempts).to.be.within(30, 75);
    const repeated = w.dialled.filter((address, at) => address === w.dialled[at - 1]);
    expect(repeated, "the manager just lost is not the next to ask").to.deep.equal([]);
    expect(new Set(w.dialled).size).to.equal(3);
    expect(w.agent.status().problems).to.deep.equal(["Too many nodes connect at once"]);
  });

  it("sends what was not acknowledged again to the next manager, the latest only", async () => {
    for (const manager of w.managers) manager.acknowledges = false;
    const first = await w.untilSession();
    await w.untilRunning();
    w.engine.exit("t1", 3);
    await w.sim.run(100);
    expect(w.agent.status().unacknowledged).to.equal(1);
    for (const manager of w.managers) manager.acknowledges = true;
    first.kill();
    await w.sim.run(1);
    const second = await w.untilSession();
    await w.sim.run(20);
    expect(second.reports.map(({ status }) => status?.state)).to.deep.equal(["FAILED"]);
    expect(w.agent.status().unacknowledged).to.equal(0);
  });

  it("keeps messages below 64 KiB however much there is to say, and takes sets in pieces", async () => {
    for (const each of w.managers) each.acknowledges = false;
    const manager = await w.untilSession();
    const ids = Array.from({ length: 300 }, (_, at) => `task${at}`);
    const spec = aSpec({ container: { image: "x", env: [`BIG=${"x".repeat(2000)}`] } });
    w.engine.behaviour.fail = (op) => (op === "prepare" ? new AppError("not-found", "e".repeat(3000)) : null);
    manager.send(incrementalSet(1, { version: 6, assigned: ids.map((id) => anAssignment(id, {}, spec)) }));
    const isDone = (): boolean => ids.every((id) => manager.latest(id)?.state === "REJECTED");
    await w.sim.runUntil(isDone, { timeoutMs: 10_000, what: "all rejected" });
    const all = completeSet([anAssignment("t1"), ...ids.map((id) => anAssignment(id, {}, spec))], { version: 6 });
    for (const each of w.managers) each.first = all;
    manager.kill();
    await w.sim.run(1);
    const second = await w.untilSession();
    await w.sim.run(100);
    expect(new Set(second.reports.map(({ taskId }) => taskId)).size).to.equal(301);
    expect(second.largest).to.be.within(32 * 1024, 64 * 1024);
  });

  it("asks another manager when a set is missing in between", async () => {
    const first = await w.untilSession();
    await w.untilRunning();
    first.send(incrementalSet(7, { removed: ["t1"] }));
    await w.sim.run(5);
    expect(w.agent.status().problems[0]).to.include("Assignment set continues 7, but 1 was the last");
    await w.untilSession(110);
    expect(w.engine.running()).to.have.lengthOf(1);
  });

  it("goes from a manager that lags to one that does not", async () => {
    await w.untilSession();
    await w.untilRunning();
    w.holder().send(incrementalSet(1, { assigned: [anAssignment("t2")], version: 8 }));
    await w.sim.run(1000);
    for (const manager of w.managers) manager.first = completeSet([anAssignment("t1")], { version: 7 });
    const [ahead] = w.managers;
    if (ahead !== undefined) ahead.first = completeSet([anAssignment("t1"), anAssignment("t2")], { version: 9 });
    w.holder().stream?.end();
    await w.sim.run(3000);
    expect(w.agent.status().manager).to.equal(ahead?.address);
    expect(w.engine.running()).to.have.lengthOf(2);
  });

  it("remembers the managers it was told of across a restart", async () => {
    await w.untilSession();
    await w.sim.run(100);
    w.crash();
    await w.restart(["gone:7377"]);
    await w.untilSession(1000);
  });

  it("goes on without any manager, and after its own crash too", async () => {
    await w.untilSession();
    await w.untilRunning();
    await w.sim.run(100);
    for (const manager of w.managers) manager.kill();
    await w.sim.run(30_000);
    w.crash();
    await w.sim.run(5000);
    await w.restart();
    await w.sim.run(30_000);
    expect(w.engine.container("t1")).to.deep.include({ starts: 1 });
    expect(w.agent.worker.statusOf("t1")?.state).to.equal("RUNNING");
  });

  it("tells at once that the engine does not answer, and that it is back", async () => {
    const manager = await w.untilSession();
    await w.untilRunning();
    w.engine.setOutage("refused");
    await w.sim.run(150);
    expect(manager.heartbeats.at(-1)).to.deep.include({ engineOk: false, engineMessage: "The engine does not answer" });
    w.engine.setOutage("none");
    await w.sim.run(150);
    expect(manager.heartbeats.at(-1)).to.deep.include({ engineOk: true, engineMessage: "" });
  });

  it("tells that its disk cannot be written, and goes on beating", async () => {
    const manager = await w.untilSession();
    w.disk.faults.failWrite = () => new Error("no space left on device");
    await w.untilRunning();
    await w.sim.run(1000);
    const before = manager.heartbeats.length;
    await w.sim.run(10_000);
    expect(manager.heartbeats.length - before).to.be.at.least(9);
    expect(manager.heartbeats.at(-1)?.engineMessage).to.include("no space left on device");
  });

  it("says which of its disks is almost full, and goes on with everything", async () => {
    const manager = await w.untilSession();
    await w.untilRunning();
    w.freeShare = 0.04;
    w.disk.faults.failWrite = () => new Error("no space left on device");
    await w.sim.run(11_000);
    expect(manager.descriptions.at(-1)?.fullPaths).to.deep.equal(["/var/lib/shoal"]);
    expect(w.engine.running()).to.have.length(1);
    w.freeShare = 0.5;
    await w.sim.run(11_000);
    expect(manager.descriptions.at(-1)?.fullPaths).to.deep.equal([]);
  });

  describe("when it is stopped", () => {
    it("for good: what never runs twice is stopped and reported before the goodbye", async () => {
      const manager = await w.untilSession();
      await w.untilRunning();
      manager.send(completeSet([anAssignment("t1", { single: true })], { version: 5 }));
      await w.sim.run(100);
      const stopped = w.agent.stop({ goodbye: true });
      await w.sim.runUntil(() => manager.goodbyes.length > 0, { timeoutMs: 2000, what: "goodbye" });
      expect(w.engine.container("t1")?.state.state).to.equal("exited");
      expect(manager.reports.at(-1)).to.deep.include({ taskId: "t1" });
      expect(manager.reports.at(-1)?.status).to.deep.include({
        state: "SHUTDOWN",
        message: "stopped: its node is shut down",
      });
      await w.sim.resolve(stopped, { timeoutMs: 20_000, what: "agent stops" });
    });

    it("for good: says goodbye first, then stops its tasks", async () => {
      const manager = await w.untilSession();
      await w.untilRunning();
      w.engine.behaviour.stopMs = 3000;
      const stopped = w.agent.stop({ goodbye: true });
      await w.sim.run(10);
      expect(manager.goodbyes).to.have.lengthOf(1);
      expect(w.engine.running(), "its replacement starts meanwhile").to.have.lengthOf(1);
      await w.sim.resolve(stopped, { timeoutMs: 5000, what: "stop" });
      expect(w.engine.running()).to.have.lengthOf(0);
      expect(w.engine.containers()).to.have.lengthOf(1);
    });

    it("for good: acts on no assignments that cross the goodbye", async () => {
      const manager = await w.untilSession();
      await w.untilRunning();
      manager.endsAtGoodbye = false;
      const stopped = w.agent.stop({ goodbye: true });
      await w.sim.runUntil(() => manager.goodbyes.length > 0, { timeoutMs: 2000, what: "goodbye" });
      manager.send(completeSet([anAssignment("t1"), anAssignment("late")], { version: 9 }));
      await w.sim.resolve(stopped, { timeoutMs: 20_000, what: "agent stops" });
      expect(w.engine.containers().map(({ task }) => task.id)).to.deep.equal(["t1"]);
    });

    it("to leave the cluster: leaves nothing behind", async () => {
      await w.untilSession();
      await w.untilRunning();
      await w.stop({ goodbye: true, removeTasks: true });
      expect(w.engine.containers()).to.have.lengthOf(0);
    });

    it("without a goodbye: leaves everything running and takes it up again", async () => {
      const manager = await w.untilSession();
      await w.untilRunning();
      await w.stop({ goodbye: false });
      expect(manager.goodbyes).to.deep.equal([]);
      expect(w.engine.running()).to.have.lengthOf(1);
      await w.sim.run(1000);
      await w.restart();
      await w.untilSession();
      await w.sim.run(1000);
      expect(w.engine.container("t1")?.starts).to.equal(1);
    });

    it("does nothing any more afterwards", async () => {
      await w.untilSession();
      await w.untilRunning();
      await w.stop({ goodbye: false });
      const { calls } = w.engine;
      const hellos = w.managers.reduce((sum, manager) => sum + manager.hellos.length, 0);
      await w.sim.run(60_000);
      expect(w.engine.calls).to.equal(calls);
      expect(w.managers.reduce((sum, manager) => sum + manager.hellos.length, 0)).to.equal(hellos);
    });

    it("before it was started, or while the engine hangs, ends within its bound", async () => {
      const fresh = new AgentWorld(2);
      await fresh.stop({ goodbye: true });
      await w.untilSession();
      await w.untilRunning();
      w.engine.setOutage("hung");
      const from = w.sim.now;
      await w.stop({ goodbye: true });
      expect(w.sim.now - from).to.be.below(12_000);
    });
  });
});
