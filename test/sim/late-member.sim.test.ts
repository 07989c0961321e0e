/** A manager that was away while another one joined: it must be reached by a leader it never heard of. */
import { assert } from "chai";
import type { ManagerTuning } from "../../src/manager/manager.ts";
import { SimCluster, type Machine } from "../support/sim-cluster.ts";
import { must } from "../../src/util/assert.ts";

const SEEDS = [1, 2, 3];

function leads(cluster: SimCluster, machine: Machine): boolean {
  return cluster.leader() === machine;
}

/** With one of the first managers gone for good, the late one is the only other voter that answers. */
async function makeLeader(cluster: SimCluster, wanted: Machine, gone: Machine): Promise<void> {
  const replica = cluster.leader()?.node?.manager?.replica;
  await replica?.removeMember(gone.id, { force: false });
  await replica?.transferLeadership();
  await cluster.sim.runUntil(() => leads(cluster, wanted), { timeoutMs: 10_000, what: `${wanted.name} leads` });
}

type Late = { readonly cluster: SimCluster; readonly away: Machine; readonly late: Machine };

const version = (machine: Machine): number => machine.node?.manager?.store.view().version ?? 0;

/** A manager was down while another one joined that leads now. @param meanwhile before the other one joins */
async function withLateLeader(
  seed: number,
  tuning: ManagerTuning,
  meanwhile: (cluster: SimCluster) => Promise<void>,
): Promise<Late> {
  const cluster = new SimCluster(seed, { tuning });
  await cluster.start({ managers: 3, workers: 0 });
  const followers = cluster.managers.filter((machine) => machine !== cluster.leader());
  const away = must(followers[0], "a cluster of three has followers");
  const gone = must(followers[1], "a cluster of three has two followers");
  cluster.crash(away, { power: true });
  await cluster.sim.run(3_000);
  await meanwhile(cluster);
  const late = await cluster.addMachine("m4", "manager");
  cluster.boot(late, { kind: "join" });
  const isVoter = (): boolean =>
    cluster
      .leader()
      ?.node?.manager?.replica.members()
      .some(({ id, role }) => id === late.id && role === "voter") === true;
  await cluster.sim.runUntil(isVoter, { timeoutMs: 30_000, what: "the late manager votes" });
  await cluster.sim.resolve(makeLeader(cluster, late, gone), { timeoutMs: 60_000, what: "the late manager leads" });
  return { cluster, away, late };
}

async function untilCaughtUp({ cluster, away, late }: Late): Promise<void> {
  cluster.boot(away);
  await cluster.sim.runUntil(() => leads(cluster, late) && version(away) > 0 && version(away) === version(late), {
    timeoutMs: 20_000,
    what: "the returned manager has caught up under the leader it did not know",
  });
  assert.deepEqual(cluster.fatal, []);
}

describe("sim/late member", () => {
  for (const seed of SEEDS) {
    it(`seed ${seed}: a manager that was down while the leader joined follows it`, async () => {
      await untilCaughtUp(await withLateLeader(seed, {}, async () => undefined));
    });

    it(`seed ${seed}: and takes from it a snapshot that does not name it yet`, async () => {
      const tuning = { snapshots: { everyEntries: 20, trailingEntries: 0 } };
      const late = await withLateLeader(seed, tuning, async (cluster) => {
        for (let at = 1; at <= 40; at += 1) {
          const spec = { name: `s${at}`, replicated: { replicas: 0 }, task: { container: { image: "app:1" } } };
          await cluster.mustCall("Control.CreateService", { requestId: `r${at}`, spec });
        }
      });
      await untilCaughtUp(late);
    });
  }
});
