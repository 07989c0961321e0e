import { expect } from "chai";
import { ControlRig } from "../../../support/control/control-rig.ts";
import { aCluster, aNode } from "../../../support/store/objects.ts";

type Row = { readonly id: string; readonly role: "MANAGER" | "WORKER"; readonly speaks: number };

async function putNode(rig: ControlRig, { id, role, speaks }: Row, state = "READY"): Promise<void> {
  const description = { shoalVersion: `0.${speaks}.0`, protocolMax: speaks };
  const spec = {
    name: `name-${id}`,
    labels: {},
    availability: "ACTIVE" as const,
    drainDeadlineMs: 0,
    drainParallelism: 0,
  };
  const parts = { description, status: { state } };
  await rig.write((tx) => tx.put("node", aNode({ id, role, address: `${id}:7377`, spec, ...(parts as object) })));
}

/** Three managers and a worker, by the protocol their programs speak. */
async function nodes(...[m1 = 1, m2 = 1, m3 = 1, w1 = 1]: number[]): Promise<ControlRig> {
  const rig = new ControlRig({ protocolMax: 2 });
  await rig.write((tx) => tx.put("cluster", aCluster({ id: "c1" })));
  for (const [at, speaks] of [m1, m2, m3].entries()) await putNode(rig, { id: `m${at + 1}`, role: "MANAGER", speaks });
  await putNode(rig, { id: "w1", role: "WORKER", speaks: w1 });
  return rig;
}

describe("manager/control/upgrade", () => {
  it("raises the protocol to what every node speaks, once", async () => {
    const rig = await nodes(3, 2, 2, 2);
    expect(await rig.call("Control.GetCluster", {})).to.deep.include({ protocol: 1, protocolReady: 2 });
    const request = { requestId: "u" };
    expect(await rig.call("Control.FinalizeUpgrade", request)).to.deep.equal({ before: 1, protocol: 2 });
    expect(await rig.call("Control.FinalizeUpgrade", request)).to.deep.equal({ before: 1, protocol: 2 });
    expect(await rig.call("Control.GetCluster", {})).to.deep.include({ protocol: 2, protocolReady: 2 });
  });

  it("refuses while a node runs the old version, and names it", async () => {
    const rig = await nodes(2, 1, 2, 1);
    const error = await rig.failure("Control.FinalizeUpgrade", {});
    expect(error.code).to.equal("precondition");
    expect(error.message).to.include("name-m2 (shoal 0.1.0), name-w1 (shoal 0.1.0) still run the old version");
    expect(await rig.call("Control.GetCluster", {})).to.deep.include({ protocol: 1, protocolReady: 1 });
  });

  it("refuses while a manager is down: what it will run is not known", async () => {
    const rig = await nodes(2, 2, 2, 2);
    await putNode(rig, { id: "m3", role: "MANAGER", speaks: 2 }, "DOWN");
    const error = await rig.failure("Control.FinalizeUpgrade", {});
    expect(error.code).to.equal("precondition");
    expect(error.message).to.include("name-m3");
    expect(error.details.next).to.include("shoal node rm");
    expect(await rig.call("Control.GetCluster", {})).to.deep.include({ protocol: 1, protocolReady: 1 });
  });

  it("waits for a worker that may come back in a moment, and for none that is gone", async () => {
    const rig = await nodes(2, 2, 2, 1);
    await putNode(rig, { id: "w1", role: "WORKER", speaks: 1 }, "UNREACHABLE");
    expect((await rig.failure("Control.FinalizeUpgrade", {})).message).to.include("which version name-w1 will run");
    await putNode(rig, { id: "w1", role: "WORKER", speaks: 1 }, "DOWN");
    expect(await rig.call("Control.FinalizeUpgrade", {})).to.deep.equal({ before: 1, protocol: 2 });
  });

  it("refuses when there is nothing to finalize", async () => {
    const rig = await nodes(1, 1, 1, 1);
    const error = await rig.failure("Control.FinalizeUpgrade", {});
    expect(error.message).to.include("nothing to finalize");
  });

  it("lets no worker of the old version become a manager afterwards", async () => {
    const rig = await nodes(2, 2, 2, 1);
    await putNode(rig, { id: "w1", role: "WORKER", speaks: 1 }, "LEFT");
    await rig.call("Control.FinalizeUpgrade", {});
    const error = await rig.failure("Control.SetNodeRole", { id: "w1", role: "MANAGER" });
    expect(error.code).to.equal("precondition");
    expect(error.message).to.include("protocol 2, this program speaks up to 1");
  });
});
