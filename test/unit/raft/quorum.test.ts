import { expect } from "chai";
import fc from "fast-check";
import { quorumValue, tally } from "../../../src/raft/quorum.ts";

const IDS = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];

describe("raft quorum", () => {
  it("finds the largest index that a majority has, as counting one by one does", () => {
    const values = fc.array(fc.nat(20), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(values, (matches) => {
        const has = (index: number): boolean => matches.filter((match) => match >= index).length * 2 > matches.length;
        let best = 0;
        while (has(best + 1)) best++;
        expect(quorumValue([...matches])).to.equal(best);
      }),
    );
  });

  it("finds nothing where nobody votes", () => {
    expect(quorumValue([])).to.equal(0);
    expect(tally([], new Map())).to.equal("lost");
  });

  it("wins with a majority of grants, loses when one is out of reach, and is open otherwise", () => {
    const answers = fc.array(fc.constantFrom(true, false, null), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(answers, (given) => {
        const voters = IDS.slice(0, given.length);
        const votes = new Map<string, boolean>();
        given.forEach((answer, i) => {
          if (answer !== null) votes.set(IDS[i] ?? "", answer);
        });
        const granted = given.filter((answer) => answer === true).length;
        const possible = given.filter((answer) => answer !== false).length;
        const won = granted * 2 > given.length;
        const lost = possible * 2 <= given.length;
        let expected = "open";
        if (won) expected = "won";
        else if (lost) expected = "lost";
        expect(tally(voters, votes)).to.equal(expected);
      }),
    );
  });

  it("ignores the votes of strangers", () => {
    expect(
      tally(
        ["a", "b", "c"],
        new Map([
          ["a", true],
          ["x", true],
          ["y", true],
        ]),
      ),
    ).to.equal("open");
  });
});
