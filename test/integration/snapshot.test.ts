/** A manager comes back from a snapshot of several chunks: what only a log of ten thousand entries shows. */
import { assert } from "chai";
import { startLocalCluster } from "../../scripts/lib/local-cluster.ts";
import { waitFor } from "../../scripts/lib/run.ts";

/** Above the driver's 10,000 entries between snapshots. */
const WRITES = 10_400;
const CLIENTS = 128;

describe("integration/restart from a snapshot", () => {
  it("restarts a killed manager, with every service, from a snapshot larger than one chunk", async function () {
    this.timeout(120_000);
    await using cluster = await startLocalCluster({ managers: 1 });
    const [manager] = cluster.managers;
    if (manager === undefined) throw new Error("no manager");
    let next = 0;
    const one = async (): Promise<void> => {
      for (let at = next++; at < WRITES; at = next++) {
        const spec = { name: `s${at}`, replicated: { replicas: 0 }, task: { container: { image: "app:1" } } };
        await cluster.call(manager, "Control.CreateService", { spec }, 30_000);
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, one));
    await waitFor("a snapshot", 30_000, () => (cluster.log(manager).includes("snapshot taken") ? true : undefined));
    await cluster.kill(manager, "SIGKILL");
    cluster.boot(manager);
    const { services } = await waitFor("the manager leads again", 60_000, async () => {
      const answer = await cluster.call(manager, "Control.GetCluster", {}, 3000);
      return answer;
    });
    assert.equal(services, WRITES);
  });
});
