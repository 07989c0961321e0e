import { expect } from "chai";
import fc from "fast-check";
import { isAppError } from "../../../src/util/errors.ts";
import {
  ConfigHistory,
  decodeConfig,
  encodeConfig,
  makeConfig,
  refuseChange,
  voterIds,
} from "../../../src/raft/config.ts";
import { majority } from "../../../src/raft/quorum.ts";
import { changed, voters } from "../../support/raft-member.ts";
import type { Config, Member } from "../../../src/raft/types.ts";

const ABC = voters("a", "b", "c");

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

  it("allow no change after which two majorities could decide apart, and every other with one voter", () => {
    const role = fc.constantFrom<Member["role"] | null>("voter", "voter", "learner", null);
    const config = fc
      .tuple(role, role, role, role, role, role, role)
      .map((roles) =>
        makeConfig(
          roles.flatMap((as, at): Member[] => (as === null ? [] : [{ id: `m${at}`, address: `m${at}:1`, role: as }])),
        ),
      );
    fc.assert(
      fc.property(config, config, (before, after) => {
        const refusal = refuseChange(before, after);
        const [old, next] = [voterIds(before), voterIds(after)];
        if (refusal === null) expect(canDecideApart(old, next), `${old.join()} to ${next.join()}`).to.equal(false);
        else if (refusal === "not-single-step") expect(differenceOf(old, next)).to.be.greaterThan(1);
        else expect(refusal).to.equal(next.length === 0 ? "no-voters" : "unchanged");
      }),
      { numRuns: 500 },
    );
  });
});

/** Voters in only one of the two. */
function differenceOf(a: readonly string[], b: readonly string[]): number {
  return a.filter((id) => !b.includes(id)).length + b.filter((id) => !a.includes(id)).length;
}

/** Whether a majority of one and a majority of the other have nobody in common: tried out. */
function canDecideApart(a: readonly string[], b: readonly string[]): boolean {
  for (let chosen = 0; chosen < 2 ** a.length; chosen++) {
    const deciding = a.filter((_, at) => (chosen & (1 << at)) !== 0);
    if (deciding.length !== majority(a.length)) continue;
    if (b.filter((id) => !deciding.includes(id)).length >= majority(b.length)) return true;
  }
  return false;
}

describe("raft membership history", () => {
  type Step = { readonly kind: "append" | "truncate" | "compact"; readonly by: number };

  /** As a plain list of what was appended where. */
  class Naive {
    #entries: { index: number; config: Config }[] = [{ index: 1, config: ABC }];
    base = 1;

    at(index: number): Config {
      return this.#entries.findLast((entry) => entry.index <= index)?.config ?? ABC;
    }

    append(index: number, config: Config): void {
      this.#entries.push({ index, config });
    }

    truncateFrom(index: number): void {
      this.#entries = this.#entries.filter((entry) => entry.index < index);
    }

    get last(): number {
      return this.#entries.at(-1)?.index ?? 1;
    }
  }

  it("keeps the configuration of every index of its window, through appends, truncations and compactions", () => {
    const kind = fc.constantFrom<Step["kind"]>("append", "append", "truncate", "compact");
    const steps = fc.array(fc.record({ kind, by: fc.nat(4) }), { maxLength: 30 });
    fc.assert(
      fc.property(steps, (given) => {
        const history = new ConfigHistory(1, ABC);
        const naive = new Naive();
        for (const [at, { kind: what, by }] of given.entries()) {
          if (what === "append") {
            const config = changed(ABC, `n${at}`, "learner");
            const index = naive.last + 1 + by;
            history.append(index, config);
            naive.append(index, config);
          } else if (what === "truncate") {
            const index = Math.max(naive.base + 1, naive.last - by);
            history.truncateFrom(index);
            naive.truncateFrom(index);
          } else {
            naive.base = Math.max(naive.base, naive.last - by);
            history.compactTo(naive.base);
          }
          for (let index = naive.base; index <= naive.last + 2; index++) {
            expect(history.at(index).config, `at ${index}`).to.equal(naive.at(index));
          }
          expect(history.latest.config).to.equal(naive.at(Infinity));
        }
      }),
    );
  });

  it("names the configurations that came into effect in a range", () => {
    const history = new ConfigHistory(1, ABC);
    for (const index of [5, 9]) history.append(index, changed(ABC, `n${index}`, "learner"));
    const between = (after: number, upTo: number): number[] => history.between(after, upTo).map(({ index }) => index);
    expect([between(1, 8), between(5, 9), between(9, 99), between(0, 99)]).to.deep.equal([[5], [9], [], [5, 9]]);
  });
});
