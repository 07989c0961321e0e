/** Whole clusters from one seed each (cluster/run-seed.ts). `npm run sim -- --cluster --seed S --trace` repeats one. */
import { assert } from "chai";
import { countTable } from "../../scripts/sim/count-table.ts";
import { MUST_HAPPEN } from "./cluster/must-happen.ts";
import { runInProcess, type SeedVerdict } from "./in-processes.ts";

const SEEDS = 50;
const LEADER_CHANGES_MIN = SEEDS / 2;
const WRITES_MIN = 10 * SEEDS;

describe("sim/whole cluster", () => {
  let verdicts: readonly SeedVerdict[] = [];
  const counts: Record<string, number> = {};

  before("two processes, which share one seed", async () => {
    const half = SEEDS / 2;
    const parts = await Promise.all([
      runInProcess("cluster", { from: 1, count: half }),
      runInProcess("cluster", { from: half, count: half + 1 }),
    ]);
    verdicts = parts.flat();
    for (const verdict of verdicts) {
      for (const [name, n] of Object.entries(verdict.counts)) counts[name] = (counts[name] ?? 0) + n;
    }
  });

  for (let seed = 1; seed <= SEEDS; seed += 1) {
    it(`seed ${seed}: holds every invariant, and converges once healed`, () => {
      const own = verdicts.filter((verdict) => verdict.seed === seed);
      assert.isNotEmpty(own);
      for (const { verdict, invariant, why } of own) assert.equal(verdict, "passed", `${invariant}: ${why}`);
    });
  }

  it("gives the same messages and states in two processes", () => {
    const [first, second] = verdicts.filter(({ seed }) => seed === SEEDS / 2);
    assert.isDefined(second);
    assert.equal(first?.hash, second?.hash);
    assert.deepEqual(first?.counts, second?.counts);
    assert.equal(new Set(verdicts.map(({ hash }) => hash)).size, SEEDS, "different seeds are different runs");
  });

  it("was not calm: every fault happened, leaders changed, writes were answered", () => {
    console.log(countTable(counts));
    assert.deepEqual(
      MUST_HAPPEN.filter((name) => !(counts[name] ?? 0)),
      [],
      "never happened",
    );
    assert.isAbove(counts["leader changes"] ?? 0, LEADER_CHANGES_MIN);
    assert.isAbove(counts["writes answered"] ?? 0, WRITES_MIN);
  });
});
