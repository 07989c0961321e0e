/** An engine that does not answer while its agent does: what it runs is left alone for five minutes, under whatever leader. */
import { expect } from "chai";
import { Rig, REPLICAS } from "../support/node-rig.ts";

const LOST_MS = 300_000;

describe("sim/engines", () => {
  it("gives a silent engine no new tasks, replaces what it runs after 5 minutes, and keeps that if it is back", async () => {
    const rig = await Rig.start(100);
    const { sim } = rig.cluster;
    const worker = rig.busyWorker();
    const originals = rig.tasksOn(worker);
    const containers = worker.engine?.running().map(({ task, starts }) => `${task.id} ${starts}`);
    const from = sim.now;
    worker.engine?.setOutage("hung");
    await rig.until("it is known", 5000, () => rig.node(worker).status?.engineOk === false);
    await rig.scale(REPLICAS + 4);
    await rig.until("others take what is new", 5000, () => rig.running().length === REPLICAS + 4);
    expect(rig.tasksOn(worker), "no new ones there").to.deep.equal(originals);
    await sim.run(LOST_MS / 2);
    worker.engine?.setOutage("refused");
    const dead = await rig.changeLeader();
    rig.cluster.boot(dead);
    await sim.run(LOST_MS - 1000 - (sim.now - from));
    expect(rig.tasks(), "left alone").to.have.length(REPLICAS + 4);
    expect(rig.node(worker).status?.state).to.equal("READY");
    const all = REPLICAS + 4 + originals.length;
    await rig.until("replaced", 4000, () => rig.running().length === all);
    expect(rig.tasksOn(worker), "nobody knows whether they run").to.deep.equal(originals);
    worker.engine?.setOutage("none");
    await rig.until("the surplus goes", 20_000, () => rig.running().length === REPLICAS + 4);
    await rig.run(3000);
    expect(rig.tasksOn(worker)).to.deep.equal(originals);
    expect(worker.engine?.running().map(({ task, starts }) => `${task.id} ${starts}`)).to.deep.equal(containers);
  });
});
