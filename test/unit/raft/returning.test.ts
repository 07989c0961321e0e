/** A member whose log was deleted when it laid its part down, and that takes it up again under the same id. */
import { expect } from "chai";
import { RaftMember, configEntry, entry, voters } from "../../support/raft-member.ts";

const ALONE = configEntry(1, 1, voters("a"));
const ALL = configEntry(4, 2, voters("a", "b", "c"));

/** It ended its former part with entry 5 of term 2, and has nothing yet. */
function returning(): RaftMember {
  const hardState = { term: 3, vote: null, commit: 0 };
  return new RaftMember("a", { entries: [], hardState, formerEnd: { index: 5, term: 2 } });
}

describe("raft: a member that returns", () => {
  it("does not lead alone on the strength of the beginning of the log, in which it was the only voter", () => {
    const member = returning();
    member.append("b", [0, 0], [ALONE, entry(2, 1)], 2);
    expect(member.status.config.members.map(({ id }) => id)).to.deep.equal(["a"]);
    expect(member.tick(200)).to.deep.equal([]);
    expect(member.status).to.include({ role: "follower", term: 3 });
    member.receive({ type: "timeout-now", from: "b" });
    expect(member.status.role).to.equal("follower");
  });

  it("campaigns like any other once its log is as long as it was", () => {
    const member = returning();
    member.append("b", [0, 0], [ALONE, entry(2, 1), entry(3, 1), ALL], 4);
    expect(member.tick(200)).to.deep.equal([]);
    member.append("b", [4, 2], [entry(5, 2)], 4);
    member.tick(60);
    expect(member.out("pre-vote").map(({ to }) => to)).to.include.members(["b", "c"]);
  });
});
