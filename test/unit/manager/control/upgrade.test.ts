import { expect } from "chai";
import { ControlRig } from "../../../support/control/control-rig.ts";
import { aCluster, aNode } from "../../../support/store/objects.ts";

/** Three managers by the protocol their programs speak, and a worker of the first. */
async function managers(...speak: number[]): Promise<ControlRig> {
  const rig = new ControlRig({ protocolMax: 2 });
  await rig.write((tx) => tx.put("cluster", aCluster({ id: "c1" })));
  for (const [at, protocolMax] of speak.entries()) {
    const description = { shoalVersion: `0.${protocolMax}.0`, protocolMax };
    await rig.write((tx) =>
      tx.put(
        "node",
        aNode({
          id: `m${at + 1}`,
          role: "MANAGER",
          description: description as never,
          status: { state: "READY" } as never,
          spec: { name: `name-m${at + 1}`, labels: {}, availability: "ACTIVE" },
        }),
      ),
    );
  }
  await rig.write((tx) => tx.put("node", aNode({ id: "w1", role: "WORKER" })));
  return rig;
}

describe("manager/control/upgrade", () => {
  it("raises the protocol to what every manager speaks, once", async () => {
    const rig = await managers(3, 2, 2);
    const request = { requestId: "u" };
    expect(await rig.call("Control.FinalizeUpgrade", request)).to.deep.equal({ before: 1, protocol: 2 });
    expect(await rig.call("Control.FinalizeUpgrade", request)).to.deep.equal({ before: 1, protocol: 2 });
    expect(rig.store.view().get("cluster", "c1")?.protocol).to.equal(2);
  });

  it("refuses while a manager runs the old version, and names it", async () => {
    const rig = await managers(2, 1, 2);
    const error = await rig.failure("Control.FinalizeUpgrade", {});
    expect(error.code).to.equal("precondition");
    expect(error.message).to.include("name-m2 (shoal 0.1.0) still run the old version");
    expect(rig.store.view().get("cluster", "c1")?.protocol).to.equal(0);
  });

  it("refuses while a manager is down: what it will run is not known", async () => {
    const rig = await managers(2, 2, 2);
    const node = rig.store.view().get("node", "m3")!;
    await rig.write((tx) => tx.put("node", { ...node, status: { ...node.status!, state: "DOWN" } }));
    const error = await rig.failure("Control.FinalizeUpgrade", {});
    expect(error.code).to.equal("precondition");
    expect(error.message).to.include("name-m3");
    expect(error.details.next).to.include("shoal node rm");
  });

  it("refuses when there is nothing to finalize", async () => {
    const rig = await managers(1, 1, 1);
    const error = await rig.failure("Control.FinalizeUpgrade", {});
    expect(error.message).to.include("nothing to finalize");
  });

  it("lets no worker of the old version become a manager afterwards", async () => {
    const rig = await managers(2, 2, 2);
    await rig.write((tx) => tx.put("node", aNode({ id: "w1", role: "WORKER", address: "w1:7377" })));
    await rig.call("Control.FinalizeUpgrade", {});
    const error = await rig.failure("Control.SetNodeRole", { id: "w1", role: "MANAGER" });
    expect(error.code).to.equal("precondition");
    expect(error.message).to.include("protocol 2, this program speaks up to 1");
  });
});
