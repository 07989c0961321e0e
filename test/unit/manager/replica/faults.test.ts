import { expect } from "chai";
import { ReplicaCluster, type TestNode } from "../../../support/replica-cluster.ts";
import { prng } from "../../../support/sim-env.ts";

const IDS = ["a", "b", "c"] as const;
const SEEDS = 10;
const FAULT_MS = 20_000;

type Tally = {
  readonly acknowledged: Map<number, string>;
  proposed: number;
  leaders: Set<number>;
  faults: number;
  installs: number;
};

/** Small limits everywhere, so that the rare paths are taken often. */
const OPTIONS = {
  snapshots: { everyEntries: 40, entriesMax: 40, trailingEntries: 8 },
  raft: { appendBytesMax: 400, inflightMessagesMax: 2 },
};

/** One writer: proposes when somebody leads, and notes what the log proved. */
function write(cluster: ReplicaCluster, tally: Tally, random: () => number): void {
  const leader = cluster.leaderOrNull();
  if (leader !== null) {
    tally.leaders.add(leader.replica.status().term);
    const text = `p${tally.proposed++}`;
    try {
      const { index } = leader.replica.propose(Buffer.from(text));
      const wait = (): void => {
        if (!leader.isUp) return;
        // Applied on the leader under the index and text we were given: acknowledged.
        if (leader.journal.version >= index) {
          if (leader.journal.lines.includes(`${index}:${text}`)) tally.acknowledged.set(index, text);
          return;
        }
        cluster.sim.schedule(5, wait);
      };
      wait();
    } catch {
      // Refused: not a leader after all, or full.
    }
  }
  cluster.sim.schedule(random() * 40, () => write(cluster, tally, random));
}

async function disturb(cluster: ReplicaCluster, random: () => number, tally: Tally): Promise<void> {
  const pick = (): string => IDS[Math.floor(random() * IDS.length)] ?? "a";
  const kind = Math.floor(random() * 9);
  const id = pick();
  const node = cluster.node(id);
  tally.faults += 1;
  if (!node.isUp) {
    await cluster.restart(id, OPTIONS);
    return;
  }
  switch (kind) {
    case 0:
      cluster.kill(id);
      return;
    case 1:
      cluster.kill(id, { power: true, silent: random() < 0.5 });
      return;
    case 2:
      cluster.network.reset(id, pick());
      return;
    case 3: {
      const others = IDS.filter((other) => other !== id);
      cluster.network.partition([id], others);
      return;
    }
    case 4:
      cluster.network.cut(id, pick());
      return;
    case 5: {
      node.env.pause();
      await cluster.sim.run(random() * 3_000);
      node.env.resume();
      return;
    }
    default:
      cluster.network.heal();
  }
}

function checkPrefixes(nodes: readonly TestNode[]): void {
  const [longest, ...others] = nodes.toSorted((x, y) => y.journal.lines.length - x.journal.lines.length);
  for (const { id, journal } of others) {
    expect(longest!.journal.lines.slice(0, journal.lines.length), `journal of ${id}`).to.deep.equal(journal.lines);
  }
}

async function runSeed(seed: number): Promise<Tally> {
  const cluster = new ReplicaCluster({ seed, options: OPTIONS });
  const random = prng(seed * 7919);
  const tally: Tally = { acknowledged: new Map(), proposed: 0, leaders: new Set(), faults: 0, installs: 0 };
  await cluster.bootstrap(IDS);
  write(cluster, tally, random);
  while (cluster.sim.now < FAULT_MS) {
    await cluster.sim.run(random() * 900);
    await disturb(cluster, random, tally);
    checkPrefixes(cluster.up);
  }
  // Heal everything: it must come together within a few election timeouts.
  cluster.network.heal();
  for (const id of IDS) {
    if (!cluster.node(id).isUp) await cluster.restart(id, OPTIONS);
    cluster.node(id).env.resume();
  }
  const last = await cluster.write("the end", 15_000);
  await cluster.converge(last, IDS, 15_000);
  const lines = new Set(cluster.node("a").journal.lines);
  for (const [index, text] of tally.acknowledged)
    expect(lines.has(`${index}:${text}`), `${index}:${text}`).to.equal(true);
  const texts = cluster.node("a").journal.lines.map((line) => line.slice(line.indexOf(":") + 1));
  expect(new Set(texts).size, "each proposal at most once").to.equal(texts.length);
  checkPrefixes(cluster.up);
  for (const node of cluster.up) {
    expect(node.fatal).to.deep.equal([]);
    tally.installs += node.replica.metrics.snapshotsInstalled;
  }
  return tally;
}

describe("manager/replica under faults", function () {
  this.timeout(120_000);

  it(`loses and doubles nothing over ${SEEDS} seeds of crashes, power cuts, partitions, resets and pauses`, async () => {
    const sum = { leaders: 0, acknowledged: 0, faults: 0, installs: 0 };
    for (let seed = 1; seed <= SEEDS; seed++) {
      const tally = await runSeed(seed).catch((error: unknown) => {
        throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
      });
      sum.leaders += tally.leaders.size;
      sum.acknowledged += tally.acknowledged.size;
      sum.faults += tally.faults;
      sum.installs += tally.installs;
    }
    // Runs in which nothing happened would prove nothing.
    expect(sum.leaders, "terms with a leader").to.be.above(2 * SEEDS);
    expect(sum.acknowledged, "acknowledged writes").to.be.above(50 * SEEDS);
    expect(sum.faults, "faults").to.be.above(10 * SEEDS);
    expect(sum.installs, "snapshots pulled and installed").to.be.above(0);
  });

  it("gives the same run for the same seed", async () => {
    const trace = async (): Promise<string> => {
      const tally = await runSeed(99);
      return JSON.stringify([...tally.acknowledged]);
    };
    expect(await trace()).to.equal(await trace());
  });
});
