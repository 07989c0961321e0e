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

  function note(id: string | null, { term = 1, isNewcomer = false } = {}): void {
    history.note(id === null ? null : { id, term }, { isNewcomer });
  }

  it("gives the grace after a start with a log: nobody knows how long the cluster stood still", () => {
    now = 1500;
    note("m1");
    expect(history.graceUntil).to.equal(1500 + QUORUM_LOSS_GRACE_MS);
  });

  it("gives none after a start once its leader has told: that one knew", () => {
    note("m1", { term: 4 });
    history.told(3);
    expect(history.graceUntil, "by the leader before").to.equal(now + QUORUM_LOSS_GRACE_MS);
    history.told(4);
    expect(history.graceUntil).to.equal(0);
    note(null);
    now += 1000;
    note("m2", { term: 5 });
    expect(history.graceUntil, "it saw this change itself").to.equal(0);
  });

  it("gives none where the log it starts with has its leader's word already, but waits for another leader's", () => {
    history.told(4);
    note("m2", { term: 5 });
    expect(history.graceUntil).to.equal(now + QUORUM_LOSS_GRACE_MS);
    note("m3", { term: 6 });
    history.told(6);
    expect(history.graceUntil).to.equal(0);
    history = new LeaderHistory({ now: () => now });
    history.told(4);
    note("m1", { term: 4 });
    expect(history.graceUntil).to.equal(0);
  });

  it("keeps a grace that it saw the reason for, whatever its leader has told", () => {
    note("m1", { term: 1, isNewcomer: true });
    note(null);
    now += QUORUM_LOSS_AFTER_MS + 1;
    note("m2", { term: 2 });
    history.told(2);
    expect(history.graceUntil).to.equal(now + QUORUM_LOSS_GRACE_MS);
  });

  it("gives none to the first manager of a new cluster, nor to one that joins", () => {
    note("m1", { isNewcomer: true });
    expect(history.graceUntil).to.equal(0);
  });

  it("gives none after an election, and one after a long time without a leader", () => {
    note("m1", { isNewcomer: true });
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
    note("m1", { isNewcomer: true });
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
