/** Jobs and cron on whole clusters whose managers, nodes and links fail: nothing is run twice, nothing is forgotten. */
import { expect } from "chai";
import type { MountInput } from "../../src/proto/gen/Mount.ts";
import type { ServiceSpecInput } from "../../src/proto/gen/ServiceSpec.ts";
import type { TaskSpecInput } from "../../src/proto/gen/TaskSpec.ts";
import type { Run, Task } from "../../src/model/index.ts";
import { SimCluster, type Machine } from "../support/sim-cluster.ts";

const TASK = {
  container: { image: "job:1", stopGraceMs: 500 },
  restart: { condition: "ON_FAILURE", delayMs: 100 },
} as const;

class Rig {
  readonly cluster: SimCluster;

  constructor(seed: number, runMs: number) {
    this.cluster = new SimCluster(seed, { traits: (_, role) => (role === "worker" ? { engine: { runMs } } : {}) });
  }

  static async start(seed: number, { runMs, spec }: { runMs: number; spec: ServiceSpecInput }): Promise<Rig> {
    const rig = new Rig(seed, runMs);
    await rig.cluster.start({ managers: 3, workers: 3 });
    await rig.cluster.mustCall("Control.CreateService", { requestId: `job-${seed}`, spec });
    return rig;
  }

  async run(ms: number): Promise<void> {
    await this.cluster.sim.run(ms);
  }

  async until(what: string, timeoutMs: number, isDone: () => boolean): Promise<void> {
    await this.cluster.sim.runUntil(isDone, { timeoutMs, what });
  }

  /** From the first to the newest, as a manager that is up knows them. */
  runs(): readonly Run[] {
    return [...(this.#store()?.all("run") ?? [])].toSorted((a, b) => a.number - b.number);
  }

  tasks(): readonly Task[] {
    return [...(this.#store()?.all("task") ?? [])];
  }

  /** Containers that were started, over all engines, as `run.slot`. */
  started(): readonly string[] {
    return this.cluster.workers
      .flatMap((machine) => machine.engine?.containers() ?? [])
      .filter(({ starts }) => starts > 0)
      .map(({ task }) => `${task.run}.${task.slot}`)
      .toSorted();
  }

  /** Its power goes, and comes back. */
  async fail(machine: Machine, ms: number): Promise<void> {
    this.cluster.crash(machine, { power: true });
    await this.run(ms);
    this.cluster.boot(machine);
  }

  async cutOff(machine: Machine, ms: number): Promise<void> {
    const others = this.cluster.machines.filter((other) => other !== machine).map(({ name }) => name);
    this.cluster.network.partition([machine.name], others);
    await this.run(ms);
    this.cluster.network.heal(
      others.flatMap((other): [string, string][] => [
        [machine.name, other],
        [other, machine.name],
      ]),
    );
  }

  async leader(): Promise<Machine> {
    await this.until("a leader", 20_000, () => this.cluster.leader() !== null);
    return this.cluster.leader()!;
  }

  #store(): ReturnType<NonNullable<NonNullable<Machine["node"]>["manager"]>["store"]["view"]> | undefined {
    const machine = this.cluster.leader() ?? this.cluster.managers.find((manager) => manager.node !== null);
    return machine?.node?.manager?.store.view();
  }
}

describe("sim: jobs and cron", function () {
  this.timeout(120_000);

  for (const seed of [1, 2, 3]) {
    it(`runs every time of a schedule once although the leader dies around each of them (seed ${seed})`, async () => {
      const spec: ServiceSpecInput = {
        name: "tick",
        cron: { schedule: "*/10 * * * * *", replicated: { policy: { runsSucceededKept: 100 } } },
        task: TASK,
      };
      const rig = await Rig.start(seed, { runMs: 1000, spec });
      const { sim } = rig.cluster;
      for (let round = 0; round < 8; round += 1) {
        // From a little before the time to a little after it.
        const intoMs = 9_900 + Math.floor(sim.random() * 150);
        const wallMs = rig.cluster.managers[0]!.env.wallNow();
        await rig.run((20_000 + intoMs - (wallMs % 10_000)) % 10_000);
        await rig.fail(await rig.leader(), 3000);
      }
      await rig.run(15_000);
      const runs = rig.runs();
      const times = runs.map(({ scheduledAtMs }) => scheduledAtMs);
      expect(runs.length).to.be.at.least(8);
      expect(runs.map(({ state }) => state)).to.deep.equal(runs.map(() => "SUCCEEDED"));
      expect(times, "each time once, none left out").to.deep.equal(runs.map((_, at) => times[0]! + at * 10_000));
      expect(rig.started(), "one container for each").to.deep.equal(runs.map(({ number }) => `${number}.1`).toSorted());
    });

    it(`completes every slot of a job once while managers, links and nodes fail for a while (seed ${seed})`, async () => {
      const spec: ServiceSpecInput = {
        name: "work",
        replicatedJob: { totalCompletions: 15, maxConcurrent: 3 },
        task: TASK,
      };
      const rig = await Rig.start(seed, { runMs: 6000, spec });
      const { sim, workers } = rig.cluster;
      await rig.run(2000);
      await rig.fail(await rig.leader(), 4000);
      await rig.cutOff(workers[Math.floor(sim.random() * 3)]!, 12_000);
      rig.cluster.crash(workers[0]!, { power: false });
      await rig.run(1500);
      rig.cluster.boot(workers[0]!);
      await rig.cutOff(await rig.leader(), 5000);
      await rig.until("the job is done", 180_000, () => rig.runs().at(-1)?.state === "SUCCEEDED");
      await rig.run(5000);
      expect(rig.runs().map(({ number, completed }) => [number, completed])).to.deep.equal([[1, 15]]);
      const completed = rig.tasks().filter(({ status }) => status?.state === "COMPLETE");
      expect(completed.map(({ slot }) => slot).toSorted((a, b) => a - b)).to.deep.equal(
        Array.from({ length: 15 }, (_, at) => at + 1),
      );
      expect(rig.started(), "nothing was done twice").to.have.length(15);
    });
  }

  it("ties a schedule's runs to their volume, and never lets two write to a shared one, while nodes are cut off", async () => {
    const task = (mount: MountInput): TaskSpecInput => ({
      ...TASK,
      container: { ...TASK.container, mounts: [{ type: "VOLUME", target: "/data", ...mount }] },
    });
    const every10s = { schedule: "*/10 * * * * *", overlap: "REPLACE", replicated: {} } as const;
    const rig = await Rig.start(8, {
      runMs: 60_000,
      spec: { name: "writer", cron: every10s, task: task({ source: "nfs", shared: true }) },
    });
    const local = { name: "local", cron: every10s, task: task({ source: "disk" }) };
    await rig.cluster.mustCall("Control.CreateService", { requestId: "local", spec: local });
    const of = (name: string): readonly string[] =>
      rig.cluster.workers.flatMap((machine) =>
        (machine.engine?.running() ?? []).flatMap(({ task: { serviceName } }) =>
          serviceName === name ? [machine.name] : [],
        ),
      );
    for (const { engine } of rig.cluster.workers) {
      if (!engine) continue;
      engine.behaviour.stopMs = 400;
      engine.behaviour.onEffect = ({ op, container }) => {
        if (op === "start" && container?.task.serviceName === "writer")
          expect(of("writer"), "running when another one starts").to.deep.equal([]);
      };
    }
    await rig.until("both run", 25_000, () => of("writer").length === 1 && of("local").length === 1);
    const [home] = of("local");
    const homes = new Set<string>();
    const lost = rig.cluster.workers.find(({ name }) => name === of("writer")[0])!;
    await Promise.all([
      rig.cutOff(lost, 45_000),
      rig.until("it writes elsewhere", 45_000, () => {
        for (const name of of("local")) homes.add(name);
        return of("writer").some((name) => name !== lost.name);
      }),
    ]);
    rig.cluster.crash(
      rig.cluster.workers.find(({ name }) => name === home)!,
      { power: true },
    );
    await rig.run(15_000);
    expect(of("local"), "its node is down").to.deep.equal([]);
    rig.cluster.boot(rig.cluster.workers.find(({ name }) => name === home)!);
    await rig.until("it runs at home again", 30_000, () => of("local").length === 1);
    for (const name of of("local")) homes.add(name);
    expect([...homes]).to.deep.equal([home]);
  });

  it("tries the work of a host that is lost elsewhere, and gives a node that joins late its own", async () => {
    const rig = await Rig.start(7, { runMs: 20_000, spec: { name: "scan", globalJob: {}, task: TASK } });
    await rig.until("all three work", 10_000, () => rig.started().length === 3);
    rig.cluster.crash(rig.cluster.workers[0]!, { power: true });
    await rig.until("the run ends without it", 90_000, () => rig.runs().at(-1)?.state === "SUCCEEDED");
    expect(rig.runs().at(-1)).to.deep.include({ wanted: 2, completed: 2 });
    const late = await rig.cluster.addMachine("w9", "worker");
    rig.cluster.boot(late, { kind: "join" });
    rig.cluster.boot(rig.cluster.workers[0]!);
    await rig.until("both did it too", 90_000, () => rig.runs().at(-1)?.completed === 4);
    expect(rig.runs()).to.have.length(1);
  });
});
