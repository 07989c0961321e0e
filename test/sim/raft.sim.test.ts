/** Raft and the store under everything that may go wrong (raft/run-seed.ts). `npm run sim -- --seed S --trace` repeats one seed. */
import { assert } from "chai";
import { countTable } from "../../scripts/sim/count-table.ts";
import { runInProcess, type SeedVerdict } from "./in-processes.ts";
import { RARE_THINGS } from "./raft/coverage.ts";
import { runSeed } from "./raft/run-seed.ts";

const SEEDS = 300;
/** A run in which no leader changes, or hardly anything is acknowledged, proves little: most must not be so. */
const LEADERS_MIN = 2;
const WRITES_MIN = 30;
const SHARE_MIN = 0.7;

describe("sim/raft", () => {
  let verdicts: readonly SeedVerdict[] = [];

  before("two processes, which share one seed", async () => {
    const half = SEEDS / 2;
    const parts = await Promise.all([
      runInProcess("raft", { from: 1, count: half }),
      runInProcess("raft", { from: half, count: half + 1 }),
    ]);
    verdicts = parts.flat();
  });

  it(`holds every invariant in the storm and recovers in the calm, for ${SEEDS} seeds`, () => {
    assert.equal(new Set(verdicts.map(({ seed }) => seed)).size, SEEDS);
    const failed = verdicts.filter(({ verdict }) => verdict === "failed");
    assert.equal(failed.map(({ seed, invariant, why }) => `seed ${seed}: ${invariant}: ${why}`).join("\n\n"), "");
  });

  it("gives the same messages and states in two processes, and twice in one", async () => {
    const [first, second] = verdicts.filter(({ seed }) => seed === SEEDS / 2);
    assert.isDefined(second);
    assert.equal(first?.hash, second?.hash);
    assert.equal((await runSeed(SEEDS / 2)).hash, first?.hash);
    assert.equal((await runSeed(SEEDS / 2)).hash, first?.hash);
    assert.equal(new Set(verdicts.map(({ hash }) => hash)).size, SEEDS, "different seeds are different runs");
  });

  it("was not calm: every fault and every rare turn of events happened", () => {
    const counts: Record<string, number> = Object.fromEntries(RARE_THINGS.map((name) => [name, 0]));
    for (const verdict of verdicts) {
      for (const [name, n] of Object.entries(verdict.counts)) counts[name] = (counts[name] ?? 0) + n;
    }
    console.log(countTable(counts));
    assert.deepEqual(
      RARE_THINGS.filter((name) => counts[name] === 0),
      [],
      "never happened",
    );
  });

  it("had leaders to change and clients to lose in most of its runs", () => {
    const share = (name: string, least: number): number =>
      verdicts.filter(({ counts }) => (counts[name] ?? 0) >= least).length / verdicts.length;
    assert.isAbove(share("elections", LEADERS_MIN), SHARE_MIN);
    assert.isAbove(share("writes", WRITES_MIN), SHARE_MIN);
  });
});
