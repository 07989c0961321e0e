/** What a cluster tells of itself while its leaders die: every change once, the same at every manager, none forgotten. */
import { expect } from "chai";
import type { Event, EventGap } from "../../src/model/index.ts";
import { observedState } from "../../src/model/task-state.ts";
import { call } from "../../src/proto/client.ts";
import { codec } from "../../src/proto/load.ts";
import type { ChangeSet } from "../../src/store/types.ts";
import { must } from "../../src/util/assert.ts";
import { SimCluster, type Machine } from "../support/sim-cluster.ts";

const TASK = { container: { image: "web:1", stopGraceMs: 500 } } as const;
const FINAL: Readonly<Record<string, string>> = { FAILED: "failed", SHUTDOWN: "stopped", COMPLETE: "completed" };

/** `version action task` of everything that must have been told of tasks, from the entries themselves. */
function expected({ version, changes }: ChangeSet): string[] {
  return changes.flatMap((change) => {
    if (change.table !== "task") return [];
    const { before, after, id } = change;
    if (after === undefined) return before === undefined ? [] : [`${version} removed ${id}`];
    const state = observedState(after);
    if (before !== undefined && observedState(before) === state) return [];
    const action = state === "RUNNING" ? "running" : FINAL[state];
    return action === undefined ? [] : [`${version} ${action} ${id}`];
  });
}

type Story = { readonly events: readonly Event[]; readonly gaps: readonly EventGap[] };

class Rig {
  readonly cluster: SimCluster;
  readonly truth: string[] = [];
  readonly #client: ReturnType<SimCluster["client"]>;

  constructor(seed: number, options: ConstructorParameters<typeof SimCluster>[1] = {}) {
    this.cluster = new SimCluster(seed, options);
    this.#client = this.cluster.client("reader");
    this.cluster.onApplied = (_machine, set, isFirst) => {
      if (isFirst) this.truth.push(...expected(set));
    };
  }

  async create(name: string, replicas: number): Promise<void> {
    const spec = { name, mode: "replicated", replicated: { replicas }, task: TASK } as const;
    await this.cluster.mustCall("Control.CreateService", { requestId: `create-${name}`, spec });
  }

  async scale(name: string, replicas: number): Promise<void> {
    const { service } = await this.cluster.mustCall("Control.GetService", { id: name });
    const spec = {
      ...must(service?.spec, "the service has a spec"),
      mode: "replicated",
      replicated: { replicas },
    } as const;
    await this.cluster.mustCall("Control.UpdateService", {
      requestId: `scale-${name}-${replicas}`,
      id: name,
      version: service?.meta?.version ?? 0,
      spec,
    });
  }

  async untilRunning(wanted: number): Promise<void> {
    const running = (): number => {
      const tasks = this.cluster.leader()?.node?.manager?.store.view().all("task") ?? [];
      return [...tasks].filter((task) => task.desired === "RUNNING" && observedState(task) === "RUNNING").length;
    };
    await this.cluster.sim.runUntil(() => running() === wanted, { timeoutMs: 60_000, what: `${wanted} tasks run` });
  }

  /** Kills the leader and waits for the next. @returns the one that died */
  async killLeader(power: boolean): Promise<Machine> {
    await this.cluster.sim.runUntil(() => this.cluster.leader() !== null, { timeoutMs: 20_000, what: "a leader" });
    const dead = must(this.cluster.leader(), "there is a leader");
    this.cluster.crash(dead, { power });
    await this.cluster.sim.runUntil(() => this.cluster.leader() !== null, {
      timeoutMs: 20_000,
      what: "another leader",
    });
    return dead;
  }

  async untilEven(): Promise<void> {
    const versions = (): Set<number> =>
      new Set(this.cluster.managers.map((machine) => machine.node?.manager?.store.view().version ?? -1));
    await this.cluster.sim.run(3_000);
    await this.cluster.sim.runUntil(() => versions().size === 1, { timeoutMs: 30_000, what: "managers are even" });
  }

  /** All that a manager tells, page by page. */
  async story(machine: Machine): Promise<Story> {
    return await this.cluster.sim.resolve(this.#read(machine), { timeoutMs: 20_000, what: "events are read" });
  }

  async #read(machine: Machine): Promise<Story> {
    const channel = this.#client.dial(machine.address, { peer: { kind: "manager" } });
    const events: Event[] = [];
    const gaps: EventGap[] = [];
    let after = { version: 0, n: 0 };
    for (;;) {
      const answer = await call(
        channel,
        "Events.Read",
        { after, pageSize: 7, consistency: "STALE" },
        { deadlineMs: 5_000 },
      );
      events.push(...answer.events);
      gaps.push(...answer.gaps);
      if (!answer.hasMore) break;
      after = must(answer.next, "an answer says how far it goes");
    }
    channel.close();
    return { events, gaps };
  }
}

const eventCodec = codec("Event");
const bytesOf = ({ events }: Story): string[] => events.map((event) => eventCodec.encode(event).toString("base64"));

function tasksTold({ events }: Story): string[] {
  const actions = ["running", "failed", "stopped", "completed", "removed"];
  return events
    .filter((event) => event.type === "task" && actions.includes(event.action))
    .map(({ version, action, id }) => `${version} ${action} ${id}`);
}

describe("sim/events", () => {
  for (const seed of [1, 2, 3]) {
    it(`tells every change of a task once and alike at every manager while leaders die (seed ${seed})`, async () => {
      const rig = new Rig(seed);
      const { cluster } = rig;
      await cluster.start({ managers: 3, workers: 3 });
      await rig.create("web", 6);
      await rig.untilRunning(6);
      const first = await rig.killLeader(true);
      await rig.scale("web", 9);
      await rig.untilRunning(9);
      cluster.boot(first);
      await cluster.sim.run(2_000);
      const second = await rig.killLeader(false);
      await rig.scale("web", 2);
      await rig.untilRunning(2);
      cluster.boot(second);
      await rig.untilEven();
      const [told, ...others] = await Promise.all(cluster.managers.map(async (machine) => await rig.story(machine)));
      const story = must(told, "a manager tells");
      for (const other of others) expect(bytesOf(other)).to.deep.equal(bytesOf(story));
      expect(tasksTold(story)).to.deep.equal(rig.truth);
      expect(rig.truth.length).to.be.above(20);
      expect(story.gaps).to.deep.equal([]);
      const leaders = story.events.filter(({ action }) => action === "leader-changed");
      expect(leaders.length).to.be.at.least(3);
      const scaled = story.events.filter(({ action }) => action === "scaled");
      expect(scaled.map(({ message, cause }) => `${cause?.actor}: ${message}`)).to.deep.equal([
        "user:client: 6 to 9",
        "user:client: 9 to 2",
      ]);
    });
  }

  it("gives a manager that comes back through a snapshot the events that it missed", async () => {
    const rig = new Rig(4, { tuning: { snapshots: { everyEntries: 5, entriesMax: 10, trailingEntries: 1 } } });
    const { cluster } = rig;
    await cluster.start({ managers: 3, workers: 2 });
    const away = must(
      cluster.managers.find((machine) => machine !== cluster.leader()),
      "three managers have a follower",
    );
    const leftAt = away.node?.manager?.store.view().version ?? 0;
    cluster.crash(away, { power: true });
    for (const replicas of [4, 1, 5, 2]) {
      if (replicas === 4) await rig.create("web", replicas);
      else await rig.scale("web", replicas);
      await rig.untilRunning(replicas);
    }
    let isRestored = false;
    cluster.boot(away);
    away.node?.manager?.store.onCommit(({ restored, version }) => (isRestored ||= restored && version > leftAt));
    await rig.untilEven();
    expect(isRestored).to.equal(true);
    const leader = must(cluster.leader(), "there is a leader");
    const [mine, theirs] = [await rig.story(away), await rig.story(leader)];
    expect(mine.gaps).to.deep.equal([]);
    expect(bytesOf(mine)).to.deep.equal(bytesOf(theirs));
    expect(tasksTold(mine)).to.deep.equal(rig.truth);
  });
});
