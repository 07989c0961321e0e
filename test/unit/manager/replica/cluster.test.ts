import { expect } from "chai";
import { call } from "../../../../src/proto/client.ts";
import { isAppError } from "../../../../src/util/errors.ts";
import { ReplicaCluster, texts, THREE, threeReplicas, type TestNode } from "../../../support/replica-cluster.ts";

describe("manager/replica: a cluster", () => {
  it("elects one leader, which tells its state machine once it may propose", async () => {
    const { cluster, leader } = await threeReplicas();
    await cluster.sim.run(2_000);
    expect(cluster.up.filter(({ replica }) => replica.isReadyLeader())).to.deep.equal([leader]);
    expect(leader.journal.leadership).to.have.length(1);
    for (const node of cluster.up) expect(node.replica.leader()?.id).to.equal(leader.id);
    expect(leader.replica.leader()?.address).to.equal(`${leader.id}:7377`);
  });

  it("leads at once and alone when it is the only member", async () => {
    const cluster = new ReplicaCluster();
    await cluster.bootstrap(["a"]);
    await cluster.leader(200);
    await cluster.write("x");
    expect(texts(cluster.node("a"))).to.deep.equal(["x"]);
  });

  it("gives each proposal of a turn its index at once and replicates them in that order", async () => {
    const { cluster, leader } = await threeReplicas();
    const flushes = leader.replica.metrics.flushes;
    const slots = Array.from({ length: 50 }, (_, i) => leader.replica.propose(Buffer.from(`p${i}`)));
    const first = slots[0]!.index;
    expect(slots.map(({ index }) => index)).to.deep.equal(slots.map((_, i) => first + i));
    await cluster.converge(first + 49);
    for (const node of cluster.up) {
      expect(node.journal.lines).to.deep.equal(slots.map(({ index }, i) => `${index}:p${i}`));
    }
    expect(leader.replica.metrics.flushes - flushes).to.equal(1);
  });

  it("refuses proposals on a follower and names the leader", async () => {
    const { cluster, leader } = await threeReplicas();
    await cluster.sim.run(500);
    const follower = cluster.followers()[0]!;
    try {
      follower.replica.propose(Buffer.from("x"));
      expect.fail("must be refused");
    } catch (error) {
      expect(isAppError(error, "not-leader") && error.details.leaderAddress).to.equal(`${leader.id}:7377`);
    }
  });

  it("refuses more than the bytes that may wait, and a single change that is too large", async () => {
    const { leader } = await threeReplicas(1, { raft: { uncommittedBytesMax: 10_000 } });
    const kib = Buffer.alloc(1024);
    let accepted = 0;
    let refusal: unknown = null;
    while (refusal === null && accepted < 100) {
      try {
        leader.replica.propose(kib);
        accepted += 1;
      } catch (error) {
        refusal = error;
      }
    }
    expect(isAppError(refusal, "exhausted")).to.equal(true);
    expect(accepted).to.equal(9);
    expect(() => leader.replica.propose(Buffer.alloc(2 * 1024 * 1024))).to.throw("too large");
  });

  it("elects within half a second after the leader's process is killed, and keeps what was acknowledged", async () => {
    const { cluster, leader } = await threeReplicas();
    const index = await cluster.write("before");
    await cluster.sim.run(500);
    const killedAt = cluster.sim.now;
    cluster.kill(leader.id);
    const next = await cluster.leader();
    expect(cluster.sim.now - killedAt).to.be.below(500);
    expect(next.id).to.not.equal(leader.id);
    await cluster.converge((await cluster.write("after")) && index + 1);
    for (const node of cluster.up) expect(texts(node)).to.deep.equal(["before", "after"]);
  });

  it("elects within 2.5 s when the leader's machine goes dark without a word", async () => {
    const { cluster, leader } = await threeReplicas();
    await cluster.write("before");
    const killedAt = cluster.sim.now;
    cluster.kill(leader.id, { silent: true });
    await cluster.leader();
    expect(cluster.sim.now - killedAt).to.be.within(900, 2_500);
  });

  it("hands leadership over on stop, well within 200 ms", async () => {
    const { cluster, leader } = await threeReplicas();
    await cluster.write("before");
    const since = cluster.sim.now;
    await cluster.sim.resolve(leader.replica.stop(), { timeoutMs: 1_000, what: "stop" });
    leader.isUp = false;
    await cluster.leader();
    expect(cluster.sim.now - since).to.be.below(200);
    expect(leader.journal.leadership.at(-1)).to.equal("lost");
    await cluster.write("after");
  });

  it("transfers leadership on request", async () => {
    const { cluster, leader } = await threeReplicas();
    await cluster.sim.resolve(leader.replica.transferLeadership(), { timeoutMs: 2_000, what: "transfer" });
    const next = await cluster.leader();
    expect(next.id).to.not.equal(leader.id);
  });

  it("comes back from disk with everything after all were killed at once", async () => {
    const { cluster } = await threeReplicas();
    for (let i = 0; i < 20; i++) await cluster.write(`w${i}`);
    for (const id of THREE) cluster.kill(id, { power: true });
    await cluster.sim.run(100);
    for (const id of THREE) await cluster.restart(id);
    const index = await cluster.write("after");
    await cluster.converge(index);
    for (const node of cluster.up) {
      expect(texts(node)).to.deep.equal([...Array.from({ length: 20 }, (_, i) => `w${i}`), "after"]);
    }
  });

  it("catches a restarted follower up from the log", async () => {
    const { cluster } = await threeReplicas();
    const follower = cluster.followers()[0]!;
    await cluster.write("1");
    cluster.kill(follower.id);
    for (let i = 2; i < 30; i++) await cluster.write(String(i));
    await cluster.restart(follower.id);
    await cluster.converge(await cluster.write("30"));
    expect(texts(cluster.node(follower.id))).to.have.length(30);
  });
});

describe("manager/replica: membership", () => {
  it("adds a manager as learner through any manager, promotes it, and repeats without harm", async () => {
    const cluster = new ReplicaCluster({ seed: 7 });
    await cluster.bootstrap(["a"]);
    for (let i = 0; i < 20; i++) await cluster.write(`w${i}`);
    const joiner = await cluster.startNode("b", null);
    const channel = joiner.network.dial("a:7377", { peer: { kind: "manager" } });
    for (let round = 0; round < 2; round++) {
      const joined = await cluster.sim.resolve(
        call(channel, "Raft.Join", { address: "b:7377" }, { deadlineMs: 10_000 }),
        { timeoutMs: 10_000, what: "join" },
      );
      expect(joined.members).to.deep.equal(["a a:7377", "b b:7377"]);
    }
    const voters = ({ replica }: TestNode): number => replica.members().filter(({ role }) => role === "voter").length;
    await cluster.sim.runUntil(() => voters(joiner) === 2, { timeoutMs: 5_000, what: "promotion" });
    await cluster.startNode("c", null);
    const viaFollower = cluster.node("c").network.dial("b:7377", { peer: { kind: "manager" } });
    await cluster.sim.resolve(call(viaFollower, "Raft.Join", { address: "c:7377" }, { deadlineMs: 10_000 }), {
      timeoutMs: 10_000,
      what: "join through a follower",
    });
    await cluster.sim.runUntil(() => cluster.up.every((node) => voters(node) === 3), {
      timeoutMs: 5_000,
      what: "three voters",
    });
    await cluster.converge(await cluster.write("after"));
    cluster.kill((await cluster.leader()).id);
    await cluster.write("two of three");
  });

  it("does not let a learner vote that was never heard", async () => {
    const cluster = new ReplicaCluster({ seed: 7 });
    await cluster.bootstrap(["a"]);
    const leader = await cluster.leader();
    await cluster.sim.resolve(leader.replica.addMember({ id: "ghost", address: "ghost:7377" }), {
      timeoutMs: 5_000,
      what: "adding",
    });
    await cluster.sim.run(5_000);
    expect(leader.replica.members().map(({ role }) => role)).to.deep.equal(["voter", "learner"]);
    await cluster.write("one voter is enough");
  });

  it("gives a joiner the snapshot when the log is cut", async () => {
    const cluster = new ReplicaCluster({
      seed: 8,
      options: { snapshots: { everyEntries: 30, entriesMax: 30, trailingEntries: 5 } },
    });
    await cluster.bootstrap(["a"]);
    for (let i = 0; i < 100; i++) await cluster.write(`w${i}`);
    const joiner = await cluster.startNode("b", null);
    const channel = joiner.network.dial("a:7377", { peer: { kind: "manager" } });
    await cluster.sim.resolve(call(channel, "Raft.Join", { address: "b:7377" }, { deadlineMs: 10_000 }), {
      timeoutMs: 10_000,
      what: "join",
    });
    await cluster.converge(await cluster.write("after"));
    expect(joiner.replica.metrics.snapshotsInstalled).to.equal(1);
    expect(texts(joiner)).to.have.length(101);
  });

  it("removes a manager, which hears of it and is told once", async () => {
    const { cluster, leader } = await threeReplicas(9);
    const follower = cluster.followers()[0]!;
    const config = await cluster.sim.resolve(leader.replica.removeMember(follower.id, { force: false }), {
      timeoutMs: 10_000,
      what: "removal",
    });
    expect(config.members.map(({ id }) => id)).to.not.include(follower.id);
    await cluster.sim.runUntil(() => follower.removed > 0, { timeoutMs: 5_000, what: "the removed one hears" });
    await cluster.sim.run(3_000);
    expect(follower.removed).to.equal(1);
    await cluster.write("after");
  });

  it("lets a manager leave by its own call, through a follower, but not remove another", async () => {
    const { cluster } = await threeReplicas(9);
    await cluster.sim.run(300);
    const [leaver, other] = cluster.followers();
    const channel = leaver!.network.dial(`${other!.id}:7377`, { peer: { kind: "manager" } });
    const options = { deadlineMs: 5_000 };
    const wrong = call(channel, "Raft.Leave", { nodeId: other!.id }, options).catch((error: unknown) => error);
    const refusal = await cluster.sim.resolve(wrong, { timeoutMs: 5_000, what: "refusal" });
    expect(isAppError(refusal, "denied") && refusal.details.path).to.equal("node_id");
    await cluster.sim.resolve(call(channel, "Raft.Leave", { nodeId: leaver!.id }, options), {
      timeoutMs: 5_000,
      what: "leaving",
    });
    expect((await cluster.leader()).replica.members().map(({ id }) => id)).to.not.include(leaver!.id);
  });

  it("refuses an address that is none", async () => {
    const { cluster } = await threeReplicas(9);
    const channel = cluster.node("a").network.dial("b:7377", { peer: { kind: "manager" } });
    const wrong = call(channel, "Raft.Join", { address: "nonsense" }, { deadlineMs: 5_000 }).catch((e: unknown) => e);
    const refusal = await cluster.sim.resolve(wrong, { timeoutMs: 5_000, what: "refusal" });
    expect(isAppError(refusal, "invalid") && refusal.details.path).to.equal("address");
  });

  it("lets a leader remove itself and go on without it", async () => {
    const { cluster, leader } = await threeReplicas(10);
    await cluster.sim.resolve(leader.replica.removeMember(leader.id, { force: false }), {
      timeoutMs: 10_000,
      what: "removal",
    });
    await cluster.sim.runUntil(() => leader.removed === 1, { timeoutMs: 5_000, what: "it hears" });
    await cluster.sim.resolve(leader.replica.stop(), { timeoutMs: 1_000, what: "stop" });
    leader.isUp = false;
    const next = await cluster.leader();
    expect(next.id).to.not.equal(leader.id);
    expect(next.replica.members()).to.have.length(2);
  });

  it("refuses a removal that would lose the quorum, unless forced", async () => {
    const { cluster, leader } = await threeReplicas(11);
    const [dead, alive] = cluster.followers();
    cluster.kill(dead!.id);
    await cluster.sim.run(1_500);
    const refused = leader.replica.removeMember(alive!.id, { force: false }).catch((error: unknown) => error);
    const error = await cluster.sim.resolve(refused, { timeoutMs: 2_000, what: "refusal" });
    expect(isAppError(error, "precondition")).to.equal(true);
    const config = await cluster.sim.resolve(leader.replica.removeMember(dead!.id, { force: false }), {
      timeoutMs: 5_000,
      what: "removal of the dead one",
    });
    expect(config.members).to.have.length(2);
    await cluster.write("after");
  });

  it("refuses to remove the last manager", async () => {
    const cluster = new ReplicaCluster();
    await cluster.bootstrap(["a"]);
    const leader = await cluster.leader();
    const error = await leader.replica.removeMember("a", { force: true }).catch((caught: unknown) => caught);
    expect(isAppError(error, "precondition")).to.equal(true);
  });
});

describe("manager/replica: reads and lost quorum", () => {
  it("lets a read on any manager see every write acknowledged before it", async () => {
    const { cluster } = await threeReplicas(12);
    for (let i = 0; i < 5; i++) {
      const index = await cluster.write(`w${i}`);
      for (const node of cluster.up) {
        await cluster.sim.resolve(node.replica.readBarrier({ deadlineMs: 1_000 }), {
          timeoutMs: 1_000,
          what: "barrier",
        });
        expect(node.journal.version).to.be.at.least(index);
      }
    }
  });

  it("answers many reads of one turn with one question", async () => {
    const { cluster } = await threeReplicas(13);
    const follower = cluster.followers()[0]!;
    await cluster.sim.run(300);
    const before = follower.replica.metrics.messagesOut;
    const reads = Array.from({ length: 100 }, () => follower.replica.readBarrier({ deadlineMs: 1_000 }));
    await cluster.sim.resolve(Promise.all(reads), { timeoutMs: 1_000, what: "barriers" });
    expect(follower.replica.metrics.messagesOut - before).to.be.below(5);
  });

  it("says no quorum within the deadline when one of three is left, and never a stale yes", async () => {
    const { cluster, leader } = await threeReplicas(14);
    for (const { id } of cluster.followers()) cluster.kill(id);
    await cluster.sim.run(2_500);
    const started = cluster.sim.now;
    const read = leader.replica.readBarrier({ deadlineMs: 700 }).catch((error: unknown) => error);
    const error = await cluster.sim.resolve(read, { timeoutMs: 1_000, what: "refusal" });
    expect(isAppError(error, "unavailable") && error.message).to.include("No quorum");
    expect(cluster.sim.now - started).to.be.at.most(701);
    expect(() => leader.replica.propose(Buffer.from("x"))).to.throw("no leader is known");
  });

  it("does not answer reads of a leader that was paused and deposed", async () => {
    const { cluster, leader } = await threeReplicas(15);
    leader.env.pause();
    await cluster.write("behind its back");
    leader.env.resume();
    const read = leader.replica.readBarrier({ deadlineMs: 2_000 });
    await cluster.sim.resolve(read, { timeoutMs: 3_000, what: "barrier" });
    expect(texts(leader)).to.include("behind its back");
  });

  it("cancels a waiting read with its signal", async () => {
    const { cluster, leader } = await threeReplicas(16);
    for (const { id } of cluster.followers()) cluster.kill(id);
    const aborter = new AbortController();
    const read = leader.replica.readBarrier({ deadlineMs: 5_000, signal: aborter.signal }).catch((e: unknown) => e);
    await cluster.sim.run(10);
    aborter.abort();
    expect(isAppError(await read, "cancelled")).to.equal(true);
  });
});

describe("manager/replica: the disk", () => {
  it("ends cleanly when it is stopped while it starts", async () => {
    const cluster = new ReplicaCluster({ seed: 20 });
    await cluster.bootstrap(["a"]);
    const node = cluster.node("a");
    await cluster.sim.resolve(node.replica.stop(), { timeoutMs: 1_000, what: "stop" });
    node.network.kill();
    const starting = cluster.startNode("a", null).then(
      () => null,
      (error: unknown) => error,
    );
    await cluster.sim.resolve(cluster.node("a").replica.stop(), { timeoutMs: 1_000, what: "stop" });
    const error = await cluster.sim.resolve(starting, { timeoutMs: 1_000, what: "start" });
    expect(isAppError(error, "unavailable")).to.equal(true);
    cluster.node("a").network.kill();
    // Its stores are closed again: another start may have them.
    await cluster.startNode("a", null);
    await cluster.write("x");
  });

  for (const [store, why] of [
    ["raft-log", "ENOSPC: no space left on device"],
    ["raft-log", "EIO: i/o error"],
    ["raft-snapshots", "EIO: i/o error"],
  ] as const) {
    it(`stops for good at the first write to ${store} that fails (${why}), and the others go on`, async () => {
      const { cluster, leader } = await threeReplicas(17);
      const failing = cluster.followers()[0]!;
      failing.disk.faults = { failWrite: (name) => (name === store ? new Error(why) : null) };
      await cluster.write("x");
      // What goes there is written once a second.
      await cluster.sim.run(1_500);
      await cluster.write("y");
      await cluster.sim.run(1_500);
      expect(failing.fatal.map(({ message }) => message)).to.deep.equal([why]);
      expect(failing.journal.leadership).to.deep.equal([]);
      await cluster.write("the others go on");
      expect(leader.fatal).to.deep.equal([]);
    });
  }

  it("a leader whose write fails acknowledges nothing more, and what it had acknowledged is kept", async () => {
    const { cluster, leader } = await threeReplicas(17);
    await cluster.write("before");
    leader.disk.faults = { failWrite: () => new Error("EIO: i/o error") };
    leader.replica.propose(Buffer.from("in its log or not"));
    await cluster.sim.runUntil(() => cluster.leaderOrNull() !== null && cluster.leaderOrNull() !== leader, {
      timeoutMs: 5_000,
      what: "another leader",
    });
    expect(leader.fatal).to.have.length(1);
    await cluster.write("after");
    const kept = texts(await cluster.leader());
    expect(kept[0]).to.equal("before");
    expect(kept.at(-1)).to.equal("after");
  });

  it("gives leadership up when its own disk does not answer, and loses nothing", async () => {
    const { cluster, leader } = await threeReplicas(18);
    leader.disk.faults = { writeDelayMs: () => 30_000 };
    leader.replica.propose(Buffer.from("committed by the others"));
    await cluster.sim.runUntil(() => cluster.leaderOrNull() !== null && cluster.leaderOrNull() !== leader, {
      timeoutMs: 5_000,
      what: "another leader",
    });
    await cluster.write("after");
    expect(texts(await cluster.leader())).to.deep.equal(["committed by the others", "after"]);
  });

  it("refuses a data directory of another node or cluster", async () => {
    const cluster = new ReplicaCluster({ seed: 19 });
    await cluster.bootstrap(["a"]);
    cluster.kill("a");
    const error = await cluster
      .startNode("a", null, { nodeId: "z" })
      .then(() => null)
      .catch((caught: unknown) => caught);
    expect(isAppError(error, "precondition") && error.message).to.include("/data/a/raft-log belongs to node a");
  });
});
