import { expect } from "chai";
import {
  CUT_OFF_MS,
  HEARD_GATHER_MS,
  REPORT_BYTES_PER_BATCH_MAX,
  REPORTS_MAX,
  REPORTS_PER_BATCH_MAX,
  RETRY_MS,
} from "../../../../src/manager/sessions/relay.ts";
import type { RelayRequest } from "../../../../src/proto/gen/RelayRequest.ts";
import { codec } from "../../../../src/proto/load.ts";
import { AppError } from "../../../../src/util/errors.ts";
import { aStatus } from "../../../support/agent-fixtures.ts";
import { expectThrows } from "../../../support/expect-code.ts";
import { SessionRig } from "../../../support/sessions/rig.ts";

/** Deliveries that wait for the test. */
class Gate {
  readonly waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];
  deliver = (_request: RelayRequest, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      signal.addEventListener("abort", () => reject(new AppError("cancelled", "aborted")));
    });
}

function reportsOf({ reports }: RelayRequest): string[] {
  return reports.map(({ report }) => `${report?.taskId ?? ""} ${report?.status?.sequence ?? 0}`);
}

describe("manager/sessions/relay", () => {
  let rig: SessionRig;

  beforeEach(async () => {
    rig = await new SessionRig().start();
  });

  async function report(nodeId: string, taskId: string, sequence: number): Promise<void> {
    rig.relay.reports(nodeId, [{ taskId, status: aStatus({ state: "RUNNING", agentEpoch: 1, sequence }) }]);
    await rig.sim.run(1);
  }

  it("tells of a new session at once, with what the node says of itself", async () => {
    await rig.open("n1", 7);
    expect(rig.relayed).to.have.length(1);
    const [seen] = rig.relayed[0]?.seen ?? [];
    expect(seen).to.include({ nodeId: "n1", link: "OPEN", silentMs: 0, agentEpoch: 7, address: "10.9.9.9:7377" });
    expect(seen?.description?.hostname).to.equal("n1.example");
    expect(rig.relayed[0]?.term).to.equal(1);
  });

  it("waits for the first heartbeat: before it nobody knows whether the engine answers", async () => {
    const agent = rig.dial("n1");
    agent.hello();
    await rig.sim.run(1000);
    expect(rig.relayed).to.deep.equal([]);
    agent.beat(false, "engine hangs");
    await rig.sim.run(1);
    expect(rig.relayed[0]?.seen[0]).to.include({ engineOk: false, engineMessage: "engine hangs" });
  });

  it("gathers heartbeats of all nodes, says how old each is, and describes nothing twice", async () => {
    const agents = [await rig.open("n1"), await rig.open("n2")];
    rig.relayed.length = 0;
    agents[0]?.beat();
    await rig.sim.run(200);
    agents[1]?.beat();
    await rig.sim.run(HEARD_GATHER_MS);
    expect(rig.relayed).to.have.length(1);
    const seen = rig.relayed[0]?.seen.map(({ nodeId, silentMs, description }) => [nodeId, silentMs, description]);
    expect(seen).to.deep.equal([
      ["n1", HEARD_GATHER_MS, null],
      ["n2", HEARD_GATHER_MS - 200, null],
    ]);
  });

  it("is quiet when nothing is heard", async () => {
    await rig.open("n1");
    await rig.sim.run(1000);
    const count = rig.relayed.length;
    await rig.sim.run(60_000);
    expect(rig.relayed).to.have.length(count);
  });

  it("has one batch in flight while the next gathers", async () => {
    const gate = new Gate();
    rig.deliver = gate.deliver;
    await report("n1", "t1", 1);
    await report("n1", "t2", 1);
    await report("n1", "t1", 2);
    expect(rig.relayed.map(reportsOf)).to.deep.equal([["t1 1"]]);
    gate.waiting[0]?.resolve();
    await rig.sim.run(1);
    // What was replaced meanwhile is not lost with the old one's delivery.
    expect(rig.relayed.map(reportsOf)[1]).to.have.members(["t1 2", "t2 1"]);
  });

  it("acknowledges reports only when the leader has committed them", async () => {
    const agent = await rig.open("n1");
    agent.take();
    const gate = new Gate();
    rig.deliver = gate.deliver;
    await report("n1", "t1", 3);
    expect(agent.kinds()).to.deep.equal([]);
    gate.waiting[0]?.resolve();
    await rig.sim.run(1);
    const [message] = agent.take();
    expect(message?.ack?.acks).to.deep.equal([{ taskId: "t1", agentEpoch: 1, sequence: 3 }]);
  });

  it("keeps reports over failures and a change of leader, and tells the new one everything", async () => {
    await rig.open("n1");
    rig.deliver = () => Promise.reject(new AppError("unavailable", "gone"));
    await report("n1", "t1", 1);
    await rig.sim.run(3 * RETRY_MS);
    rig.leaderIs(null);
    await rig.sim.run(1000);
    const tries = rig.relayed.length;
    await rig.sim.run(1000);
    expect(rig.relayed, "nobody is asked while nobody leads").to.have.length(tries);
    rig.relayed.length = 0;
    rig.deliver = () => Promise.resolve();
    rig.leaderIs("m3", 5);
    await rig.sim.run(1);
    expect(rig.relayed).to.have.length(1);
    expect(reportsOf(rig.relayed[0]!)).to.deep.equal(["t1 1"]);
    expect(rig.relayed[0]?.term).to.equal(5);
    const [seen] = rig.relayed[0]?.seen ?? [];
    expect(seen?.nodeId).to.equal("n1");
    expect(seen?.description, "a new leader may lack it").to.not.equal(null);
    expect(seen?.silentMs).to.be.within(2000, 2500);
  });

  it("does not wait for a leader that was replaced to answer", async () => {
    const gate = new Gate();
    rig.deliver = gate.deliver;
    await report("n1", "t1", 1);
    rig.leaderIs("m2", 2);
    await rig.sim.run(1);
    expect(rig.relayed.map(({ term }) => term)).to.deep.equal([1, 2]);
    expect(reportsOf(rig.relayed[1]!)).to.deep.equal(["t1 1"]);
  });

  it("sends large backlogs in parts, without waiting between them", async () => {
    rig.leaderIs(null);
    const count = 2 * REPORTS_PER_BATCH_MAX + 10;
    for (let at = 0; at < count; at += 1) await report("n1", `t${at}`, 1);
    rig.leaderIs("m2");
    await rig.sim.run(5);
    expect(rig.relayed.map(({ reports }) => reports.length)).to.deep.equal([
      REPORTS_PER_BATCH_MAX,
      REPORTS_PER_BATCH_MAX,
      10,
    ]);
  });

  it("sends long reports in batches of bounded bytes", async () => {
    rig.leaderIs(null);
    const text = "語".repeat(1024);
    const status = aStatus({ state: "RUNNING", message: text, error: text, checkMessage: text });
    const ids = Array.from({ length: 500 }, (_, at) => `t${at}`);
    rig.relay.reports(
      "n1",
      ids.map((taskId) => ({ taskId, status })),
    );
    rig.leaderIs("m2");
    await rig.sim.run(5);
    const sizes = rig.relayed.map((request) => codec("RelayRequest").encode(request).length);
    expect(sizes).to.have.length(3);
    // 16 bytes for each one's envelope.
    for (const size of sizes) expect(size).to.be.below(REPORT_BYTES_PER_BATCH_MAX + 500 * 16);
    expect(rig.relayed.flatMap(reportsOf)).to.have.length(500);
  });

  it("keeps one node's report apart from another's of the same task", async () => {
    rig.leaderIs(null);
    await report("n1", "t1", 5);
    await report("n2", "t1", 6);
    rig.leaderIs("m2");
    await rig.sim.run(1);
    expect(rig.relayed[0]?.reports.map(({ nodeId }) => nodeId)).to.deep.equal(["n1", "n2"]);
  });

  it("refuses more reports than it can keep, and forgets a removed node's", () => {
    rig.leaderIs(null);
    const status = aStatus({ state: "RUNNING" });
    const many = Array.from({ length: REPORTS_MAX }, (_, at) => ({ taskId: `t${at}`, status }));
    rig.relay.reports("n1", many);
    expectThrows(() => rig.relay.reports("n2", [{ taskId: "t", status }]), "exhausted");
    rig.relay.reports("n1", [{ taskId: "t7", status }]);
    rig.relay.forget("n1");
    rig.relay.reports("n2", [{ taskId: "t", status }]);
  });

  it("remembers how sessions ended, with the time of their last word", async () => {
    const closed = await rig.open("n1");
    const lost = await rig.open("n2");
    await rig.sim.run(1000);
    rig.relayed.length = 0;
    await closed.breaks(true, new AppError("unavailable", "reset"));
    expect(rig.told("n1")).to.deep.equal(["CLOSED 1002"]);
    await lost.breaks(false, new AppError("unavailable", "keepalive gave up"));
    expect(rig.told("n2"), "an end that proves nothing is silence").to.deep.equal([]);
    rig.relayed.length = 0;
    rig.leaderIs("m2");
    await rig.sim.run(1);
    expect([rig.told("n1")[0]?.split(" ")[0], rig.told("n2")[0]?.split(" ")[0]]).to.deep.equal(["CLOSED", "OPEN"]);
  });

  it("is cut off when nobody leads for long, or nothing gets through, and no longer when something does", async () => {
    expect(rig.relay.isCutOff).to.equal(false);
    rig.leaderIs(null);
    await rig.sim.run(CUT_OFF_MS - 100);
    expect(rig.relay.isCutOff).to.equal(false);
    await rig.sim.run(200);
    expect(rig.relay.isCutOff).to.equal(true);
    rig.leaderIs("m2");
    expect(rig.relay.isCutOff).to.equal(false);
    rig.deliver = () => Promise.reject(new AppError("unavailable", "no way"));
    await report("n1", "t1", 1);
    await rig.sim.run(CUT_OFF_MS + 1);
    expect(rig.relay.isCutOff).to.equal(true);
    rig.deliver = () => Promise.resolve();
    await rig.sim.run(2 * RETRY_MS);
    expect(rig.relay.isCutOff).to.equal(false);
  });

  it("sends nothing any more once it has stopped", async () => {
    const gate = new Gate();
    rig.deliver = gate.deliver;
    await report("n1", "t1", 1);
    rig.relay.stop();
    await report("n1", "t2", 1);
    rig.leaderIs("m2");
    await rig.sim.run(10_000);
    expect(rig.relayed).to.have.length(1);
  });
});
