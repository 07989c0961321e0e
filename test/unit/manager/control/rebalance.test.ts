import { expect } from "chai";
import { ASKED_FOR_MS } from "../../../../src/model/rebalance.ts";
import type { ServiceSpecInput } from "../../../../src/proto/gen/ServiceSpec.ts";
import { ControlRig } from "../../../support/control/control-rig.ts";
import { node, task } from "../../../support/loops/objects.ts";

const web: ServiceSpecInput = { name: "web", replicated: { replicas: 4 }, task: { container: { image: "web:1" } } };

describe("manager/control/rebalance", () => {
  async function uneven(spec: ServiceSpecInput): Promise<{ readonly rig: ControlRig; readonly id: string }> {
    const rig = new ControlRig();
    const { service } = await rig.call("Control.CreateService", { spec });
    const { id } = service!;
    await rig.write((tx) => {
      for (const name of ["n1", "n2"]) tx.put("node", node(name));
      for (const slot of [1, 2, 3, 4]) {
        const status = { state: "RUNNING", healthy: true } as const;
        tx.put("task", task(`t${slot}`, { serviceId: id, slot, nodeId: "n1", status }));
      }
    });
    return { rig, id };
  }

  it("plans without a change, and is then done until a time", async () => {
    const { rig, id } = await uneven(web);
    const { version } = rig.store.view();
    const { moves, waitsFor } = await rig.call("Control.PlanRebalance", { id: "web" });
    expect([moves.map((move) => `${move.taskName} ${move.fromNodeName} ${move.toNodeName}`), waitsFor]).to.deep.equal([
      ["web.4 n1 n2", "web.3 n1 n2"],
      "",
    ]);
    expect(rig.store.view().version).to.equal(version);
    await rig.call("Control.RebalanceService", { id: "web" });
    const { rebalanceUntilMs, spec } = rig.store.view().get("service", id)!;
    expect(rebalanceUntilMs).to.be.at.least(ASKED_FOR_MS);
    expect(spec?.rebalance).to.equal(false);
  });

  it("plans so far as a manager has time for, and says that it is not all", async () => {
    const { rig, id } = await uneven({ ...web, replicated: { replicas: 400 } });
    expect((await rig.call("Control.PlanRebalance", { id: "web" })).partial).to.equal(false);
    await rig.write((tx) => {
      for (let at = 3; at <= 200; at += 1) tx.put("node", node(`n${at}`));
      for (let slot = 5; slot <= 400; slot += 1) {
        const status = { state: "RUNNING", healthy: true } as const;
        tx.put("task", task(`t${slot}`, { serviceId: id, slot, nodeId: `n${1 + (slot % 4)}`, status }));
      }
    });
    const { moves, waitsFor, partial } = await rig.call("Control.PlanRebalance", { id: "web" });
    expect([waitsFor, partial]).to.deep.equal(["", true]);
    expect(moves).to.have.length(Math.ceil(20_000 / (200 + 400)));
  });

  it("says what holds it up", async () => {
    const { rig } = await uneven({ ...web, replicated: { replicas: 5 } });
    const { moves, waitsFor } = await rig.call("Control.PlanRebalance", { id: "web" });
    expect([moves, waitsFor]).to.deep.equal([[], "4 of its 5 tasks serve"]);
  });

  it("refuses what never moves, when it is asked for and as a setting", async () => {
    const refused: readonly [Partial<ServiceSpecInput>, RegExp][] = [
      [
        { task: { container: { image: "db:1", mounts: [{ type: "VOLUME", source: "data", target: "/d" }] } } },
        /volume data/,
      ],
      [{ replicated: { replicas: 1 }, single: true }, /never runs twice/],
      [{ replicated: null, global: {} }, /a global service/],
      [{ replicated: null, replicatedJob: {} }, /a replicated-job service/],
    ];
    for (const [part, why] of refused) {
      const rig = new ControlRig();
      const error = await rig.failure("Control.CreateService", { spec: { ...web, ...part, rebalance: true } });
      expect([error.code, error.details.path], error.message).to.deep.equal(["invalid", "spec.rebalance"]);
      expect(error.message).to.match(why);
      await rig.call("Control.CreateService", { spec: { ...web, ...part } });
      expect((await rig.failure("Control.RebalanceService", { id: "web" })).message).to.match(why);
    }
  });
});
