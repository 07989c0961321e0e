/** What only many runs of a cluster in a given weather show: how long things take, and that they always end. */
import { assert } from "chai";
import type { MemberId } from "../../src/raft/types.ts";
import { median } from "../../scripts/bench/stats.ts";
import { Cluster } from "./raft/cluster.ts";
import type { Machine } from "./raft/machine.ts";
import { fairWeather, type Weather } from "./raft/weather.ts";
import { addressOf } from "./raft/wire.ts";

class Rig {
  readonly cluster: Cluster;

  constructor(seed: number, weather: Partial<Weather> = {}) {
    this.cluster = new Cluster(seed, { weather: fairWeather(weather) });
    this.cluster.found();
  }

  run(ms: number): void {
    this.cluster.world.run(ms);
  }

  /** @returns after how many ms it held */
  until(what: string, limitMs: number, condition: () => boolean): number {
    const ms = this.cluster.world.runUntil(condition, limitMs, 1);
    if (ms === null) throw new Error(`Not within ${limitMs} ms: ${what}\n${this.cluster.describe()}`);
    return ms;
  }

  leader(limitMs = 10_000): Machine {
    this.until("a leader", limitMs, () => this.cluster.leader() !== null);
    const leader = this.cluster.leader();
    if (leader === null) throw new Error("There was a leader in this very moment");
    return leader;
  }

  /** Each a transaction of one row. */
  write(machine: Machine, count = 1): void {
    for (let n = 0; n < count; n += 1) {
      machine.running?.state.store.updateThen(
        (tx) =>
          tx.put("revision", {
            id: `r${tx.version}`,
            meta: null,
            serviceId: "s",
            number: 1,
            spec: null,
            cause: null,
            outcome: "NONE",
            outcomeMessage: "",
          }),
        { resolve: () => undefined, reject: () => undefined },
      );
    }
  }

  member(id: MemberId): Machine {
    const machine = this.cluster.machines.get(id);
    if (machine === undefined) throw new Error(`There is no ${id}`);
    return machine;
  }
}

describe("sim/raft clusters", () => {
  it("E5: get a leader among four voters although the first rounds split", () => {
    for (let seed = 1; seed <= 30; seed += 1) {
      const rig = new Rig(seed, { voters: 4, wireFaults: { ...fairWeather().wireFaults, delayMs: [40, 60] } });
      rig.leader(10_000);
    }
  });

  it("have a new leader within 400 ms when the leader's process is killed, with three voters and with five", () => {
    for (const voters of [3, 5]) {
      const times: number[] = [];
      for (let seed = 1; seed <= 100; seed += 1) {
        const rig = new Rig(seed, { voters, diskFaults: { syncMs: [1, 15], stall: 0, stallMs: [0, 0] } });
        const leader = rig.leader();
        rig.run(500);
        leader.crash({ power: false });
        times.push(rig.until("a new leader", 10_000, () => rig.cluster.leader() !== null));
      }
      assert.isBelow(Math.max(...times), 400, "the slowest of 100");
      assert.isBelow(median(times), 250, "the median");
    }
  });

  it("O3: move leadership within 100 ms, past everyone's stickiness", () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const rig = new Rig(seed);
      const old = rig.leader();
      rig.run(300);
      rig.write(old, 5);
      void old.running?.turns.membership.transfer();
      const ms = rig.until("the transfer", 1_000, () => ![null, old].includes(rig.cluster.leader()));
      assert.isBelow(ms, 100);
      assert.equal(rig.cluster.observer.counts["elections"], 2);
    }
  });

  it("answer reads through lost heartbeats", () => {
    const wireFaults = { ...fairWeather().wireFaults, loss: 0.3 };
    const rig = new Rig(3, { wire: "datagrams", wireFaults });
    let answered = 0;
    for (let n = 0; n < 100; n += 1) {
      const leader = rig.leader(20_000);
      const follower = rig.cluster.up.find((machine) => machine !== leader);
      for (const machine of [leader, follower]) {
        const settle = { resolve: () => void (answered += 1), reject: () => undefined };
        machine?.running?.turns.barriers.waitThen({ deadlineMs: 2_000 }, settle);
      }
      rig.run(2_500);
    }
    assert.isAbove(answered, 150);
  });

  it("R12: hold with every message doubled, overtaken and late", () => {
    for (let seed = 1; seed <= 5; seed += 1) {
      const wireFaults = { delayMs: [1, 20] as const, loss: 0, duplicate: 1, late: 0.3, lateMs: 20_000 };
      const rig = new Rig(seed, { wire: "datagrams", wireFaults });
      for (let n = 0; n < 400; n += 1) {
        const leader = rig.cluster.leader();
        if (leader !== null) rig.write(leader);
        rig.run(50);
      }
      assert.isAbove(rig.cluster.invariants.commitIndex, 50);
    }
  });

  it("M11: replace every member many times over, one step at a time", () => {
    const rig = new Rig(12, { snapshots: { ...fairWeather().snapshots, entriesMax: 10, trailingEntries: 0 } });
    const { cluster } = rig;
    for (let round = 0; round < 30; round += 1) {
      const joiner = cluster.newMachine();
      void rig.leader().running?.turns.membership.add({ id: joiner.id, address: addressOf(joiner.id) });
      const isVoter = (): boolean =>
        cluster
          .leader()
          ?.core.status()
          .config.members.some(({ id, role }) => id === joiner.id && role === "voter") === true;
      rig.until("its promotion", 5_000, isVoter);
      // Now and then the leader itself is the oldest.
      const oldest = rig
        .leader()
        .core.status()
        .config.members.find(({ id }) => id !== joiner.id);
      rig
        .leader()
        .running?.turns.membership.remove(oldest?.id ?? "", { force: false })
        .catch(() => undefined);
      rig.until("the removed one stops", 5_000, () => rig.member(oldest?.id ?? "").dead === "removed");
      rig.write(rig.leader(), 3);
    }
    assert.lengthOf(rig.leader().core.status().config.members, 3);
    assert.isAbove(cluster.observer.counts["snapshotsInstalled"] ?? 0, 10);
  });
});
