import { expect } from "chai";
import { READS_WAITING_MAX } from "../../../src/raft/read-only.ts";
import { RaftMember } from "../../support/raft-member.ts";

describe("raft reads", () => {
  it("refuse one more than may wait, on a leader and on a follower, and forget none of the others", () => {
    const leader = new RaftMember("a").lead("b");
    const follower = new RaftMember("b");
    follower.append("a", [1, 1], []);
    for (const member of [leader, follower]) {
      // A question that is out carries the first; the others wait for the next.
      const isOut = member === follower ? 1 : 0;
      for (let requestId = 1; requestId <= READS_WAITING_MAX + isOut; requestId++) {
        member.core.step({ type: "read", requestId });
      }
      const tooMany = READS_WAITING_MAX + isOut + 1;
      expect(member.core.step({ type: "read", requestId: tooMany }).reads).to.deep.equal([
        { requestId: tooMany, ok: false },
      ]);
    }
    leader.ack("b", 2);
    const readSeq = leader.out("heartbeat")[0]?.readSeq ?? 0;
    leader.receive({ type: "heartbeat-reply", from: "b", readSeq });
    expect(leader.reads).to.have.length(READS_WAITING_MAX);
  });

  it("have question ids that differ from those before a restart", () => {
    const ids = [0.1, 0.2].map((random) => {
      const follower = new RaftMember("b", { raft: { random: () => random } });
      follower.append("a", [1, 1], []);
      follower.step({ type: "read", requestId: 1 });
      return follower.out("read-index")[0]?.requestId;
    });
    expect(ids[0]).to.not.equal(ids[1]);
  });
});
