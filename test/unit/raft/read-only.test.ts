import { expect } from "chai";
import { DEFAULT_RAFT_OPTIONS } from "../../../src/raft/types.ts";
import { RaftCluster } from "../../support/raft-harness.ts";
import { RaftMember, voters } from "../../support/raft-member.ts";

/** A ready leader `a`. */
function readyLeader(...ids: string[]): RaftMember {
  const leader = new RaftMember("a", { config: voters(...(ids.length > 0 ? ids : ["a", "b", "c"])) }).lead("b", "c");
  leader.ack("b", 2);
  leader.ack("c", 2);
  return leader;
}

describe("raft reads", () => {
  it("Q1: wait on a new leader until an entry of its own term is committed", () => {
    const leader = new RaftMember("a").lead("b");
    leader.step({ type: "read", requestId: 1 });
    leader.receive({ type: "heartbeat-reply", from: "b", readSeq: 0 });
    expect(leader.reads).to.deep.equal([]);
    leader.ack("b", 2);
    const seq = leader.out("heartbeat")[0]?.readSeq ?? 0;
    expect(seq).to.be.greaterThan(0);
    leader.receive({ type: "heartbeat-reply", from: "b", readSeq: seq });
    expect(leader.reads).to.deep.equal([{ requestId: 1, ok: true, index: 2 }]);
  });

  it("B4: are answered by an echo of a sequence issued after they came, never by an older one", () => {
    const leader = readyLeader();
    leader.step({ type: "read", requestId: 1 });
    const first = leader.out("heartbeat").at(-1)?.readSeq ?? 0;
    leader.receive({ type: "heartbeat-reply", from: "b", readSeq: first - 1 });
    expect(leader.reads).to.deep.equal([]);
    leader.step({ type: "read", requestId: 2 });
    leader.receive({ type: "heartbeat-reply", from: "b", readSeq: first });
    expect(leader.reads).to.deep.equal([{ requestId: 1, ok: true, index: 2 }]);
    const second = leader.out("heartbeat").at(-1)?.readSeq ?? 0;
    expect(second).to.equal(first + 1);
    leader.receive({ type: "heartbeat-reply", from: "c", readSeq: first });
    expect(leader.reads).to.have.length(1);
    leader.receive({ type: "heartbeat-reply", from: "c", readSeq: second });
    expect(leader.reads[1]).to.deep.equal({ requestId: 2, ok: true, index: 2 });
  });

  it("share a round of heartbeats", () => {
    const leader = readyLeader();
    leader.sent.length = 0;
    for (let requestId = 1; requestId <= 100; requestId++) leader.step({ type: "read", requestId });
    expect(leader.out("heartbeat", "b"), "the first round").to.have.length(1);
    const seq = leader.out("heartbeat", "b")[0]?.readSeq ?? 0;
    leader.receive({ type: "heartbeat-reply", from: "b", readSeq: seq });
    leader.receive({ type: "heartbeat-reply", from: "b", readSeq: seq + 1 });
    expect(leader.reads).to.have.length(100);
  });

  it("are answered at once by a lone voter", () => {
    const leader = new RaftMember("a", { config: voters("a") });
    leader.tick();
    leader.step({ type: "read", requestId: 1 });
    expect(leader.reads).to.deep.equal([{ requestId: 1, ok: true, index: 2 }]);
  });

  it("need a majority of five, not two of five", () => {
    const leader = readyLeader("a", "b", "c", "d", "e");
    leader.step({ type: "read", requestId: 1 });
    const seq = leader.out("heartbeat").at(-1)?.readSeq ?? 0;
    leader.receive({ type: "heartbeat-reply", from: "b", readSeq: seq });
    leader.receive({ type: "heartbeat-reply", from: "b", readSeq: seq });
    expect(leader.reads).to.deep.equal([]);
    leader.receive({ type: "heartbeat-reply", from: "e", readSeq: seq });
    expect(leader.reads).to.have.length(1);
  });

  it("Q3: fail on a leader in a minority; they are never stale", () => {
    const cluster = new RaftCluster({ seed: 1, voters: ["a", "b", "c"] });
    const old = cluster.elect();
    cluster.run(200);
    cluster.partition([...cluster.nodes.keys()].filter((id) => id !== old.id));
    cluster.run(500);
    const id = cluster.read(old.id);
    const next = cluster.runUntil(() => cluster.ready !== null && cluster.ready.id !== old.id, 10_000, "a new leader");
    expect(next).to.be.greaterThan(0);
    cluster.propose(cluster.elect().id);
    cluster.run(2_000);
    expect(old.reads.get(id)?.result).to.deep.equal({ requestId: id, ok: false });
  });

  it("fail when leadership is lost, those of followers as well", () => {
    const leader = readyLeader();
    leader.step({ type: "read", requestId: 1 });
    leader.receive({ type: "read-index", from: "b", requestId: 7 });
    leader.receive({ type: "heartbeat-reply", from: "b", term: 9, readSeq: 0 });
    expect(leader.reads).to.deep.equal([{ requestId: 1, ok: false }]);
    expect(leader.out("read-index-reply")[0]).to.include({ to: "b", requestId: 7, ok: false });
  });

  it("Q4: are forwarded by a follower, asked again when lost, and answered once", () => {
    const follower = new RaftMember("b");
    follower.append("a", [1, 1], []);
    follower.step({ type: "read", requestId: 1 });
    follower.step({ type: "read", requestId: 2 });
    const asked = follower.out("read-index");
    expect(
      asked.map(({ to }) => to),
      "one question at a time",
    ).to.deep.equal(["a"]);
    const again = follower
      .tick(2 * DEFAULT_RAFT_OPTIONS.heartbeatTicks)
      .filter((message) => message.type === "read-index");
    expect(again.map((message) => message.requestId)).to.deep.equal([asked[0]?.requestId]);
    const requestId = asked[0]?.requestId ?? 0;
    follower.receive({ type: "read-index-reply", from: "a", requestId, index: 5, ok: true });
    expect(follower.reads).to.deep.equal([{ requestId: 1, ok: true, index: 5 }]);
    const next = follower.out("read-index")[0]?.requestId ?? 0;
    expect(next).to.not.equal(requestId);
    follower.receive({ type: "read-index-reply", from: "a", requestId, index: 9, ok: true });
    expect(follower.reads, "a late second answer").to.have.length(1);
    follower.receive({ type: "read-index-reply", from: "a", requestId: next, index: 6, ok: true });
    expect(follower.reads[1]).to.deep.equal({ requestId: 2, ok: true, index: 6 });
  });

  it("Q4: end on a follower without a leader, with a new one, or after an election timeout", () => {
    const follower = new RaftMember("b", { raft: { random: () => 0.99 } });
    follower.step({ type: "read", requestId: 1 });
    expect(follower.reads).to.deep.equal([{ requestId: 1, ok: false }]);
    follower.append("a", [1, 1], []);
    follower.step({ type: "read", requestId: 2 });
    follower.receive({ type: "heartbeat", from: "c", term: 2, commit: 0, readSeq: 0 });
    expect(follower.reads[1]).to.deep.equal({ requestId: 2, ok: false });
    follower.step({ type: "read", requestId: 3 });
    for (let i = 0; i < 20; i++) {
      follower.tick();
      follower.receive({ type: "heartbeat", from: "c", commit: 0, readSeq: 0 });
    }
    expect(follower.reads[2]).to.deep.equal({ requestId: 3, ok: false });
  });

  it("Q10: are forwarded once only", () => {
    const follower = new RaftMember("b");
    follower.append("c", [1, 1], []);
    follower.receive({ type: "read-index", from: "a", requestId: 7 });
    expect(follower.sent).to.have.length(1);
    expect(follower.sent[0]).to.include({ type: "read-index-reply", to: "a", requestId: 7, ok: false });
  });

  it("question ids of a restarted follower differ from those before", () => {
    const ids = [0.1, 0.2].map((random) => {
      const follower = new RaftMember("b", { raft: { random: () => random } });
      follower.append("a", [1, 1], []);
      follower.step({ type: "read", requestId: 1 });
      return follower.out("read-index")[0]?.requestId;
    });
    expect(ids[0]).to.not.equal(ids[1]);
  });

  it("come through lost heartbeats", () => {
    const cluster = new RaftCluster({ seed: 3, voters: ["a", "b", "c"], faults: { loss: 0.3 } });
    let answered = 0;
    for (let i = 0; i < 100; i++) {
      const leader = cluster.elect(20_000);
      const follower = [...cluster.nodes.keys()].find((id) => id !== leader.id) ?? "";
      const asked = [leader.id, follower].map((id) => [id, cluster.read(id)] as const);
      cluster.run(2_500);
      for (const [id, request] of asked) if (cluster.node(id).reads.get(request)?.result?.ok === true) answered++;
    }
    expect(answered).to.be.greaterThan(150);
  });
});
