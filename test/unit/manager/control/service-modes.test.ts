import { expect } from "chai";
import type { ServiceSpecInput } from "../../../../src/proto/gen/ServiceSpec.ts";
import { ControlRig } from "../../../support/control/control-rig.ts";
import { node } from "../../../support/loops/objects.ts";
import { aTask } from "../../../support/store/objects.ts";

const TASK = { container: { image: "nginx:1.27" } };
const GLOBAL: ServiceSpecInput = { name: "web", global: {}, task: TASK };

describe("manager/control: modes of services", () => {
  it("keeps a global service global, without replicas", async () => {
    const rig = new ControlRig();
    const { service } = await rig.call("Control.CreateService", { spec: GLOBAL });
    expect(service?.spec?.mode).to.equal("global");
    expect(service?.spec?.replicated).to.equal(undefined);
  });

  it("refuses to change the mode of a service, and changes nothing", async () => {
    const rig = new ControlRig();
    const { service } = await rig.call("Control.CreateService", { spec: GLOBAL });
    const { id = "", meta } = service ?? {};
    const spec = { name: "web", replicated: { replicas: 1 }, task: TASK };
    const error = await rig.failure("Control.UpdateService", { id, version: meta?.version ?? 0, spec });
    expect([error.code, error.details.path]).to.deep.equal(["unsupported", "spec.mode"]);
    expect(rig.store.view().get("service", id)?.spec?.mode).to.equal("global");
  });

  it("counts the nodes that have a global service's task or are to get one", async () => {
    const rig = new ControlRig();
    const { service } = await rig.call("Control.CreateService", { spec: GLOBAL });
    await rig.write((tx) => {
      tx.put("node", node("n1"));
      tx.put("node", node("n2", { availability: "PAUSE" }));
      tx.put("node", node("n3", { availability: "PAUSE" }));
      tx.put("node", node("n4", { availability: "DRAIN" }));
      const running = { state: "RUNNING" } as never;
      const kept = { serviceId: service!.id, desired: "RUNNING", pinnedNodeId: "n2", nodeId: "n2" } as const;
      tx.put("task", aTask({ id: "t", ...kept, status: running }));
    });
    const { services } = await rig.call("Control.ListServices", { filters: ["mode=global"] });
    expect(services.map(({ running, desired }) => [running, desired])).to.deep.equal([[1, 2]]);
    expect(await rig.call("Control.GetService", { id: "web" })).to.deep.include({ running: 1, desired: 2 });
  });
});
