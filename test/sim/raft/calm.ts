/**
 * The calm after the storm: nothing fails any more, a majority is there. Now it must elect, commit, converge and stay
 * as it is, each within a bound; then the states are compared to the byte and the clients' histories are judged.
 */
import { createHash } from "node:crypto";
import { hasMember } from "../../../src/raft/config.ts";
import type { Clients } from "./clients.ts";
import type { Cluster } from "./cluster.ts";
import { INVARIANTS, violated } from "../../support/raft-oracle/invariants.ts";
import type { Machine } from "./machine.ts";

/** In election timeouts (the longest a member waits). */
const ELECT_TIMEOUTS_MAX = 20;
const QUIET_TIMEOUTS = 5;
/** Longer than any stall. */
const DISKS_MS_MAX = 10_000;
const COMMIT_MS_MAX = 20_000;
const CATCH_UP_MS_MAX = 10_000;
const CONVERGE_MS_MAX = 20_000;
const TOLD_MS_MAX = 10_000;

export class Calm {
  readonly #cluster: Cluster;
  readonly #clients: Clients;

  constructor(cluster: Cluster, clients: Clients) {
    this.#cluster = cluster;
    this.#clients = clients;
  }

  run(): void {
    const { world, observer } = this.#cluster;
    this.#leaveSomeDown();
    this.#cluster.calm();
    world.runUntil(() => this.#cluster.areDisksQuick, DISKS_MS_MAX);
    const limitMs = ELECT_TIMEOUTS_MAX * this.#cluster.electionTimeoutMs;
    const electMs = world.runUntil(() => this.#cluster.leader() !== null, limitMs);
    if (electMs === null) violated(INVARIANTS.elects, `no leader after ${limitMs} ms`);
    observer.trace(() => `-- calm: a leader after ${electMs} ms`);
    this.#catchUp();
    this.#clients.stop();
    this.#commit();
    this.#converge();
    this.#staysQuiet();
    this.#removedHaveStopped();
    this.#equalStates();
    this.#clients.judge();
  }

  /** What can be spared may stay away for good. */
  #leaveSomeDown(): void {
    const dice = this.#cluster.world.dice.split();
    const down: string[] = [];
    if (dice.chance(0.5)) return;
    for (const machine of this.#cluster.list) {
      if (!dice.chance(0.4) || !this.#cluster.canSpare([...down, machine.id])) continue;
      down.push(machine.id);
      machine.crash({ power: true });
      machine.isAway = true;
      this.#cluster.observer.count("leftDown");
    }
  }

  #commit(): void {
    let isDone = false;
    const { world } = this.#cluster;
    const idleMs = world.runUntil(() => this.#clients.areIdle, COMMIT_MS_MAX);
    if (idleMs === null) violated(INVARIANTS.commits, "clients wait for answers");
    this.#clients.probe(() => {
      isDone = true;
    });
    const ms = world.runUntil(() => isDone, COMMIT_MS_MAX);
    if (ms === null) violated(INVARIANTS.commits, `a write or a read has no answer after ${COMMIT_MS_MAX} ms`);
  }

  /** Everyone gets to where the cluster is now, although clients go on writing. */
  #catchUp(): void {
    const { commitIndex } = this.#cluster.invariants;
    const hasCaughtUp = (): boolean => {
      const leader = this.#cluster.leader();
      return (
        leader !== null && this.#members(leader.core.status().config).every(({ applied }) => applied >= commitIndex)
      );
    };
    const ms = this.#cluster.world.runUntil(hasCaughtUp, CATCH_UP_MS_MAX);
    if (ms === null) violated(INVARIANTS.converges, `members lack ${commitIndex} after ${CATCH_UP_MS_MAX} ms`);
  }

  /** Everyone who is up and a member has applied everything. */
  #hasConverged(): boolean {
    const leader = this.#cluster.leader();
    if (leader === null) return false;
    const { commit, lastIndex, config } = leader.core.status();
    if (commit !== lastIndex) return false;
    return this.#members(config).every(({ applied }) => applied === commit);
  }

  #members(config: Parameters<typeof hasMember>[0]): Machine[] {
    return this.#cluster.up.filter(({ id }) => hasMember(config, id));
  }

  #converge(): void {
    const ms = this.#cluster.world.runUntil(() => this.#hasConverged(), CONVERGE_MS_MAX);
    if (ms === null) violated(INVARIANTS.converges, `members differ after ${CONVERGE_MS_MAX} ms`);
  }

  #staysQuiet(): void {
    const term = this.#cluster.leader()?.core.term;
    this.#cluster.world.run(QUIET_TIMEOUTS * this.#cluster.electionTimeoutMs);
    const leader = this.#cluster.leader();
    if (leader?.core.term === term) return;
    violated(INVARIANTS.calmTerms, `term ${term} became ${leader?.core.term ?? "leaderless"}`);
  }

  /** They ask for votes until somebody tells them why they get none. */
  #removedHaveStopped(): void {
    const { world, up } = this.#cluster;
    const areGone = (): boolean => {
      const config = this.#cluster.leader()?.core.status().config ?? { members: [] };
      return up.every(({ id, isUp, wasMember }) => !isUp || !wasMember || hasMember(config, id));
    };
    const ms = world.runUntil(areGone, TOLD_MS_MAX);
    if (ms === null) violated(INVARIANTS.toldRemoved, `removed members are still there after ${TOLD_MS_MAX} ms`);
  }

  #equalStates(): void {
    // A promotion may just be under way.
    this.#converge();
    const leader = this.#cluster.leader();
    if (leader === null) violated(INVARIANTS.calmTerms, "there is no leader any more");
    const expected = stateOf(leader);
    for (const machine of this.#members(leader.core.status().config)) {
      if (stateOf(machine) !== expected) violated(INVARIANTS.stateEqual, `${machine.id} and ${leader.id} differ`);
    }
  }
}

/** To the byte, as a snapshot would have it. */
function stateOf({ running }: Machine): string {
  const hash = createHash("sha256");
  const pieces = running?.state.snapshot();
  for (let piece = pieces?.next(); piece?.done === false; piece = pieces?.next()) hash.update(piece.value);
  return hash.digest("hex");
}
