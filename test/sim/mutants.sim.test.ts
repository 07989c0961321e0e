/**
 * Do the simulators bite? Bugs from the history of Raft implementations and such as would break what clusters promise, one
 * line each (mutants/), are switched on one by one; each must be killed by a named invariant, an assertion, or the directed
 * test that it names. `npm run mutants` runs this alone, `npm run prove -- mutants` hunts from the first seed on.
 */
import { assert } from "chai";
import { MUTANTS } from "./mutants/all.ts";
import { huntAll, type Hunt } from "./mutants/hunt.ts";
import type { Mutant } from "./mutants/mutant.ts";

/** Of Raft, and of whole clusters besides. */
const MUTANTS_MIN = 25 + 12;
/** Where a change of the program has made another run of the pinned seed, so many more are tried. */
const SEEDS_MAX = 100;

describe("sim/mutants", () => {
  let hunts: ReadonlyMap<Mutant, Promise<Hunt>> = new Map();

  before("as many at once as there are cores", () => {
    const all = huntAll(MUTANTS, (seed) => ({ from: seed, count: SEEDS_MAX }));
    hunts = new Map(all.map((hunt, at) => [MUTANTS[at] as Mutant, hunt]));
  });

  for (const mutant of MUTANTS) {
    it(`kills who ${mutant.name} (${mutant.like})`, async () => {
      const hunt = await hunts.get(mutant);
      const pinned = "test" in mutant ? null : mutant.seed;
      const by = pinned === null ? "its test" : `seeds ${pinned} to ${hunt?.seed}`;
      assert.isNotNull(hunt?.killedBy, `it survives ${by}: ${hunt?.why}`);
      const moved = hunt?.seed === pinned ? "" : `, not by ${pinned} any more: pin it anew`;
      console.log(`      ${pinned === null ? "" : `seed ${hunt?.seed}${moved}: `}${hunt?.killedBy}`);
    });
  }

  it("has enough of them, each with a name of its own", () => {
    assert.isAtLeast(MUTANTS.length, MUTANTS_MIN);
    assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
  });
});
