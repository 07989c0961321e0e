/** A worker whose disk fills up: images go first, then it takes no new tasks; what it runs goes on. */
import { expect } from "chai";
import { Rig, REPLICAS } from "../support/node-rig.ts";

const GIB = 2 ** 30;
const IMAGES = "/images";

describe("sim/worker disks", () => {
  it("collects images from 90 % on, takes no new tasks from 95 % on, and takes them again when there is room", async () => {
    let [used, spare, collected] = [0.5, 0, 0];
    const engine = {
      storagePath: IMAGES,
      collect: () => {
        [used, spare] = [used - spare, 0];
        return (collected += 1);
      },
    };
    const probe = async (): Promise<{ freeBytes: number; totalBytes: number }> => ({
      freeBytes: (1 - used) * 100 * GIB,
      totalBytes: 100 * GIB,
    });
    const rig = await Rig.start(110, { traits: (name) => (name === "w1" ? { engine, probeOf: () => probe } : {}) });
    const worker = rig.cluster.machine("w1");
    const fullPaths = (): readonly string[] => rig.node(worker).description?.fullPaths ?? [];
    const before = worker.engine?.running().length ?? 0;
    [used, spare] = [0.97, 0.1];
    await rig.run(11_000);
    expect({ collected, full: fullPaths() }).to.deep.equal({ collected: 1, full: [] });
    used = 0.94;
    await rig.run(11_000);
    expect({ collected, full: fullPaths() }, "not every time it looks").to.deep.equal({ collected: 1, full: [] });
    used = 0.96;
    await rig.until("it is told", 11_000, () => fullPaths().includes(IMAGES));
    await rig.changeLeader();
    await rig.scale(REPLICAS + 5);
    await rig.until("others take what is new", 10_000, () => rig.running().length === REPLICAS + 5);
    expect(worker.engine?.running(), "what it runs goes on").to.have.length(before);
    expect(rig.node(worker).status?.state).to.equal("READY");
    used = 0.5;
    await rig.until("there is room", 11_000, () => fullPaths().length === 0);
    await rig.scale(REPLICAS + 9);
    await rig.until("it takes them", 10_000, () => (worker.engine?.running().length ?? 0) > before);
  });
});
