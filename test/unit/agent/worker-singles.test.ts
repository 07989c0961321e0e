import { expect } from "chai";
import { AppError } from "../../../src/util/errors.ts";
import { anAssignment, aSpec, completeSet, incrementalSet } from "../../support/agent-fixtures.ts";
import { WorkerHarness } from "../../support/agent-harness.ts";

describe("agent/worker: what never runs twice", () => {
  let h: WorkerHarness;

  beforeEach(async () => {
    h = new WorkerHarness();
    await h.start();
  });

  it("is ended when told so, with a short grace, and nothing else", async () => {
    const patient = aSpec({ container: { image: "busybox", stopGraceMs: 60_000 } });
    h.engine.behaviour.stopMs = 60_000;
    h.apply(completeSet([anAssignment("t1", { single: true }, patient), anAssignment("t2")], { version: 10 }));
    for (const id of ["t1", "t2"]) await h.until(id, "RUNNING");
    const ended = h.worker.endSingles("no manager was in reach", 5000);
    await h.sim.resolve(ended, { timeoutMs: 4500, what: "the end" });
    expect(h.worker.statusOf("t1")).to.include({ state: "SHUTDOWN", message: "stopped: no manager was in reach" });
    expect(h.engine.container("t1")?.state.state).to.equal("exited");
    h.apply(completeSet([anAssignment("t1", { single: true }, patient), anAssignment("t2")], { version: 10 }));
    await h.sim.run(10_000);
    expect([h.run.state("t1"), h.run.state("t2")]).to.deep.equal(["SHUTDOWN", "RUNNING"]);
    expect(h.engine.container("t1")?.starts).to.equal(1);
  });

  const set = (part: Parameters<typeof anAssignment>[1] = {}): ReturnType<typeof completeSet> =>
    completeSet([anAssignment("t1", { single: true, ...part }), anAssignment("t2")], { version: 10 });
  const runs = (): readonly string[] => h.engine.running().map(({ task }) => task.id);

  it("is started only by a set whose state knows of the session that it came by: any other may be from before a silence", async () => {
    h.apply(set(), "s2");
    await h.sim.run(5000);
    expect(runs()).to.deep.equal(["t2"]);
    h.apply(incrementalSet(1, { version: 11, sessionId: "s1" }), "s2");
    await h.sim.run(5000);
    expect(runs()).to.deep.equal(["t2"]);
    h.apply(incrementalSet(2, { version: 12, sessionId: "s2" }), "s2");
    await h.until("t1", "RUNNING");
  });

  it("is known to be so from the report that answers it, also of a task that runs already, and for good", async () => {
    const known = (): boolean | undefined => h.run.reports.findLast(({ taskId }) => taskId === "t1")?.status?.single;
    h.apply(set({ single: false }));
    await h.until("t1", "RUNNING");
    await h.sim.run(10);
    expect(known()).to.equal(false);
    h.apply(incrementalSet(1, { version: 11, assigned: [anAssignment("t1", { single: true })] }));
    await h.sim.run(10);
    expect(known()).to.equal(true);
    h.apply(incrementalSet(2, { version: 12, assigned: [anAssignment("t1", { single: false })] }));
    void h.worker.endSingles("no manager was in reach", 5000);
    await h.until("t1", "SHUTDOWN");
  });

  it("is started after a reboot only once a manager said that it is still this node's", async () => {
    h.apply(set());
    for (const id of ["t1", "t2"]) await h.until(id, "RUNNING");
    h.crash("power");
    await h.restart("boot2");
    await h.sim.run(30_000);
    expect(runs()).to.deep.equal(["t2"]);
    h.apply(set());
    await h.sim.runUntil(() => runs().length === 2, { timeoutMs: 2000, what: "running again" });
  });

  it("is not started after a reboot when it was replaced meanwhile", async () => {
    h.apply(set());
    for (const id of ["t1", "t2"]) await h.until(id, "RUNNING");
    h.crash("power");
    await h.restart("boot2");
    h.apply(set({ desired: "SHUTDOWN" }));
    await h.until("t1", "SHUTDOWN");
    expect(h.engine.container("t1")?.starts).to.equal(1);
  });

  it("goes on while only its agent is restarted, and is not started before a manager is heard if it had not begun", async () => {
    h.apply(set({ desired: "READY" }));
    for (const id of ["t1", "t2"]) await h.until(id, id === "t1" ? "READY" : "RUNNING");
    h.engine.behaviour.fail = (op) => (op === "start" ? new AppError("unavailable", "no engine") : null);
    h.apply(set());
    await h.until("t1", "STARTING");
    await h.sim.run(100);
    h.crash();
    h.engine.behaviour.fail = () => null;
    await h.restart();
    await h.sim.run(10_000);
    expect(runs()).to.deep.equal(["t2"]);
    h.apply(set());
    await h.until("t1", "RUNNING");
    h.crash();
    await h.restart();
    await h.sim.run(10_000);
    expect(runs()).to.have.members(["t1", "t2"]);
    expect(h.run.state("t1")).to.equal("RUNNING");
  });
});
