import { expect } from "chai";
import { COMMIT_NOTICE_MS, CommitNotices } from "../../../../src/manager/replica/commit-notices.ts";
import type { Message } from "../../../../src/raft/types.ts";
import { Sim } from "../../../support/sim-env.ts";

type Notice = Extract<Message, { type: "commit" }>;

const notice = (to: string, commit: number): Notice => ({ type: "commit", from: "a", to, term: 1, commit });

describe("manager/replica/commit-notices", () => {
  function waiting(): { sim: Sim; notices: CommitNotices; sent: (readonly [string, number])[] } {
    const sim = new Sim(1);
    const sent: (readonly [string, number])[] = [];
    const notices = new CommitNotices(sim.env("a"), (some) => {
      for (const { to, commit } of some) sent.push([to, commit]);
    });
    return { sim, notices, sent };
  }

  it("sends the newest to each follower once, a moment after the first", async () => {
    const { sim, notices, sent } = waiting();
    notices.hold(notice("b", 5));
    notices.hold(notice("c", 5));
    await sim.run(COMMIT_NOTICE_MS - 1);
    notices.hold(notice("b", 6));
    expect(sent).to.deep.equal([]);
    await sim.run(1);
    expect(sent).to.have.deep.members([
      ["b", 6],
      ["c", 5],
    ]);
    notices.hold(notice("b", 7));
    await sim.run(COMMIT_NOTICE_MS);
    expect(sent.at(-1)).to.deep.equal(["b", 7]);
  });

  it("drops one that an append overtakes, and all when it closes", async () => {
    const { sim, notices, sent } = waiting();
    notices.hold(notice("b", 5));
    notices.overtakenBy({
      type: "append",
      from: "a",
      to: "b",
      term: 1,
      prevIndex: 5,
      prevTerm: 1,
      entries: [],
      commit: 5,
    });
    notices.hold(notice("c", 5));
    notices.close();
    await sim.run(10 * COMMIT_NOTICE_MS);
    expect(sent).to.deep.equal([]);
  });
});
