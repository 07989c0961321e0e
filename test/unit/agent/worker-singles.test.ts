import { expect } from "chai";
import { AppError } from "../../../src/util/errors.ts";
import { anAssignment, aSpec, completeSet } from "../../support/agent-fixtures.ts";
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
    h.worker.apply(completeSet([anAssignment("t1", { single: true }, patient), anAssignment("t2")], { version: 10 }));
    for (const id of ["t1", "t2"]) await h.until(id, "RUNNING");
    const ended = h.worker.endSingles("no manager was in reach", 5000);
    await h.sim.resolve(ended, { timeoutMs: 4500, what: "the end" });
    expect(h.worker.statusOf("t1")).to.include({ state: "SHUTDOWN", message: "stopped: no manager was in reach" });
    expect(h.engine.container("t1")?.state.state).to.equal("exited");
    h.worker.apply(completeSet([anAssignment("t1", { single: true }, patient), anAssignment("t2")], { version: 10 }));
    await h.sim.run(10_000);
    expect([h.run.state("t1"), h.run.state("t2")]).to.deep.equal(["SHUTDOWN", "RUNNING"]);
    expect(h.engine.container("t1")?.starts).to.equal(1);
  });

  const set = (part: Parameters<typeof anAssignment>[1] = {}): ReturnType<typeof completeSet> =>
    completeSet([anAssignment("t1", { single: true, ...part }), anAssignment("t2")], { version: 10 });
  const runs = (): readonly string[] => h.engine.running().map(({ task }) => task.id);

  it("is started after a reboot only once a manager said that it is still this node's", async () => {
    h.worker.apply(set());
    for (const id of ["t1", "t2"]) await h.until(id, "RUNNING");
    h.crash("power");
    await h.restart("boot2");
    await h.sim.run(30_000);
    expect(runs()).to.deep.equal(["t2"]);
    h.worker.apply(set());
    await h.sim.runUntil(() => runs().length === 2, { timeoutMs: 2000, what: "running again" });
  });

  it("is not started after a reboot when it was replaced meanwhile", async () => {
    h.worker.apply(set());
    for (const id of ["t1", "t2"]) await h.until(id, "RUNNING");
    h.crash("power");
    await h.restart("boot2");
    h.worker.apply(set({ desired: "SHUTDOWN" }));
    await h.until("t1", "SHUTDOWN");
    expect(h.engine.container("t1")?.starts).to.equal(1);
  });

  it("goes on while only its agent is restarted, and is not started before a manager is heard if it had not begun", async () => {
    h.worker.apply(set({ desired: "READY" }));
    for (const id of ["t1", "t2"]) await h.until(id, id === "t1" ? "READY" : "RUNNING");
    h.engine.behaviour.fail = (op) => (op === "start" ? new AppError("unavailable", "no engine") : null);
    h.worker.apply(set());
    await h.until("t1", "STARTING");
    await h.sim.run(100);
    h.crash();
    h.engine.behaviour.fail = () => null;
    await h.restart();
    await h.sim.run(10_000);
    expect(runs()).to.deep.equal(["t2"]);
    h.worker.apply(set());
    await h.until("t1", "RUNNING");
    h.crash();
    await h.restart();
    await h.sim.run(10_000);
    expect(runs()).to.have.members(["t1", "t2"]);
    expect(h.run.state("t1")).to.equal("RUNNING");
  });
});
