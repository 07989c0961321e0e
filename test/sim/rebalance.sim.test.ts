/** A service that is rebalanced, in a cluster that a node joins. */
import { expect } from "chai";
import { REPLICAS, Rig } from "../support/node-rig.ts";

describe("sim/rebalance", () => {
  it("gives a node that joins its share, with never a task less than there should be, whoever leads", async () => {
    const rig = await Rig.start(1, { workers: 1, managers: 3, rebalance: true });
    const joined = await rig.cluster.addMachine("w2", "worker");
    rig.cluster.boot(joined, { kind: "restart" });
    await rig.run(55_000);
    expect(rig.tasksOn(joined)).to.deep.equal([]);
    const moved = rig.leader().node?.manager?.replica.transferLeadership();
    await rig.cluster.sim.resolve(Promise.resolve(moved), { timeoutMs: 5000, what: "transfer" });
    let least = REPLICAS;
    await rig.until("its share is there, and nothing beside it", 60_000, () => {
      least = Math.min(least, rig.running().length);
      return rig.tasksOn(joined).length === REPLICAS / 2 && rig.running().length === REPLICAS;
    });
    expect(least).to.equal(REPLICAS);
    expect(rig.tasks().filter(({ move }) => move !== null)).to.have.length(REPLICAS / 2);
  });
});
