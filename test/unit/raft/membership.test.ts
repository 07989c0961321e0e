import { expect } from "chai";
import fc from "fast-check";
import { AssertionFailure } from "../../../src/util/assert.ts";
import { isAppError } from "../../../src/util/errors.ts";
import { ConfigHistory, decodeConfig, encodeConfig, makeConfig, refuseChange } from "../../../src/raft/config.ts";
import { PROMOTION_LAG_MAX } from "../../../src/raft/membership.ts";
import { RaftCluster, changed } from "../../support/raft-harness.ts";
import { RaftMember, configEntry, entry, voters } from "../../support/raft-member.ts";
import type { Config, Member } from "../../../src/raft/types.ts";

const ABC = voters("a", "b", "c");

/** A ready leader `a` of a, b, c. */
function readyLeader(config = ABC): RaftMember {
  const leader = new RaftMember("a", { config }).lead("b");
  leader.ack("b", 2);
  return leader;
}

function refusal(leader: RaftMember, config: Config, force = false): string | null {
  const can = leader.core.canProposeConfig(config, { force });
  return can.ok ? null : can.reason;
}

function isCorrupt(error: unknown): boolean {
  return isAppError(error, "corrupt");
}

describe("raft membership codec", () => {
  it("reads back what it wrote", () => {
    // Characters of one to four bytes. All of Unicode costs two seconds to set up.
    const unit = fc.constantFrom("a", "\0", "ä", "€", "😀");
    const member = fc.record({
      id: fc.string({ unit, minLength: 1, maxLength: 40 }),
      address: fc.string({ unit, maxLength: 60 }),
      role: fc.constantFrom<Member["role"]>("voter", "learner"),
    });
    const members = fc.uniqueArray(member, { maxLength: 9, selector: ({ id }) => id });
    fc.assert(
      fc.property(members, (given) => {
        const config = makeConfig(given);
        expect(decodeConfig(encodeConfig(config))).to.deep.equal(config);
      }),
    );
  });

  it("calls a member that is listed twice corrupt", () => {
    const bytes = Buffer.from(encodeConfig(ABC));
    bytes[bytes.indexOf("b")] = "a".charCodeAt(0);
    expect(() => decodeConfig(bytes))
      .to.throw("a member is listed twice")
      .that.satisfies(isCorrupt);
  });

  it("calls every truncation and every unknown version or role corrupt", () => {
    const bytes = encodeConfig(ABC);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeConfig(bytes.subarray(0, length)))
        .to.throw()
        .that.satisfies(isCorrupt);
    }
    for (const [at, value] of [
      [0, 9],
      [3, 7],
    ] as const) {
      const wrong = bytes.slice();
      wrong[at] = value;
      expect(() => decodeConfig(wrong))
        .to.throw()
        .that.satisfies(isCorrupt);
    }
  });
});

describe("raft membership rules", () => {
  it("allows one voter more or fewer at a time, and learners and addresses freely", () => {
    expect(refuseChange(ABC, changed(ABC, "d", "voter"))).to.equal(null);
    expect(refuseChange(ABC, changed(ABC, "c", null))).to.equal(null);
    expect(refuseChange(ABC, changed(ABC, "c", "learner"))).to.equal(null);
    expect(refuseChange(ABC, voters("a", "b", "d")), "a replacement is two steps").to.equal("not-single-step");
    expect(refuseChange(ABC, voters("a"))).to.equal("not-single-step");
    expect(refuseChange(changed(changed(ABC, "b", null), "c", null), { members: [] })).to.equal("no-voters");
    expect(refuseChange(ABC, changed(changed(ABC, "l", "learner"), "m", "learner"))).to.equal(null);
    const moved = makeConfig(ABC.members.map((member) => ({ ...member, address: "elsewhere:1" })));
    expect(refuseChange(ABC, moved)).to.equal(null);
    expect(refuseChange(ABC, ABC), "M14: a repeated request changes nothing").to.equal("unchanged");
  });

  it("M1: refuses a change before an entry of the leader's own term is committed", () => {
    const leader = new RaftMember("a").lead("b");
    expect(refusal(leader, changed(ABC, "d", "learner"))).to.equal("not-ready");
    expect(() => leader.proposeConfig(changed(ABC, "d", "learner"))).to.throw(AssertionFailure, "canProposeConfig");
    leader.ack("b", 2);
    expect(refusal(leader, changed(ABC, "d", "learner"))).to.equal(null);
  });

  it("M2: refuses a change while another is uncommitted, also one that it only found in its log", () => {
    const leader = readyLeader();
    leader.proposeConfig(changed(ABC, "d", "learner"));
    expect(refusal(leader, changed(ABC, "e", "learner"))).to.equal("pending");
    leader.ack("b", 3);
    expect(refusal(leader, changed(leader.status.config, "e", "learner"))).to.equal(null);

    const withD = changed(ABC, "d", "learner");
    const heir = new RaftMember("a", { entries: [configEntry(1, 1, ABC), configEntry(2, 1, withD)] }).lead("b");
    expect(heir.status.config).to.deep.equal(withD);
    expect(refusal(heir, changed(withD, "e", "learner"))).to.equal("not-ready");
    heir.ack("b", 2);
    expect(refusal(heir, changed(withD, "e", "learner"))).to.equal("not-ready");
    heir.ack("b", 3);
    expect(refusal(heir, changed(withD, "e", "learner"))).to.equal(null);
  });

  it("refuses a change elsewhere than on the leader, and during a transfer", () => {
    expect(refusal(new RaftMember("a"), ABC)).to.equal("not-leader");
    const leader = readyLeader();
    leader.step({ type: "transfer", to: "c" });
    expect(refusal(leader, changed(ABC, "d", "learner"))).to.equal("transferring");
  });

  it("M7: refuses to promote a learner that lags or is silent, unless forced", () => {
    const withD = changed(ABC, "d", "learner");
    const leader = readyLeader(withD);
    leader.propose(PROMOTION_LAG_MAX + 10);
    leader.ack("b", leader.status.lastIndex);
    const promoted = changed(withD, "d", "voter");
    expect(refusal(leader, promoted)).to.equal("behind");
    expect(refusal(leader, promoted, true)).to.equal(null);
    leader.ack("d", 20);
    expect(refusal(leader, promoted)).to.equal(null);
    for (let i = 0; i < 25; i++) {
      leader.tick();
      leader.receive({ type: "heartbeat-reply", from: "b", readSeq: 0 });
      leader.receive({ type: "heartbeat-reply", from: "c", readSeq: 0 });
    }
    expect(refusal(leader, promoted), "d has been silent").to.equal("behind");
  });

  it("M9: refuses a change after which no majority would answer, unless forced", () => {
    const leader = readyLeader();
    for (let i = 0; i < 25; i++) {
      leader.tick();
      leader.receive({ type: "heartbeat-reply", from: "b", readSeq: 0 });
    }
    expect(refusal(leader, changed(ABC, "b", null))).to.equal("quorum-loss");
    expect(refusal(leader, changed(ABC, "b", null), true)).to.equal(null);
    expect(refusal(leader, changed(ABC, "c", null)), "removing the dead one is fine").to.equal(null);
  });
});

describe("raft membership", () => {
  it("counts by the new configuration from the append on; learners get everything and count for nothing", () => {
    const leader = readyLeader(voters("a", "b"));
    leader.proposeConfig(changed(leader.status.config, "l", "learner"));
    expect(leader.out("append").map(({ to }) => to)).to.deep.equal(["b", "l"]);
    leader.ack("l", 3);
    expect(leader.status.commit, "a learner is no majority").to.equal(2);
    leader.ack("b", 3);
    expect(leader.status.commit).to.equal(3);
    leader.proposeConfig(changed(leader.status.config, "l", "voter"));
    leader.ack("b", 4);
    expect(leader.status.commit, "two of three, itself included").to.equal(4);
  });

  it("B8: falls back to the configuration before when the log is truncated", () => {
    const follower = new RaftMember("b");
    follower.append("a", [1, 1], [configEntry(2, 1, changed(ABC, "d", "voter")), entry(3, 1)]);
    expect(follower.status.config.members).to.have.length(4);
    follower.receive({
      type: "append",
      from: "c",
      term: 2,
      prevIndex: 1,
      prevTerm: 1,
      entries: [entry(2, 2, "noop")],
      commit: 1,
    });
    expect(follower.status.config).to.deep.equal(ABC);
  });

  it("keeps the configuration of every index of its window", () => {
    const history = new ConfigHistory(1, ABC);
    const four = changed(ABC, "d", "learner");
    const five = changed(four, "e", "learner");
    history.append(5, four);
    history.append(9, five);
    expect([1, 4, 5, 8, 9, 99].map((index) => history.at(index).index)).to.deep.equal([1, 1, 5, 5, 9, 9]);
    expect(history.between(1, 8).map(({ index }) => index)).to.deep.equal([5]);
    history.compactTo(7);
    expect(history.at(7).config).to.deep.equal(four);
    history.truncateFrom(9);
    expect(history.latest.config).to.deep.equal(four);
  });

  it("M4: a leader that removes itself leads until the commit, without its own vote, then has a successor at once", () => {
    const leader = readyLeader();
    leader.proposeConfig(changed(ABC, "a", null));
    leader.ack("b", 3);
    expect(leader.status.commit, "b alone is no majority of b and c").to.equal(2);
    expect(leader.status.role).to.equal("leader");
    leader.ack("c", 3);
    expect(leader.status).to.include({ commit: 3, role: "learner", leader: null });
    expect(leader.core.step({ type: "tick" }).removed).to.equal(true);

    const cluster = new RaftCluster({ seed: 9, voters: ["a", "b", "c"] });
    const old = cluster.elect();
    cluster.run(500);
    expect(cluster.proposeConfig(old.id, changed(old.status.config, old.id, null))).to.equal(true);
    const took = cluster.runUntil(() => cluster.ready !== null && cluster.ready.id !== old.id, 5_000, "a successor");
    expect(took).to.be.lessThan(100);
    expect(old.removed).to.equal(true);
  });

  it("goes on under the next leader when a change was not committed, or lost", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const cluster = new RaftCluster({ seed, voters: ["a", "b", "c"] });
      const leader = cluster.elect();
      cluster.run(200);
      const other = [...cluster.nodes.keys()].find((id) => id !== leader.id) ?? "";
      cluster.proposeConfig(leader.id, changed(leader.status.config, other, "learner"));
      cluster.run(seed % 5);
      cluster.crash(leader.id);
      cluster.run(2_000);
      cluster.start(leader.id);
      cluster.elect();
      cluster.runUntil(() => cluster.hasConverged(), 10_000, "convergence");
    }
  });

  it("M5: a removed member that never heard of it disturbs nobody, is told, and stops", () => {
    const cluster = new RaftCluster({ seed: 10, voters: ["a", "b", "c", "d"] });
    const leader = cluster.elect();
    const gone = [...cluster.nodes.keys()].find((id) => id !== leader.id) ?? "";
    cluster.partition([...cluster.nodes.keys()].filter((id) => id !== gone));
    cluster.run(100);
    expect(cluster.proposeConfig(leader.id, changed(leader.status.config, gone, null))).to.equal(true);
    cluster.run(10_000);
    const { term } = cluster.elect().status;
    expect(cluster.node(gone).removed).to.equal(false);
    cluster.heal();
    cluster.runUntil(() => cluster.node(gone).removed, 5_000, "the removed member stops");
    expect(cluster.elect().status.term).to.equal(term);
  });

  it("does not call one removed that may know a later configuration", () => {
    const behind = new RaftMember("a", { terms: [1, 1] });
    behind.receive({ type: "pre-vote", from: "n", term: 3, lastIndex: 9, lastTerm: 2 });
    expect(behind.out("removed")).to.deep.equal([]);
    const ahead = new RaftMember("a", { terms: [1, 1], hardState: { commit: 3 } });
    ahead.receive({ type: "pre-vote", from: "n", term: 3, lastIndex: 2, lastTerm: 1 });
    expect(ahead.out("removed").map(({ to }) => to)).to.deep.equal(["n"]);
    const joining = new RaftMember("n", { entries: [], hardState: { term: 0, commit: 0 } });
    joining.receive({ type: "pre-vote", from: "a", term: 3, lastIndex: 0, lastTerm: 0 });
    expect(joining.out("removed"), "who knows no members knows nobody removed").to.deep.equal([]);
  });

  it("does not take an old configuration without it for its removal", () => {
    const withD = changed(ABC, "d", "learner");
    const joiner = new RaftMember("d", { entries: [], hardState: { term: 0, commit: 0 } });
    joiner.append("a", [0, 0], [configEntry(1, 1, ABC), entry(2, 1)], 2);
    expect(joiner.core.step({ type: "tick" }).removed).to.equal(false);
    joiner.append("a", [2, 1], [configEntry(3, 1, withD), configEntry(4, 1, ABC)], 3);
    expect(joiner.core.step({ type: "tick" }).removed).to.equal(false);
    joiner.append("a", [4, 1], [], 4);
    expect(joiner.core.step({ type: "tick" }).removed).to.equal(true);
  });

  it("lets a demoted leader commit its own demotion when only its log has it (thesis 4.2.2)", () => {
    const cluster = new RaftCluster({ seed: 11, voters: ["a", "b"] });
    const leader = cluster.elect();
    cluster.run(200);
    cluster.passes = () => false;
    cluster.proposeConfig(leader.id, changed(leader.status.config, leader.id, "learner"));
    cluster.run(5_000);
    expect(cluster.leader()).to.equal(null);
    cluster.heal();
    const next = cluster.elect();
    cluster.run(1_000);
    expect(next.id).to.not.equal(leader.id);
    expect(leader.status.role).to.equal("learner");
  });

  it("M11: replaces every member many times over, one step at a time", () => {
    const cluster = new RaftCluster({ seed: 12, voters: ["a", "b", "c"], snapshotEach: 10 });
    for (let round = 0; round < 30; round++) {
      const leader = cluster.elect();
      const id = `n${round}`;
      cluster.join(id);
      const current = (): Config => cluster.elect().status.config;
      const change = (config: () => Config, what: string): void => {
        cluster.runUntil(
          () => cluster.ready !== null && cluster.proposeConfig(cluster.ready.id, config()),
          5_000,
          what,
        );
      };
      change(() => changed(current(), id, "learner"), "a learner");
      change(() => changed(current(), id, "voter"), "its promotion");
      // Now and then the leader itself is the oldest.
      const oldest = current().members.find((member) => member.id !== id)?.id ?? leader.id;
      change(() => changed(current(), oldest, null), "a removal");
      cluster.propose(cluster.elect().id, 3);
      cluster.runUntil(() => cluster.node(oldest).removed, 5_000, "the removed one stops");
    }
    expect(cluster.elect().status.config.members).to.have.length(3);
  });
});
