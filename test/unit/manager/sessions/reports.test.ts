import { expect } from "chai";
import type { TaskReport, TaskState } from "../../../../src/model/index.ts";
import {
  applyReport,
  boundedReport,
  HOST_IP_MAX,
  REPORT_BYTES_MAX,
  STATUS_TEXT_MAX,
} from "../../../../src/manager/sessions/reports.ts";
import type { Store } from "../../../../src/store/store.ts";
import { leadingStore } from "../../../support/leading-store.ts";
import { aStatus } from "../../../support/agent-fixtures.ts";
import { task } from "../../../support/loops/objects.ts";
import { ManualEnv } from "../../../support/store/fake-log.ts";

function report(state: TaskState, agentEpoch: number, sequence: number, message = ""): TaskReport {
  return { taskId: "t1", status: aStatus({ state, agentEpoch, sequence, message }) };
}

describe("manager/sessions/reports", () => {
  let env: ManualEnv;
  let store: Store;

  beforeEach(async () => {
    env = new ManualEnv();
    store = leadingStore(env);
    await store.update((tx) => {
      tx.put("task", task("t1", { nodeId: "n1", status: { state: "ASSIGNED" } }));
    });
  });

  async function apply(one: TaskReport, nodeId = "n1"): Promise<string> {
    await store.update((tx) => {
      applyReport(tx, { nodeId, report: one });
    });
    const { status } = store.view().get("task", "t1") ?? {};
    return `${status?.state ?? ""} ${status?.agentEpoch ?? 0}.${status?.sequence ?? 0} ${status?.message ?? ""}`.trim();
  }

  it("takes statuses in the order of epoch and sequence, whatever the order they arrive in", async () => {
    expect(await apply(report("PREPARING", 1, 5))).to.equal("PREPARING 1.5");
    expect(await apply(report("PREPARING", 1, 4, "old"))).to.equal("PREPARING 1.5");
    expect(await apply(report("PREPARING", 1, 6, "pulling"))).to.equal("PREPARING 1.6 pulling");
    expect(await apply(report("RUNNING", 2, 1))).to.equal("RUNNING 2.1");
    expect(await apply(report("RUNNING", 1, 9, "late"))).to.equal("RUNNING 2.1");
  });

  it("never lets a state descend, not even for a new epoch", async () => {
    await apply(report("RUNNING", 1, 5));
    expect(await apply(report("STARTING", 2, 1))).to.equal("RUNNING 1.5");
    expect(await apply(report("FAILED", 2, 2))).to.equal("FAILED 2.2");
  });

  it("ignores what another node says of the task", async () => {
    expect(await apply(report("FAILED", 9, 9), "n2")).to.equal("ASSIGNED 0.0");
  });

  it("ignores tasks that are gone and states it does not know", async () => {
    expect(await apply({ taskId: "t2", status: aStatus({ state: "FAILED" }) })).to.equal("ASSIGNED 0.0");
    const strange = { ...aStatus({ sequence: 9 }), state: 999 as unknown as TaskState };
    expect(await apply({ taskId: "t1", status: strange })).to.equal("ASSIGNED 0.0");
    expect(boundedReport({ taskId: "t1", status: strange })).to.equal(null);
  });

  it("times a state by the cluster's clock, once: another text does not renew it", async () => {
    await apply(report("RUNNING", 1, 1));
    const at = store.view().get("task", "t1")?.status?.atMs ?? 0;
    expect(at).to.be.above(1_600_000_000_000);
    env.wall += 5000;
    env.advance(5000);
    await apply(report("RUNNING", 1, 2, "healthy"));
    expect(store.view().get("task", "t1")?.status?.atMs).to.equal(at);
  });

  it("cuts texts and lists to what the store should hold", () => {
    const long = report("FAILED", 1, 1, "x".repeat(5000));
    const ports = Array.from({ length: 500 }, () => ({
      target: 1,
      published: 2,
      protocol: "TCP" as const,
      hostIp: "",
    }));
    const status = { ...long.status!, error: "y".repeat(STATUS_TEXT_MAX), runtimeId: "z".repeat(500), ports };
    const bounded = boundedReport({ taskId: "t1", status });
    expect(bounded?.report.status?.message).to.have.length(STATUS_TEXT_MAX);
    expect(bounded?.report.status?.message.endsWith("…")).to.equal(true);
    expect(bounded?.report.status?.error).to.equal("y".repeat(STATUS_TEXT_MAX));
    expect(bounded?.report.status?.runtimeId).to.have.length(128);
    expect(bounded?.report.status?.ports).to.have.length(64);
    expect(boundedReport({ taskId: "t".repeat(200), status: long.status })).to.equal(null);
    expect(boundedReport({ taskId: "t1", status: null })).to.equal(null);
  });

  it("bounds the addresses of ports, and the encoded bytes of a report", () => {
    const port = { target: 1, published: 2, protocol: "TCP" as const };
    const said = (count: number, hostIp: string, texts: string): TaskReport => ({
      taskId: "t1",
      status: aStatus({
        state: "RUNNING",
        message: texts,
        error: texts,
        checkMessage: texts,
        runtimeId: "r".repeat(128),
        ports: Array.from({ length: count }, () => ({ ...port, hostIp })),
      }),
    });
    const long = boundedReport(said(1, "1".repeat(1_100_000), ""));
    expect(long?.report.status?.ports).to.deep.equal([{ ...port, hostIp: "1".repeat(HOST_IP_MAX) }]);
    const honest = boundedReport(said(64, "2001:0db8:0000:0000:0000:ff00:0042:8329", "語".repeat(STATUS_TEXT_MAX)));
    expect(honest?.report.status?.ports).to.have.length(64);
    expect(honest?.bytes).to.be.within(9 * 1024, REPORT_BYTES_MAX);
    expect(boundedReport(said(64, "語".repeat(HOST_IP_MAX), "語".repeat(STATUS_TEXT_MAX)))).to.equal(null);
  });

  it("notes when a task first was running, healthy and ready", async () => {
    const readyAt = (): number => store.view().get("task", "t1")?.readyAtMs ?? -1;
    const say = async (sequence: number, healthy: boolean, ready: boolean): Promise<void> => {
      env.advance(1000);
      await apply({ taskId: "t1", status: aStatus({ state: "RUNNING", agentEpoch: 1, sequence, healthy, ready }) });
    };
    await say(1, false, true);
    await say(2, true, false);
    expect(readyAt()).to.equal(0);
    await say(3, true, true);
    const first = store.view().timeMs;
    expect(readyAt()).to.equal(first);
    await say(4, true, false);
    await say(5, true, true);
    expect(readyAt()).to.equal(first);
  });
});
