/** What happens to tasks when nodes, links and managers go and come back, end to end on simulated time. */
import { expect } from "chai";
import { SimCluster, type Machine } from "../support/sim-cluster.ts";
import type { NodeLossInput } from "../../src/proto/gen/NodeLoss.ts";
import type { Node, Task } from "../../src/model/index.ts";

const REPLICAS = 4;

/** A task that should run, and where it does. */
type Placed = { readonly id: string; readonly nodeId: string };

type StartOptions = {
  readonly workers?: number;
  readonly managers?: number;
  /** Managers have an engine too. */
  readonly managersRun?: boolean;
  readonly nodeLoss?: NodeLossInput | null;
};

class Rig {
  readonly cluster: SimCluster;
  /** Every state a node was seen in, in order, as `w1 DOWN`. */
  readonly states: string[] = [];

  constructor(seed: number, { managersRun = false } = {}) {
    this.cluster = new SimCluster(seed, { traits: (_, role) => ({ runs: managersRun || role === "worker" }) });
  }

  static async start(seed: number, options: StartOptions = {}): Promise<Rig> {
    const { workers = 3, managers = 3, managersRun = false, nodeLoss = null } = options;
    const rig = new Rig(seed, { managersRun });
    await rig.cluster.start({ managers, workers });
    await rig.cluster.mustCall("Control.CreateService", {
      requestId: `rig-${seed}`,
      spec: {
        name: "web",
        replicated: { replicas: REPLICAS },
        nodeLoss,
        task: { container: { image: "app:1", stopGraceMs: 1000 }, restart: { delayMs: 100 } },
      },
    });
    await rig.until("the service runs", 10_000, () => rig.running().length === REPLICAS);
    await rig.run(1000);
    rig.states.length = 0;
    return rig;
  }

  /** Looks at all node states every 20 ms meanwhile. */
  async run(ms: number): Promise<void> {
    const until = this.cluster.sim.now + ms;
    while (this.cluster.sim.now < until) {
      await this.cluster.sim.run(Math.min(20, until - this.cluster.sim.now));
      this.#look();
    }
  }

  /** @returns how long it took. */
  async until(what: string, timeoutMs: number, isDone: () => boolean): Promise<number> {
    const from = this.cluster.sim.now;
    while (!isDone()) {
      if (this.cluster.sim.now - from > timeoutMs) throw new Error(`${what}: not within ${timeoutMs} ms`);
      await this.run(20);
    }
    return this.cluster.sim.now - from;
  }

  /** Committed state as the leader, or else any manager that is up, knows it. */
  nodes(): readonly Node[] {
    return [...(this.#store()?.all("node") ?? [])];
  }

  node(machine: Machine): Node {
    const node = this.nodes().find(({ id }) => id === machine.id);
    if (node === undefined) throw new Error(`no node ${machine.name}`);
    return node;
  }

  tasks(): readonly Task[] {
    return [...(this.#store()?.all("task") ?? [])];
  }

  /** What is wanted and runs, in order. */
  running(): readonly Placed[] {
    return this.tasks()
      .filter((task) => task.desired === "RUNNING" && task.status?.state === "RUNNING")
      .map(({ id, nodeId }) => ({ id, nodeId }))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Task ids with how often each one's container was started, over all engines. */
  starts(): readonly string[] {
    return this.cluster.workers
      .flatMap((machine) => machine.engine?.containers() ?? [])
      .map((container) => `${container.task.id} ${container.state.state} ${container.starts}`)
      .toSorted();
  }

  /** Names of nodes that were seen DOWN or LEFT since the start. */
  givenUp(): readonly string[] {
    return this.states.filter((text) => text.endsWith(" DOWN") || text.endsWith(" LEFT"));
  }

  /** A worker with tasks on it whose session is at `manager`, or at any. */
  busyWorker(manager?: Machine): Machine {
    const found = this.cluster.workers.find(
      (worker) =>
        this.running().some(({ nodeId }) => nodeId === worker.id) &&
        (manager === undefined || this.node(worker).status?.sessionManagerId === manager.id),
    );
    if (found === undefined) throw new Error("no such worker");
    return found;
  }

  tasksOn(machine: Machine): readonly Placed[] {
    return this.running().filter(({ nodeId }) => nodeId === machine.id);
  }

  cutOff(machine: Machine, from: readonly Machine[] = this.cluster.machines): () => void {
    const others = from.filter((other) => other !== machine).map(({ name }) => name);
    this.cluster.network.partition([machine.name], others);
    return () => {
      this.cluster.network.heal(
        others.flatMap((other): [string, string][] => [
          [machine.name, other],
          [other, machine.name],
        ]),
      );
    };
  }

  leader(): Machine {
    const leader = this.cluster.leader();
    if (leader === null) throw new Error("no leader");
    return leader;
  }

  follower(): Machine {
    const leader = this.leader();
    const found = this.cluster.managers.find((machine) => machine !== leader);
    if (found === undefined) throw new Error("no follower");
    return found;
  }

  #store(): ReturnType<NonNullable<NonNullable<Machine["node"]>["manager"]>["store"]["view"]> | undefined {
    const machine = this.cluster.leader() ?? this.cluster.managers.find((manager) => manager.node !== null);
    return machine?.node?.manager?.store.view();
  }

  #look(): void {
    for (const { spec, status } of this.nodes()) {
      const name = spec?.name ?? "";
      const before = this.states.findLast((text) => text.startsWith(`${name} `));
      const now = `${name} ${status?.state ?? "UNKNOWN"}`;
      if (before !== now) this.states.push(now);
    }
  }
}

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

  it("replaces nothing for 60 s when most workers fall silent within 10 s, and nothing at all if they come back", async () => {
    const rig = await Rig.start(50, { workers: 8 });
    const before = { running: rig.running(), starts: rig.starts() };
    const heals: (() => void)[] = [];
    for (const worker of rig.cluster.workers.slice(0, 6)) {
      heals.push(rig.cutOff(worker));
      await rig.run(400);
    }
    await rig.run(50_000);
    expect(rig.givenUp()).to.deep.equal([]);
    const { nodes, massSilence } = await rig.cluster.mustCall("Control.ListNodes", {});
    expect(nodes).to.have.length(11);
    expect(massSilence).to.deep.include({ silent: 6, nodes: 11 });
    for (const heal of heals) heal();
    await rig.run(20_000);
    expect({ running: rig.running(), starts: rig.starts() }).to.deep.equal(before);
    expect(rig.tasks()).to.have.length(REPLICAS);
  });

  it("replaces sooner or later where the service says so, and keeps the replacement if it is told to", async () => {
    const nodeLoss = { replaceAfterMs: 12_000, onReturn: "KEEP_REPLACEMENT" } as const;
    const rig = await Rig.start(51, { nodeLoss });
    const worker = rig.busyWorker();
    const originals = rig.tasksOn(worker);
    const heal = rig.cutOff(worker);
    await rig.run(10_000);
    expect(rig.givenUp()).to.deep.equal([`${worker.name} DOWN`]);
    expect(rig.tasks(), "the cluster's 6 s are not this service's").to.have.length(REPLICAS);
    await rig.until("replaced", 4000, () => rig.running().length === REPLICAS + originals.length);
    heal();
    await rig.until("the originals go", 8000, () => rig.running().length === REPLICAS);
    expect(rig.running().filter(({ id }) => originals.some((one) => one.id === id))).to.deep.equal([]);
  });

  it("keeps the originals of a node that comes back, and stops their replacements", async () => {
    const rig = await Rig.start(52);
    const worker = rig.busyWorker();
    const before = rig.running();
    const heal = rig.cutOff(worker);
    await rig.until("replaced", 8000, () => rig.running().length > REPLICAS);
    await rig.run(2000);
    heal();
    await rig.until("the surplus goes", 10_000, () => rig.running().length === REPLICAS);
    await rig.run(5000);
    expect(rig.running()).to.deep.equal(before);
  });

  it("runs the tasks of a host that led and worked elsewhere within 10 s", async () => {
    for (const seed of [60, 61, 62]) {
      const rig = await Rig.start(seed, { managersRun: true, workers: 1 });
      const leader = rig.leader();
      const lost = rig.tasksOn(leader);
      expect(lost, `seed ${seed}: the leader runs tasks`).to.not.deep.equal([]);
      rig.cluster.crash(leader, { power: true });
      const tookMs = await rig.until(
        "its tasks run elsewhere",
        12_000,
        () => rig.running().filter(({ nodeId }) => nodeId !== leader.id).length === REPLICAS,
      );
      expect(tookMs, `seed ${seed}`).to.be.below(10_000);
    }
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
