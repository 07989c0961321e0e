/**
 * Random faults from a seed, with the invariants checked after every step; then all faults stop and
 * the cluster must elect and commit (safety phase, liveness phase).
 *
 * A failure prints its seed: `SEED=123 npx mocha test/unit/raft/random.test.ts` repeats it alone.
 * `SEEDS=1000` runs more.
 */
import { expect } from "chai";
import { hasMember, voterIds } from "../../../src/raft/config.ts";
import { RaftCluster, changed } from "../../support/raft-harness.ts";
import type { MemberId } from "../../../src/raft/types.ts";

const SEEDS = Number(process.env["SEEDS"] ?? 200);
const FIRST = process.env["SEED"] === undefined ? 1 : Number(process.env["SEED"]);
const COUNT = process.env["SEED"] === undefined ? SEEDS : 1;
const STORM_MS = 15_000;
const CALM_MS = 30_000;
const MEMBERS_CREATED_MAX = 12;

/** Probabilities per 25 ms. `churn`: the leader dies, mostly with entries that nobody else or few have (Figure 8). */
type Weights = Record<"crash" | "churn" | "blackout" | "partition" | "members" | "pause" | "transfer", number>;

/** Each seed has its own weather: which faults there are at all, and how bad (swarm testing). */
function weather(random: () => number): {
  cluster: RaftCluster;
  weights: Weights;
} {
  const some = (p: number, value: number): number => (random() < p ? value * random() : 0);
  const voters = ["a", "b", "c", "d", "e"].slice(0, [1, 3, 3, 3, 4, 5][Math.floor(random() * 6)]);
  const hasTinyLimits = random() < 0.4;
  const cluster = new RaftCluster({
    seed: Math.floor(random() * 2 ** 32),
    voters,
    learners: random() < 0.3 ? ["l"] : [],
    raft: {
      // Shorter than in life: more elections in the same time.
      electionTicks: 3 + Math.floor(random() * 8),
      heartbeatTicks: 1 + Math.floor(random() * 2),
      ...(hasTinyLimits
        ? { inflightMessagesMax: 1 + Math.floor(random() * 3), appendBytesMax: 60, inflightBytesMax: 200 }
        : {}),
    },
    snapshotEach: random() < 0.6 ? 5 + Math.floor(random() * 40) : 0,
    trailing: Math.floor(random() * 10),
    faults: {
      loss: some(0.6, 0.3),
      duplicate: some(0.6, 0.5),
      delayMs: [1, 1 + Math.floor(random() * 30)],
      late: some(0.5, 0.1),
      lateMs: Math.floor(random() * 20_000),
      diskMs: [1, 1 + Math.floor(random() * (random() < 0.3 ? 300 : 20))],
      pullMs: [5, 5 + Math.floor(random() * 500)],
      pullFails: some(0.5, 0.5),
      ordered: random() < 0.5,
    },
  });
  const weights = {
    crash: some(0.8, 0.08),
    churn: some(0.3, 0.3),
    blackout: some(0.3, 0.01),
    partition: some(0.7, 0.05),
    members: some(0.6, 0.02),
    pause: some(0.4, 0.01),
    transfer: some(0.5, 0.03),
  };
  if (random() < 0.3) for (const node of cluster.nodes.values()) node.tickRate = 0.5 + 1.5 * random();
  return { cluster, weights };
}

/** Something a person or the weather would do, at random; most are refused at the wrong moment. */
function disturb({ cluster, weights }: ReturnType<typeof weather>): void {
  const { random } = cluster;
  const ids = [...cluster.nodes.keys()];
  const pick = (): MemberId => ids[Math.floor(random() * ids.length)] ?? "a";
  if (random() < 0.2) for (const id of ids) cluster.propose(id, 1 + Math.floor(random() * 4));
  if (random() < 0.1) cluster.read(pick());
  // Whoever believes to lead, also if others know better.
  if (random() < 0.1)
    for (const node of cluster.nodes.values()) if (node.isUp && node.status.role === "leader") cluster.read(node.id);
  if (random() < weights.crash) cluster.crash(pick(), { resets: random() < 0.5 });
  if (random() < weights.churn) churn(cluster);
  if (random() < weights.blackout) cluster.blackout();
  if (random() < 3 * (weights.crash + weights.blackout + weights.churn)) cluster.start(pick());
  if (random() < weights.partition) cut(cluster, ids);
  if (random() < weights.partition * 2) cluster.heal();
  if (random() < weights.transfer) cluster.step(pick(), { type: "transfer", to: random() < 0.5 ? null : pick() });
  if (random() < weights.transfer) cluster.step(pick(), { type: "leader-lost", leader: pick() });
  if (random() < weights.transfer) cluster.step(pick(), { type: "peer-unreachable", peer: pick() });
  if (random() < weights.transfer / 4) cluster.step(pick(), { type: "step-down", why: "test" });
  if (random() < weights.members) for (let i = 0; i < 1 + Math.floor(random() * 2); i++) changeMembers(cluster);
  if (random() < weights.pause) {
    const id = pick();
    cluster.node(id).isPaused = true;
    cluster.after(Math.floor(random() * 5_000), () => cluster.resume(id));
  }
}

function churn(cluster: RaftCluster): void {
  const leader = cluster.leader();
  if (leader === null) return;
  cluster.propose(leader.id, 2);
  cluster.after(Math.floor(cluster.random() * 30), () => cluster.crash(leader.id, { resets: cluster.random() < 0.8 }));
}

function cut(cluster: RaftCluster, ids: readonly MemberId[]): void {
  const { random } = cluster;
  if (random() < 0.5) {
    const left = ids.filter(() => random() < 0.5);
    cluster.partition(
      left,
      ids.filter((id) => !left.includes(id)),
    );
    return;
  }
  // One-way and partial cuts: some links only.
  const broken = new Set<string>();
  for (const from of ids) for (const to of ids) if (random() < 0.3) broken.add(`${from}>${to}`);
  cluster.passes = ({ from, to }) => !broken.has(`${from}>${to}`);
}

function changeMembers(cluster: RaftCluster): void {
  const { random } = cluster;
  const leader = cluster.leader();
  if (leader === null) return;
  const { config } = leader.status;
  const roll = random();
  const members = config.members;
  const member = members[Math.floor(random() * members.length)];
  if (member === undefined) return;
  if (roll < 0.35 && cluster.nodes.size < MEMBERS_CREATED_MAX) {
    const id = `n${cluster.nodes.size}`;
    cluster.join(id);
    cluster.proposeConfig(leader.id, changed(config, id, "learner"));
  } else if (roll < 0.6) cluster.proposeConfig(leader.id, changed(config, member.id, "voter"));
  else if (roll < 0.75) cluster.proposeConfig(leader.id, changed(config, member.id, "learner"));
  else cluster.proposeConfig(leader.id, changed(config, member.id, null));
}

function calm(cluster: RaftCluster): void {
  Object.assign(cluster.faults, {
    loss: 0,
    duplicate: 0,
    late: 0,
    delayMs: [1, 5],
    diskMs: [1, 5],
    pullFails: 0,
    pullMs: [5, 50],
  });
  cluster.heal();
  for (const node of cluster.nodes.values()) {
    node.tickRate = 1;
    if (node.isPaused) cluster.resume(node.id);
    cluster.start(node.id);
  }
}

function run(seed: number): RaftCluster {
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 0) / 4294967296;
  };
  random();
  const world = weather(random);
  const { cluster } = world;
  for (let at = 0; at < STORM_MS; at += 25) {
    disturb(world);
    cluster.run(25);
  }
  // Crashes that were ordered come first.
  cluster.run(50);
  calm(cluster);
  cluster.elect(CALM_MS);
  const leader = cluster.elect(CALM_MS);
  cluster.runUntil(() => cluster.ready !== null && cluster.propose(cluster.ready.id) !== null, CALM_MS, "a proposal");
  cluster.runUntil(() => cluster.hasConverged(), CALM_MS, "convergence");
  const { term } = cluster.elect().status;
  // No needless elections once all is well.
  cluster.run(5_000);
  expect(cluster.elect().status.term, "terms in calm weather").to.equal(term);
  for (const node of cluster.nodes.values()) {
    for (const [id, { result }] of node.reads)
      expect(result, `read ${id} on ${node.id} has ended\n${cluster.describe()}`).to.not.equal(null);
  }
  const { config } = cluster.elect().status;
  for (const id of voterIds(config)) expect(hasMember(config, id)).to.equal(true);
  expect(leader.id).to.be.a("string");
  return cluster;
}

describe("a Raft cluster under random faults", function () {
  this.timeout(COUNT * 2_000);

  it(`keeps every invariant and recovers, for ${COUNT} seeds from ${FIRST}`, () => {
    const total = { elections: 0, installs: 0, crashes: 0, reads: 0, configs: 0, lost: 0, entries: 0 };
    for (let seed = FIRST; seed < FIRST + COUNT; seed++) {
      try {
        const { counts, invariants } = run(seed);
        for (const key of ["elections", "installs", "crashes", "reads", "configs", "lost"] as const)
          total[key] += counts[key];
        total.entries += invariants.commitIndex;
      } catch (error) {
        const why = error instanceof Error ? error : new Error(String(error));
        why.message = `SEED=${seed}: ${why.message}`;
        throw why;
      }
    }
    // A storm in which nothing happened proves nothing.
    if (COUNT >= 50) {
      for (const [what, count] of Object.entries(total)) expect(count, `${what} in all`).to.be.greaterThan(COUNT / 2);
    }
  });
});
