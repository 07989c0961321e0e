import { expect } from "chai";
import { AppError } from "../../../../src/util/errors.ts";
import { texts, THREE, threeReplicas } from "../../../support/replica-cluster.ts";

describe("manager/replica: snapshots", () => {
  const options = { snapshots: { everyEntries: 50, entriesMax: 50, trailingEntries: 10 } };

  it("takes snapshots, cuts the log and restarts from both", async () => {
    const { cluster, leader } = await threeReplicas(3, options);
    for (let i = 0; i < 120; i++) await cluster.write(`w${i}`);
    await cluster.sim.run(200);
    expect(leader.replica.metrics.snapshotsTaken).to.be.at.least(2);
    expect(leader.replica.core.firstIndex).to.be.above(50);
    for (const id of THREE) cluster.kill(id, { power: true });
    for (const id of THREE) await cluster.restart(id);
    const index = await cluster.write("after");
    await cluster.converge(index);
    for (const node of cluster.up) {
      expect(node.journal.restores).to.equal(1);
      expect(texts(node)).to.deep.equal([...Array.from({ length: 120 }, (_, i) => `w${i}`), "after"]);
    }
  });

  it("takes the next one when the log is several times its size, or after so many entries whatever it costs", async () => {
    const { cluster, leader } = await threeReplicas(3, { snapshots: { everyEntries: 50, entriesMax: 1_000 } });
    const taken = (): number => leader.replica.metrics.snapshotsTaken;
    const propose = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) leader.replica.propose(Buffer.alloc(100));
      await cluster.sim.run(1_000);
    };
    await propose(60);
    expect(taken(), "nothing to compare with").to.equal(1);
    await propose(150);
    expect(taken()).to.equal(1);
    await propose(100);
    expect(taken()).to.equal(2);
    await propose(900);
    expect(taken()).to.equal(2);
    await propose(150);
    expect(taken()).to.equal(3);
  });

  it("cuts the log by its bytes when entries are large", async () => {
    const { cluster, leader } = await threeReplicas(3, {
      snapshots: { everyEntries: 300, entriesMax: 300, trailingEntries: 10_000, trailingBytes: 10_000 },
    });
    for (let i = 0; i < 700; i++) leader.replica.propose(Buffer.alloc(100));
    await cluster.sim.run(2_000);
    const { firstIndex, lastIndex } = leader.replica.core;
    // Marks are 128 entries apart, and the last snapshot is at most 300 entries old.
    expect(lastIndex - firstIndex).to.be.within(100, 100 + 128 + 300);
  });

  it("installs a snapshot on a follower that lags behind the log, and the follower survives a restart", async () => {
    const { cluster } = await threeReplicas(4, options);
    const follower = cluster.followers()[0]!;
    await cluster.write("first");
    cluster.kill(follower.id);
    for (let i = 0; i < 150; i++) await cluster.write(`w${i}`);
    const back = await cluster.restart(follower.id);
    await cluster.converge(await cluster.write("last"));
    expect(back.replica.metrics.snapshotsInstalled).to.equal(1);
    expect(texts(back)).to.have.length(152);
    cluster.kill(follower.id, { power: true });
    const again = await cluster.restart(follower.id);
    await cluster.converge(await cluster.write("more"));
    expect(texts(again)).to.deep.equal(texts(await cluster.leader()));
  });

  it("replaces nothing by a verified snapshot that its version cannot read, and stops with what it read", async () => {
    const { cluster } = await threeReplicas(21, options);
    const { id } = cluster.followers()[0]!;
    await cluster.converge(await cluster.write("before"));
    cluster.kill(id);
    for (let at = 0; at < 150; at += 1) await cluster.write(`w${at}`);
    const restarted = await cluster.restart(id);
    const lines = [...restarted.journal.lines];
    restarted.journal.beginRestore = () => ({
      add: () => undefined,
      step: () => {
        throw new AppError("corrupt", "A stored object has no kind this version knows");
      },
      replace: () => undefined,
    });
    await cluster.sim.runUntil(() => restarted.fatal.length > 0, { timeoutMs: 10_000, what: "the stop" });
    expect(restarted.fatal[0]?.message).to.contain("no kind this version knows");
    expect(restarted.journal.lines.slice(0, lines.length)).to.deep.equal(lines);
    expect(restarted.journal.restores).to.equal(0);
    // Its log is whole: a version that can read the snapshot goes on from here.
    cluster.kill(id);
    const again = await cluster.restart(id);
    await cluster.converge(await cluster.write("after"));
    expect(again.journal.restores).to.equal(1);
  });

  it("resumes a pull that a reset interrupts", async () => {
    const { cluster } = await threeReplicas(5, { snapshots: { everyEntries: 40, entriesMax: 40, trailingEntries: 5 } });
    const follower = cluster.followers()[0]!;
    cluster.kill(follower.id);
    const big = "x".repeat(60_000);
    for (let i = 0; i < 60; i++) await cluster.write(`${i}${big}`);
    await cluster.sim.run(500);
    const back = await cluster.restart(follower.id);
    const leader = await cluster.leader();
    // Cut the connection again and again while about ten chunks are on their way.
    for (let i = 0; i < 3; i++) {
      await cluster.sim.run(6);
      cluster.network.reset(leader.id, follower.id);
    }
    await cluster.converge(await cluster.write("last"), undefined, 20_000);
    expect(back.replica.metrics.snapshotsInstalled).to.equal(1);
    expect(texts(back)).to.have.length(61);
  });

  it("is not confused when one member alone lags for long under writes", async () => {
    const { cluster } = await threeReplicas(6, options);
    const follower = cluster.followers()[0]!;
    cluster.network.partition(
      [follower.id],
      cluster.up.filter((node) => node !== follower).map(({ id }) => id),
    );
    for (let i = 0; i < 130; i++) await cluster.write(`w${i}`);
    cluster.network.heal();
    for (let i = 0; i < 60; i++) await cluster.write(`v${i}`);
    await cluster.converge(await cluster.write("last"));
    expect(texts(follower)).to.have.length(191);
  });
});
