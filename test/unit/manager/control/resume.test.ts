import { expect } from "chai";
import { AWAITS_RESUME_SINCE } from "../../../../src/model/awaits-resume.ts";
import type { HeldTask } from "../../../../src/model/index.ts";
import { codec } from "../../../../src/proto/load.ts";
import { ControlRig } from "../../../support/control/control-rig.ts";
import { node, service, spec, task } from "../../../support/loops/objects.ts";
import { aRevision } from "../../../support/store/objects.ts";

const RECOVERY = { kind: "RESTORED", atMs: 1, version: 7, formerManagerIds: ["m7"] } as const;
const INCARNATION = "1700000000.x";

/** A restored cluster of n1 with one task, and n2 that is down. */
async function waitingRig(): Promise<ControlRig> {
  const rig = new ControlRig();
  const type = codec("Cluster");
  const cluster = {
    id: "c1",
    spec: { name: "default" },
    incarnation: INCARNATION,
    protocol: AWAITS_RESUME_SINCE,
    awaitsResume: { ...RECOVERY, formerManagerIds: [...RECOVERY.formerManagerIds] },
  };
  await rig.write((tx) => {
    tx.put("cluster", type.decode(type.encode(cluster)));
    tx.put("node", node("n1"));
    tx.put("node", node("n2", { state: "DOWN" }));
    tx.put("service", service("web"));
    tx.put("revision", aRevision({ id: "web/1", serviceId: "web", number: 1, spec: spec() }));
    tx.put("task", task("a", { nodeId: "n1", status: { state: "RUNNING", healthy: true, agentEpoch: 1 } }));
  });
  return rig;
}

const held = (id: string): HeldTask => ({
  id,
  serviceId: "web",
  name: "web.1",
  desired: "RUNNING",
  observed: "RUNNING",
});

describe("manager/control: a cluster that waits for resume", () => {
  it("refuses changes of services and the removal of nodes, and says why and what to do", async () => {
    const rig = await waitingRig();
    const spec = { name: "db", task: { container: { image: "db:1" } } };
    for (const refused of [
      rig.failure("Control.CreateService", { spec }),
      rig.failure("Control.UpdateService", { id: "web", version: 1, spec: { ...spec, name: "web" } }),
      rig.failure("Control.RemoveService", { id: "web" }),
      rig.failure("Control.RemoveNode", { id: "n2", force: true }),
      rig.failure("Control.RemoveService", { id: "web", requestId: "r1" }),
    ]) {
      const error = await refused;
      expect(error.code).to.equal("precondition");
      expect(error.message).to.include("restored from a backup and waits");
      expect(error.details.next).to.include("shoal cluster resume");
    }
    expect(rig.replica.removed, "nor is a manager taken out of the quorum first").to.deep.equal([]);
  });

  it("lets nodes change their role and availability, and tokens be rotated", async () => {
    const rig = await waitingRig();
    await rig.call("Control.SetNodeRole", { id: "n1", role: "MANAGER" });
    const version = rig.store.view().get("node", "n1")?.meta?.version ?? 0;
    await rig.call("Control.UpdateNode", { id: "n1", version, spec: { name: "one", availability: "DRAIN" } });
    const cluster = rig.store.view().get("cluster", "c1")?.meta?.version ?? 0;
    await rig.call("Control.UpdateCluster", { version: cluster, rotateManagerToken: true });
  });

  it("says so with every list, and first of all reasons", async () => {
    const rig = await waitingRig();
    for (const answer of [
      await rig.call("Control.ListNodes", {}),
      await rig.call("Control.ListServices", {}),
      (await rig.call("Control.GetCluster", {})).cluster,
    ])
      expect(answer?.awaitsResume).to.deep.include({ kind: "RESTORED", version: 7 });
    const { summary, reasons } = await rig.call("Control.Explain", { id: "web" });
    expect(summary).to.include("waits");
    expect(reasons[0]).to.include({ code: "awaits-resume", next: "shoal cluster resume" });
  });

  it("plans by what nodes say, asks none that is down, and names whom it could not ask", async () => {
    const rig = await waitingRig();
    rig.nodes.set("10.0.0.1:7377", [held("a"), held("later")]);
    rig.nodes.set("10.0.0.9:7377", [held("x"), held("y"), { ...held("z"), observed: "SHUTDOWN" }]);
    rig.strangers = [{ nodeId: "n9", name: "host9", address: "10.0.0.9:7377" }];
    const plan = await rig.call("Control.PlanResume", {});
    expect(plan).to.deep.include({ incarnation: INCARNATION, omitted: 0 });
    expect(plan.items.map(({ action, taskId, reason }) => `${action} ${taskId} ${reason}`)).to.deep.equal([
      "STOP later the state does not know it",
    ]);
    expect(plan.unknown.map(({ id, isStranger, reason }) => ({ id, isStranger, reason }))).to.deep.equal([
      { id: "n2", isStranger: false, reason: "its node is down" },
      {
        id: "n9",
        isStranger: true,
        reason: "the state does not know it: 2 tasks on it are left alone, but what never runs twice stops there",
      },
    ]);
    expect(rig.asked).to.have.members(["10.0.0.1:7377", "10.0.0.9:7377"]);
    expect(rig.store.view().get("cluster", "c1")?.awaitsResume, "planning changes nothing").to.not.equal(null);
  });

  it("lists the tasks of a ready node that does not answer", async () => {
    const rig = await waitingRig();
    const { items, unknown } = await rig.call("Control.PlanResume", {});
    expect(items[0]).to.include({ action: "REPLACE", taskId: "a", nodeId: "n1" });
    expect(items[0]?.reason).to.include("does not say what it runs");
    expect(unknown.map(({ id }) => id)).to.deep.equal(["n1", "n2"]);
  });

  it("resumes the incarnation that was planned for, once, and lets changes in again", async () => {
    const rig = await waitingRig();
    const other = await rig.failure("Control.ResumeCluster", { incarnation: "1800000000.y" });
    expect(other.code).to.equal("conflict");
    await rig.call("Control.ResumeCluster", { incarnation: INCARNATION, requestId: "once" });
    // The answer of a repetition is the first one's.
    await rig.call("Control.ResumeCluster", { incarnation: INCARNATION, requestId: "once" });
    expect(rig.store.view().get("cluster", "c1")?.awaitsResume).to.equal(null);
    await rig.call("Control.RemoveService", { id: "web" });
    expect((await rig.failure("Control.ResumeCluster", {})).message).to.include("nothing to resume");
    expect((await rig.call("Control.PlanResume", {})).awaitsResume).to.equal(null);
  });
});
