import { expect } from "chai";
import { ReplicaCluster, type TestNode } from "../../../support/replica-cluster.ts";

/** From the first contact to the verdict. */
const RECOGNISED_MS = 5_000;

async function three(seed: number): Promise<{ cluster: ReplicaCluster; leader: TestNode; victim: TestNode }> {
  const cluster = new ReplicaCluster({ seed });
  await cluster.bootstrap(["a", "b", "c"]);
  const leader = await cluster.leader();
  await cluster.converge(await cluster.write("before"));
  const victim = cluster.followers()[0]!;
  return { cluster, leader, victim };
}

describe("manager/replica: a disk put back from an old copy", () => {
  it("is recognised on first contact, and neither votes nor acknowledges", async () => {
    const { cluster, leader, victim } = await three(1);
    const copy = victim.disk.copy();
    const { version } = victim.journal;
    await cluster.converge(await cluster.write("forgotten"));
    cluster.kill(victim.id);
    victim.disk.putBack(copy);
    const { term } = leader.replica.status();
    const back = await cluster.restart(victim.id);
    await cluster.sim.runUntil(() => back.fatal.length > 0, { timeoutMs: RECOGNISED_MS, what: "the verdict" });
    expect(back.fatal[0]?.message).to.match(/^disk rolled back: wipe and rejoin/);
    expect(back.journal.version).to.be.at.most(version);
    await cluster.sim.run(3_000);
    expect(leader.replica.isReadyLeader() && leader.replica.status().term === term).to.equal(true);
  });

  it("gives no quorum to those it may have forgotten something of", async () => {
    const { cluster, leader, victim } = await three(2);
    const other = cluster.followers().find(({ id }) => id !== victim.id)!;
    const copy = victim.disk.copy();
    // Committed by the leader and the victim alone, and heard of by the third only as a count.
    cluster.network.partition([leader.id], [other.id]);
    await cluster.write("acknowledged");
    await cluster.sim.run(1_000);
    for (const id of [leader.id, victim.id]) cluster.kill(id);
    cluster.network.heal();
    victim.disk.putBack(copy);
    const back = await cluster.restart(victim.id);
    await cluster.sim.run(RECOGNISED_MS);
    expect(back.fatal[0]?.message).to.match(/^disk rolled back/);
    expect(cluster.leaderOrNull()).to.equal(null);
    await cluster.restart(leader.id);
    await cluster.leader();
    await cluster.converge(1, [leader.id, other.id]);
    expect(other.journal.lines.join()).to.include("acknowledged");
  });

  it("is recognised after the others were restarted, too", async () => {
    const { cluster, victim } = await three(3);
    const copy = victim.disk.copy();
    await cluster.converge(await cluster.write("forgotten"));
    await cluster.sim.run(3_000);
    for (const { id } of cluster.up) cluster.kill(id);
    victim.disk.putBack(copy);
    for (const id of ["a", "b", "c"]) await cluster.restart(id);
    const back = cluster.node(victim.id);
    await cluster.sim.runUntil(() => back.fatal.length > 0, { timeoutMs: RECOGNISED_MS, what: "the verdict" });
    expect((await cluster.leader()).id).to.not.equal(victim.id);
  });

  it("is not suspected after a crash, a loss of power or a clean stop", async () => {
    for (const how of ["process", "power", "stop"] as const) {
      const { cluster, victim } = await three(4);
      await cluster.write("x");
      if (how === "stop") await cluster.sim.resolve(victim.replica.stop(), { timeoutMs: 5_000, what: "stop" });
      cluster.kill(victim.id, { power: how === "power" });
      const index = await cluster.write("y");
      const back = await cluster.restart(victim.id);
      await cluster.converge(index, ["a", "b", "c"]);
      expect(back.fatal).to.deep.equal([]);
    }
  });

  it("a wiped disk under the old id is no member any more", async () => {
    const { cluster, leader, victim } = await three(5);
    cluster.kill(victim.id);
    victim.disk.wipe();
    const back = await cluster.restart(victim.id);
    await cluster.sim.runUntil(() => back.fatal.length > 0, { timeoutMs: RECOGNISED_MS, what: "the verdict" });
    await cluster.write("after");
    expect(leader.replica.isReadyLeader()).to.equal(true);
  });
});
