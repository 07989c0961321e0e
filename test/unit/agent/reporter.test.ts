import { expect } from "chai";
import { Reporter, STATUS_TEXT_MAX } from "../../../src/agent/reporter.ts";
import type { TaskReport } from "../../../src/model/index.ts";
import { aStatus } from "../../support/agent-fixtures.ts";
import { Sim } from "../../support/sim-env.ts";

describe("agent/reporter", () => {
  let sim: Sim;
  let reporter: Reporter;
  let batches: TaskReport[][];

  beforeEach(() => {
    sim = new Sim(1);
    reporter = new Reporter(sim.env("agent"));
    batches = [];
  });

  const attach = (isWritable = true): void =>
    reporter.attach((reports) => {
      batches.push([...reports]);
      return isWritable;
    });
  const report = (taskId: string, sequence: number, agentEpoch = 1): void =>
    reporter.report(taskId, aStatus({ state: "RUNNING", sequence, agentEpoch }));

  it("sends one turn's changes together, the latest of each task", async () => {
    attach();
    report("t1", 1);
    report("t2", 2);
    report("t1", 3);
    await sim.run(1);
    expect(batches.map((batch) => batch.map(({ taskId, status }) => `${taskId}/${status?.sequence}`))).to.deep.equal([
      ["t2/2", "t1/3"],
    ]);
  });

  it("keeps a report until its own acknowledgement, and sends it over every session until then", async () => {
    attach();
    report("t1", 1);
    await sim.run(1);
    report("t1", 2);
    reporter.acknowledge([{ taskId: "t1", agentEpoch: 1, sequence: 1 }]);
    expect(reporter.pending).to.equal(1);
    reporter.attach(null);
    await sim.run(1000);
    attach();
    await sim.run(1);
    expect(batches.at(-1)?.[0]?.status?.sequence).to.equal(2);
    reporter.acknowledge([{ taskId: "t1", agentEpoch: 1, sequence: 2 }]);
    attach();
    await sim.run(1);
    expect(reporter.pending).to.equal(0);
    expect(batches).to.have.lengthOf(2);
  });

  it("takes an acknowledgement of a former epoch for nothing", () => {
    report("t1", 1, 5);
    reporter.acknowledge([{ taskId: "t1", agentEpoch: 4, sequence: 900 }]);
    expect(reporter.pending).to.equal(1);
  });

  it("stops at a full stream and goes on when it drained", async () => {
    attach(false);
    report("t1", 1);
    await sim.run(1);
    report("t2", 2);
    report("t3", 3);
    await sim.run(100);
    expect(batches).to.have.lengthOf(1);
    reporter.drained();
    await sim.run(1);
    expect(batches[1]?.map(({ taskId }) => taskId)).to.deep.equal(["t2", "t3"]);
  });

  it("cuts a text that alone would fill a message", async () => {
    attach();
    reporter.report("t1", aStatus({ state: "FAILED", error: "e".repeat(200_000) }));
    await sim.run(1);
    expect(batches[0]?.[0]?.status?.error.length).to.be.within(STATUS_TEXT_MAX, STATUS_TEXT_MAX + 10);
  });

  it("says nothing more of a task that is forgotten", async () => {
    report("t1", 1);
    reporter.forget("t1");
    attach();
    await sim.run(1);
    expect(batches).to.deep.equal([]);
  });
});
