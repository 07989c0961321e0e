import { expect } from "chai";
import fc from "fast-check";
import { AssertionFailure } from "../../../src/util/assert.ts";
import { Progress } from "../../../src/raft/progress.ts";
import { EMPTY_CONFIG } from "../../../src/raft/config.ts";
import { snapshotMeta } from "../../support/raft-member.ts";

const WINDOW = { messagesMax: 3, bytesMax: 100 };

/** `a` and `b` in [0, 1): where in what is possible at that moment. */
type Step = {
  readonly kind: "send" | "grow" | "ack" | "reject" | "heard" | "unreachable" | "snapshot";
  readonly a: number;
  readonly b: number;
};

/** A leader's log that only grows, and its messages under way as a plain list. */
class Model {
  readonly peer = new Progress("b", { voter: true, next: 6, now: 0, window: WINDOW });
  lastIndex = 5;
  underWay: { lastIndex: number; bytes: number }[] = [];

  run({ kind, a, b }: Step): void {
    const { peer } = this;
    const state = peer.state;
    if (kind === "grow") this.lastIndex += 1 + Math.floor(a * 5);
    else if (kind === "send") this.#send(a, b);
    else if (kind === "ack") this.#ack(Math.floor(a * (this.lastIndex + 1)));
    else if (kind === "reject") {
      const index = Math.floor(a * (this.lastIndex + 1));
      peer.rejected(index, Math.floor(b * (index + 1)));
    } else if (kind === "heard") peer.paused = false;
    else if (kind === "unreachable") {
      if (state === "replicate") peer.toProbe();
    } else if (state !== "snapshot")
      peer.toSnapshot(snapshotMeta(1 + Math.floor(a * this.lastIndex), 1, EMPTY_CONFIG), 0);
    if (peer.state !== state) this.underWay = [];
  }

  #send(a: number, b: number): void {
    const { peer } = this;
    if (!peer.canSend() || peer.next > this.lastIndex) return;
    const upTo = peer.next + Math.floor(a * (this.lastIndex - peer.next + 1));
    const bytes = 1 + Math.floor(b * 150);
    if (peer.state === "replicate") this.underWay.push({ lastIndex: upTo, bytes });
    peer.sent(upTo, bytes);
  }

  #ack(index: number): void {
    this.peer.acked(index);
    this.underWay = this.underWay.filter(({ lastIndex }) => lastIndex > index);
  }

  get isFull(): boolean {
    const bytes = this.underWay.reduce((sum, message) => sum + message.bytes, 0);
    return this.underWay.length >= WINDOW.messagesMax || bytes >= WINDOW.bytesMax;
  }
}

const UNIT = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const KIND = fc.constantFrom<Step["kind"]>(
  "send",
  "send",
  "send",
  "grow",
  "ack",
  "ack",
  "reject",
  "heard",
  "unreachable",
  "snapshot",
);
const STEPS = fc.array(fc.record({ kind: KIND, a: UNIT, b: UNIT }), { maxLength: 60 });

describe("raft progress", () => {
  it("R4, B17: never unlearns a match, and keeps next beyond it and within the log, whatever answers come", () => {
    fc.assert(
      fc.property(STEPS, (steps) => {
        const model = new Model();
        const { peer } = model;
        for (const step of steps) {
          const { match } = peer;
          model.run(step);
          expect(peer.match).to.be.at.least(match);
          expect(peer.next).to.be.within(peer.match + 1, model.lastIndex + 1);
          peer.check(model.lastIndex);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("has exactly the messages under way that are not acknowledged, and sends while they fit the window", () => {
    fc.assert(
      fc.property(STEPS, (steps) => {
        const model = new Model();
        const { peer } = model;
        for (const step of steps) {
          model.run(step);
          expect(peer.isIdle).to.equal(model.underWay.length === 0);
          if (peer.state === "replicate") expect(peer.canSend()).to.equal(!model.isFull);
          if (peer.state === "snapshot") expect(peer.canSend()).to.equal(false);
          expect(peer.snapshot !== null).to.equal(peer.state === "snapshot");
        }
      }),
      { numRuns: 300 },
    );
  });

  it("takes a stale rejection for none", () => {
    const peer = new Progress("b", { voter: true, next: 10, now: 0, window: WINDOW });
    expect([peer.rejected(9, 4), peer.next]).to.deep.equal([true, 4]);
    expect([peer.rejected(9, 1), peer.next], "of an older probe").to.deep.equal([false, 4]);
    peer.acked(3);
    expect([peer.rejected(2, 0), peer.next], "of what it has since acknowledged").to.deep.equal([false, 4]);
  });

  it("stops a leader whose bookkeeping is broken", () => {
    const peer = new Progress("b", { voter: true, next: 10, now: 0, window: WINDOW });
    peer.acked(6);
    peer.next = 6;
    expect(() => peer.check(20)).to.throw(AssertionFailure, "beyond match");
    peer.next = 7;
    expect(() => peer.check(5)).to.throw(AssertionFailure, "must not exceed our log");
  });
});
