import { expect } from "chai";
import { LeaderHistory, QUORUM_LOSS_AFTER_MS } from "../../../../src/manager/sessions/leader-history.ts";
import { QUORUM_LOSS_GRACE_MS } from "../../../../src/manager/sessions/liveness.ts";

describe("manager/sessions/leader-history", () => {
  let now: number;
  let history: LeaderHistory;

  beforeEach(() => {
    now = 1000;
    history = new LeaderHistory({ now: () => now });
  });

  function note(leader: string | null, isNewcomer = false): void {
    history.note(leader, { isNewcomer });
  }

  it("gives the grace after a start with a log: nobody knows how long the cluster stood still", () => {
    now = 1500;
    note("m1");
    expect(history.graceUntil).to.equal(1500 + QUORUM_LOSS_GRACE_MS);
  });

  it("gives none to the first manager of a new cluster, nor to one that joins", () => {
    note("m1", true);
    expect(history.graceUntil).to.equal(0);
  });

  it("gives none after an election, and one after a long time without a leader", () => {
    note("m1", true);
    note(null);
    now += QUORUM_LOSS_AFTER_MS;
    note("m2");
    expect(history.graceUntil).to.equal(0);
    note(null);
    now += QUORUM_LOSS_AFTER_MS + 1;
    note("m2");
    expect(history.graceUntil).to.equal(now + QUORUM_LOSS_GRACE_MS);
  });

  it("keeps the grace over further changes of leader", () => {
    note("m1");
    const until = history.graceUntil;
    now += 60_000;
    note(null);
    now += 500;
    note("m2");
    expect(history.graceUntil).to.equal(until);
  });

  it("measures the gap before the present leader, and none when one follows another at once", () => {
    note("m1", true);
    now += 5000;
    note(null);
    now += 700;
    note(null);
    now += 100;
    note("m2");
    expect(history.leaderlessMs).to.equal(800);
    now += 60_000;
    note("m2");
    expect(history.leaderlessMs).to.equal(800);
    note("m3");
    expect(history.leaderlessMs).to.equal(0);
  });
});
