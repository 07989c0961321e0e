import { expect } from "chai";
import type { ClusterNode } from "../../../src/daemon/node.ts";
import { nodeMetrics } from "../../../src/daemon/node-metrics.ts";
import { Metrics } from "../../../src/util/metrics.ts";
import { ControlRig } from "../../support/control/control-rig.ts";
import { node, service } from "../../support/loops/objects.ts";

describe("daemon/node-metrics", () => {
  async function scrape(of: () => ClusterNode | null): Promise<Map<string, string>> {
    const metrics = new Metrics();
    nodeMetrics(metrics, of);
    const lines = (await metrics.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    return new Map(lines.map((line) => [line.split(" ")[0] ?? "", line.split(" ")[1] ?? ""]));
  }

  it("shows zeros while there is no node", async () => {
    const values = await scrape(() => null);
    expect(values.get("shoal_raft_term")).to.equal("0");
    expect(new Set(values.values())).to.deep.equal(new Set(["0"]));
  });

  it("reads a manager's log, its store and the agent's session at each scrape", async () => {
    const { replica, store } = new ControlRig();
    await store.update((tx) => {
      tx.put("node", node("n1"));
      tx.put("service", service("web"));
    });
    const status = { sessionId: "s1" };
    const flushes = { flushes: 3, flushMsTotal: 1500 };
    const found = {
      manager: { replica: Object.assign(replica, { metrics: flushes }), store, diskFreeBytes: 5e9, isDiskLow: true },
      agent: { status: () => status },
    } as unknown as ClusterNode;
    const values = await scrape(() => found);
    expect(values.get("shoal_raft_is_leader")).to.equal("1");
    expect(values.get("shoal_raft_commit_index")).to.equal("7");
    expect(values.get("shoal_raft_flushes")).to.equal("3");
    expect(values.get("shoal_raft_flush_seconds")).to.equal("1.5");
    expect(values.get("shoal_store_nodes")).to.equal("1");
    expect(values.get("shoal_store_services")).to.equal("1");
    expect(values.get("shoal_store_tasks")).to.equal("0");
    expect(values.get("shoal_disk_free_bytes")).to.equal("5000000000");
    expect(values.get("shoal_disk_low")).to.equal("1");
    expect(values.get("shoal_agent_connected")).to.equal("1");
    const worker = { manager: null, agent: { status: () => ({ sessionId: "" }) } } as unknown as ClusterNode;
    const idle = await scrape(() => worker);
    expect(idle.get("shoal_agent_connected")).to.equal("0");
    expect(idle.get("shoal_raft_is_leader")).to.equal("0");
  });
});
