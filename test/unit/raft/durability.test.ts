import { expect } from "chai";
import fc from "fast-check";
import { AssertionFailure } from "../../../src/util/assert.ts";
import { Durability } from "../../../src/raft/durability.ts";
import { RaftLog } from "../../../src/raft/log.ts";
import { RaftMember, entry } from "../../support/raft-member.ts";
import type { Message, Persist } from "../../../src/raft/types.ts";

type Step =
  | { readonly kind: "append"; readonly count: number; readonly term: number }
  | { readonly kind: "truncate"; readonly keep: number }
  | { readonly kind: "hold" | "take" | "complete" };

/** A log in memory, and a disk that writes what it is handed when it gets to it. */
class Model {
  readonly log = new RaftLog(0, 0, []);
  readonly durability = new Durability({ term: 0, vote: null, commit: 0 }, 0);
  /** Term of each entry on disk. */
  disk: number[] = [];
  readonly queue: Persist[] = [];
  readonly held: number[] = [];
  readonly released: number[] = [];
  term = 0;
  #nextHeld = 1;

  run(step: Step): void {
    const { log, durability } = this;
    if (step.kind === "append") {
      this.term = Math.max(this.term, step.term);
      for (let i = 0; i < step.count; i++) log.append(entry(log.lastIndex + 1, Math.max(step.term, log.lastTerm)));
    } else if (step.kind === "truncate") {
      const index = Math.min(step.keep, log.lastIndex) + 1;
      log.truncateFrom(index);
      durability.truncatedFrom(index);
    } else if (step.kind === "hold") this.#hold();
    else if (step.kind === "take") this.take();
    else if (this.queue.length > 0) this.complete();
  }

  /** A step of the core holds, and takes at its end. */
  #hold(): void {
    const readSeq = this.#nextHeld++;
    // Something is under way or will be: else the core would send it at once.
    if (this.queue.length === 0 && this.log.lastIndex <= this.durability.stableIndex) return;
    const message: Message = { type: "heartbeat-reply", from: "a", to: "b", term: this.term, readSeq };
    this.durability.hold(message);
    this.held.push(readSeq);
    this.take();
  }

  take(): void {
    const persist = this.durability.take(this.log, { term: this.term, vote: null, commit: 0 });
    if (persist !== null) this.queue.push(persist);
  }

  complete(): void {
    const persist = this.queue.shift();
    if (persist === undefined) return;
    const first = persist.entries[0];
    if (first !== undefined)
      this.disk = [...this.disk.slice(0, first.index - 1), ...persist.entries.map((e) => e.term)];
    for (const message of this.durability.complete(persist.token, this.log)) {
      if (message.type === "heartbeat-reply") this.released.push(message.readSeq);
    }
  }

  /** So many entries from the first on are the same in memory and on disk. */
  get common(): number {
    let index = 0;
    while (index < this.log.lastIndex && this.log.termAt(index + 1) === this.disk[index]) index++;
    return index;
  }
}

const STEPS = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant("append" as const),
      count: fc.integer({ min: 1, max: 3 }),
      term: fc.integer({ min: 1, max: 4 }),
    }),
    fc.record({ kind: fc.constant("truncate" as const), keep: fc.nat(6) }),
    fc.record({ kind: fc.constantFrom("hold" as const, "take" as const, "complete" as const, "complete" as const) }),
  ),
  { maxLength: 40 },
);

describe("raft durability", () => {
  it("B15: never credits more than the disk holds of the present log, and in the end all of it", () => {
    fc.assert(
      fc.property(STEPS, (steps) => {
        const model = new Model();
        for (const step of steps) {
          model.run(step);
          expect(model.durability.stableIndex, JSON.stringify(step)).to.be.at.most(model.common);
        }
        model.take();
        while (model.queue.length > 0) model.complete();
        expect(model.durability.stableIndex).to.equal(model.log.lastIndex);
        expect(model.common).to.equal(model.log.lastIndex);
      }),
      { numRuns: 500 },
    );
  });

  it("releases each message that waits once, in order, when a write is done", () => {
    fc.assert(
      fc.property(STEPS, (steps) => {
        const model = new Model();
        for (const step of steps) {
          const before = model.released.length;
          model.run(step);
          if (step.kind !== "complete") expect(model.released.length).to.equal(before);
        }
        model.take();
        while (model.queue.length > 0) model.complete();
        expect(model.released).to.deep.equal(model.held);
      }),
    );
  });

  it("insists that writes complete in order", () => {
    const follower = new RaftMember("a", { slowDisk: true });
    follower.append("b", [1, 1], [entry(2, 1)]);
    follower.append("b", [2, 1], [entry(3, 1)]);
    expect(() => follower.step({ type: "persisted", token: follower.tokens[1] ?? 0 })).to.throw(
      AssertionFailure,
      "in order",
    );
  });

  it("refuses to start on a disk that lost committed entries", () => {
    expect(() => new RaftMember("a", { terms: [1], hardState: { commit: 9 } })).to.throw(AssertionFailure, "missing");
  });
});
