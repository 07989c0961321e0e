/** What happens to tasks when nodes, links and managers go and come back, end to end on simulated time. */
import { expect } from "chai";
import { Rig, REPLICAS } from "../support/node-rig.ts";

describe("sim/nodes", () => {
  it("replaces the tasks of a silent host within 8 s, and not before 6", async () => {
    const rig = await Rig.start(1);
    const dead = rig.busyWorker();
    const lost = rig.tasksOn(dead).length;
    rig.cluster.crash(dead, { power: true });
    const tookMs = await rig.until(
      "replaced",
      8000,
      () => rig.running().filter(({ nodeId }) => nodeId !== dead.id).length === REPLICAS,
    );
    expect(lost).to.be.above(0);
    // Its last word came up to a second before the cut.
    expect(tookMs).to.be.within(5000, 8000);
    expect(rig.givenUp()).to.deep.equal([`${dead.name} DOWN`]);
  });

  it("replaces nothing when a worker's network is gone for 4 s, whenever that begins", async () => {
    const rig = await Rig.start(2);
    const before = { running: rig.running(), starts: rig.starts() };
    for (let offset = 0; offset < 20; offset += 1) {
      const heal = rig.cutOff(rig.busyWorker());
      await rig.run(4000);
      heal();
      await rig.until("all ready again", 2500, () => rig.nodes().every(({ status }) => status?.state === "READY"));
      await rig.run(1000 + offset * 53);
    }
    expect(rig.givenUp()).to.deep.equal([]);
    expect({ running: rig.running(), starts: rig.starts() }).to.deep.equal(before);
    expect(rig.tasks()).to.have.length(REPLICAS);
  });

  it("replaces nothing when an agent is killed and back within 20 s", async () => {
    const rig = await Rig.start(3);
    const before = { running: rig.running(), starts: rig.starts() };
    const worker = rig.busyWorker();
    rig.cluster.crash(worker, { power: false });
    await rig.run(20_000);
    expect(rig.node(worker).status?.state).to.equal("UNREACHABLE");
    rig.cluster.boot(worker);
    await rig.until("ready again", 3000, () => rig.node(worker).status?.state === "READY");
    await rig.run(3000);
    expect({ running: rig.running(), starts: rig.starts() }).to.deep.equal(before);
    expect(rig.tasks()).to.have.length(REPLICAS);
  });

  it("replaces the tasks of a killed agent that does not come back after 30 s", async () => {
    const rig = await Rig.start(4);
    const worker = rig.busyWorker();
    rig.cluster.crash(worker, { power: false });
    await rig.run(28_500);
    expect(rig.givenUp()).to.deep.equal([]);
    await rig.until("down", 2000, () => rig.node(worker).status?.state === "DOWN");
  });

  it("moves the tasks of a node that says goodbye at once", async () => {
    const rig = await Rig.start(5);
    const worker = rig.busyWorker();
    const stopped = worker.node?.stop({ goodbye: true });
    const tookMs = await rig.until(
      "moved",
      2000,
      () => rig.running().filter(({ nodeId }) => nodeId !== worker.id).length === REPLICAS,
    );
    expect(tookMs).to.be.below(500);
    expect(rig.node(worker).status?.state).to.equal("LEFT");
    await rig.cluster.sim.resolve(Promise.resolve(stopped), { timeoutMs: 15_000, what: "its stop" });
  });

  it("knows of a manager's own goodbye although that manager stops", async () => {
    const rig = await Rig.start(6);
    const leader = rig.leader();
    const stopped = leader.node?.stop({ goodbye: true });
    await rig.cluster.sim.resolve(Promise.resolve(stopped), { timeoutMs: 5000, what: "its stop" });
    leader.node = null;
    await rig.until("a new leader", 1000, () => rig.cluster.leader() !== null);
    expect(rig.node(leader).status?.state).to.equal("LEFT");
  });

  it("counts what the old leader's managers saw: a change of leader does not begin anew", async () => {
    const rig = await Rig.start(10);
    const leader = rig.leader();
    const worker = rig.busyWorker();
    // Its session is to outlive the leader.
    rig.cluster.network.reset(worker.name, leader.name);
    await rig.until("a session elsewhere", 5000, () => rig.node(worker).status?.sessionManagerId !== leader.id);
    await rig.run(1000);
    rig.cluster.crash(worker, { power: true });
    await rig.run(4000);
    rig.cluster.crash(leader, { power: false });
    const tookMs = await rig.until("down", 6000, () => rig.node(worker).status?.state === "DOWN");
    expect(tookMs).to.be.below(4000);
  });

  it("takes no old session for news when leaders change", async () => {
    const rig = await Rig.start(7);
    // Sessions wander: every manager remembers some that went elsewhere.
    for (let round = 0; round < 4; round += 1) {
      for (const worker of rig.cluster.workers) {
        for (const manager of rig.cluster.managers) rig.cluster.network.reset(worker.name, manager.name);
      }
      await rig.run(2000);
    }
    await rig.run(60_000);
    rig.states.length = 0;
    for (let round = 0; round < 6; round += 1) {
      const moved = rig.leader().node?.manager?.replica.transferLeadership();
      await rig.cluster.sim.resolve(Promise.resolve(moved), { timeoutMs: 5000, what: "transfer" });
      await rig.run(8000);
    }
    expect(rig.states.filter((text) => !text.endsWith(" READY"))).to.deep.equal([]);
    expect(rig.tasks()).to.have.length(REPLICAS);
  });

  it("gives up no node for a manager that is cut off or stands still", async () => {
    const rig = await Rig.start(8);
    const before = { running: rig.running(), starts: rig.starts() };
    for (const pick of [() => rig.follower(), () => rig.leader()]) {
      const isolated = pick();
      const heal = rig.cutOff(isolated, rig.cluster.managers);
      await rig.run(12_000);
      heal();
      await rig.run(5000);
      const paused = pick();
      paused.env.pause();
      await rig.run(9000);
      paused.env.resume();
      await rig.run(5000);
    }
    // The stalled manager's own agent was silent, as it should be told.
    expect(rig.givenUp().filter((text) => text.startsWith("w"))).to.deep.equal([]);
    expect({ running: rig.running(), starts: rig.starts() }).to.deep.equal(before);
  });

  it("leaves containers alone when all managers are killed, and finds them when they are back", async () => {
    for (const goneMs of [5000, 45_000]) {
      const rig = await Rig.start(20 + goneMs);
      const before = { running: rig.running(), starts: rig.starts() };
      for (const manager of rig.cluster.managers) rig.cluster.crash(manager, { power: false });
      await rig.run(goneMs);
      expect(rig.starts()).to.deep.equal(before.starts);
      for (const manager of rig.cluster.managers) rig.cluster.boot(manager);
      await rig.until("a leader", 10_000, () => rig.cluster.leader() !== null);
      await rig.run(140_000);
      expect({ running: rig.running(), starts: rig.starts() }).to.deep.equal(before);
      expect(rig.tasks()).to.have.length(REPLICAS);
      expect(rig.nodes().every(({ status }) => status?.state === "READY")).to.equal(true);
    }
  });

  it("runs each node's own tasks again when everything was rebooted and nodes are back over 90 s", async () => {
    for (const seed of [30, 31, 32]) {
      const rig = await Rig.start(seed);
      const before = rig.running();
      const { machines, sim } = rig.cluster;
      for (const machine of machines) rig.cluster.crash(machine, { power: true });
      for (const machine of machines) sim.schedule(sim.random() * 90_000, () => rig.cluster.boot(machine));
      await rig.run(91_000);
      await rig.until("all tasks run again", 20_000, () => rig.running().length === REPLICAS);
      await rig.run(60_000);
      expect(rig.running(), `seed ${seed}`).to.deep.equal(before);
      expect(rig.tasks(), `seed ${seed}`).to.have.length(REPLICAS);
    }
  });

  it("gives a node that stays away after a loss of quorum 120 s, then replaces its tasks", async () => {
    const rig = await Rig.start(9);
    const dead = rig.busyWorker();
    for (const machine of rig.cluster.machines) rig.cluster.crash(machine, { power: true });
    for (const machine of rig.cluster.machines) if (machine !== dead) rig.cluster.boot(machine);
    await rig.until("a leader", 10_000, () => rig.cluster.leader() !== null);
    await rig.run(117_000);
    expect(rig.givenUp()).to.deep.equal([]);
    await rig.until(
      "replaced",
      8000,
      () => rig.running().filter(({ nodeId }) => nodeId !== dead.id).length === REPLICAS,
    );
  });

  it("lets a manager that crashed before it was taken in ask again", async () => {
    const rig = new Rig(40);
    await rig.cluster.start({ managers: 1, workers: 1 });
    const joiner = await rig.cluster.addMachine("m2", "manager");
    const heal = rig.cutOff(joiner);
    rig.cluster.boot(joiner, { kind: "join" });
    await rig.run(500);
    rig.cluster.crash(joiner, { power: false });
    heal();
    rig.cluster.boot(joiner);
    await rig.until("a second voter", 10_000, () => {
      const members = rig.leader().node?.manager?.replica.members() ?? [];
      return members.some(({ id, role }) => id === joiner.id && role === "voter");
    });
  });

  it("hides a change of leader from a client that waits at the old one", async () => {
    const rig = await Rig.start(41);
    const { cluster } = rig;
    let made = 0;
    for (let round = 0; round < 8; round += 1) {
      const leader = rig.leader();
      const calls = Array.from({ length: 10 }, (_, at) =>
        cluster.call(leader, "Control.CreateService", {
          requestId: `r${round}-${at}`,
          spec: { name: `s${round}-${at}`, replicated: { replicas: 0 }, task: { container: { image: "app:1" } } },
        }),
      );
      const moved = leader.node?.manager?.replica.transferLeadership();
      const all = Promise.all([...calls, moved]);
      await cluster.sim.resolve(all, { timeoutMs: 5000, what: "ten changes and a transfer" });
      made += calls.length;
      await rig.run(500);
    }
    expect(rig.leader().node?.manager?.store.view().count("service")).to.equal(made + 1);
  });
});
