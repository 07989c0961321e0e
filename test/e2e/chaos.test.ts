// Three managers as processes on hosts of their own, under every kind of fault once, with clients and watchers at work:
// the short form of `npm run prove -- chaos`. What fails leaves its evidence in a folder that the failure names.
import { expect } from "chai";

import { runChaos } from "../../scripts/prove/chaos.ts";
import { requireHosts } from "../support/engine.ts";

/** One schedule, so that a failure is of what changed. Others are for the long proof. */
const SEED = 20_261;

describe("chaos", function () {
  this.timeout(600_000);

  before(async function () {
    await requireHosts(this);
  });

  it("keeps every promise to clients and watchers under kills, stops, partitions, stalls and full disks", async () => {
    const result = await runChaos({ seed: SEED, managers: 3, minutes: 0, episodeSeconds: 0 });
    expect(result.problems, `seed ${result.seed}, ${result.folder}`).to.deep.equal([]);
  });
});
