/** A node is drained at the rate and by the deadline that its operator asked for, under a leader that dies meanwhile too. */
import { expect } from "chai";
import { isReady, isWanted } from "../../src/model/task-state.ts";
import { Rig, REPLICAS } from "../support/node-rig.ts";

const task = { container: { image: "app:1", stopGraceMs: 500 } } as const;

describe("sim/drains", () => {
  it("moves as many tasks at once as were asked for, whichever services they are of", async () => {
    for (const [seed, parallelism] of [
      [120, 1],
      [121, 3],
    ] as const) {
      const rig = await Rig.start(seed, { workers: 2, traits: () => ({ engine: { prepareMs: 400 } }) });
      await rig.create({ name: "api", replicated: { replicas: REPLICAS }, task });
      await rig.until("both run", 10_000, () => rig.running().length === 2 * REPLICAS);
      const worker = rig.busyWorker();
      let most = 0;
      await rig.changeNode(worker, { availability: "DRAIN", drainParallelism: parallelism });
      await rig.run(200);
      await rig.changeLeader();
      await rig.until("empty", 20_000, () => {
        most = Math.max(
          most,
          rig.tasks().filter((one) => isWanted(one) && one.replaces !== "" && !isReady(one)).length,
        );
        expect(rig.running().length, "none is missing").to.be.at.least(2 * REPLICAS);
        return rig.tasksOn(worker).length === 0;
      });
      expect(most, `at once, seed ${seed}`).to.equal(parallelism);
    }
  });

  it("stops at the deadline what no other node takes, and not before", async () => {
    const rig = await Rig.start(122, { workers: 2 });
    const worker = rig.busyWorker();
    const placement = { constraints: [`node.id == ${worker.id}`] };
    await rig.create({ name: "tied", replicated: { replicas: 2 }, task: { ...task, placement } });
    await rig.until("they run", 5000, () => rig.running().length === REPLICAS + 2);
    const from = rig.cluster.sim.now;
    await rig.changeNode(worker, { availability: "DRAIN", drainDeadlineMs: 8000 });
    await rig.until("the others have left", 5000, () => rig.tasksOn(worker).length === 2);
    await rig.changeLeader();
    await rig.run(7500 - (rig.cluster.sim.now - from));
    expect(worker.engine?.running()).to.have.length(2);
    await rig.until("it is empty", 2500, () => worker.engine?.running().length === 0);
    expect(rig.running()).to.have.length(REPLICAS);
  });
});
