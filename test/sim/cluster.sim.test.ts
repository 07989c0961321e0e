/**
 * Whole clusters from one seed each: faults while clients write, then everything is healed and must
 * converge. `SEED=n` runs one seed, `SEEDS=n` that many.
 */
import { assert } from "chai";
import { SimCluster } from "../support/sim-cluster.ts";
import { Faults } from "./faults.ts";
import { Workload } from "./workload.ts";

const FAULTY_MS = 25_000;
/** Nodes after a quorum loss get 120 s; everything else is far quicker. */
const CONVERGE_MS = 240_000;

const seeds =
  process.env["SEED"] === undefined
    ? Array.from({ length: Number(process.env["SEEDS"] ?? 50) }, (_, at) => at + 1)
    : [Number(process.env["SEED"])];

describe("sim/whole cluster", () => {
  let leaderChanges = 0;
  let faults = 0;

  for (const seed of seeds) {
    it(`seed ${seed}: loses nothing acknowledged, applies nothing twice, converges`, async () => {
      const run = await runSeed(seed);
      leaderChanges += run.leaderChanges;
      faults += run.faults;
    });
  }

  it("injected faults and changed leaders: a calm run proves nothing", () => {
    assert.isAbove(faults, seeds.length, "faults injected");
    assert.isAbove(leaderChanges, seeds.length / 2, "leader changes");
  });
});

async function runSeed(seed: number): Promise<{ leaderChanges: number; faults: number }> {
  const cluster = new SimCluster(seed);
  await cluster.start({ managers: 3, workers: 3 });
  const workload = new Workload(cluster);
  const faults = new Faults(cluster);
  workload.start(3);
  faults.start();
  await cluster.sim.run(FAULTY_MS);
  workload.stop();
  faults.heal();
  await cluster.sim
    .runUntil(() => workload.isIdle && isConverged(cluster, workload), {
      timeoutMs: CONVERGE_MS,
      what: "convergence",
    })
    .catch((error: unknown) => {
      throw new Error(`${String(error)}\n${describe_(cluster)}`, { cause: error });
    });
  assert.deepEqual(
    cluster.fatal.map((error) => error.message),
    [],
    `seed ${seed}: fatal errors`,
  );
  checkAcknowledged(cluster, workload, seed);
  const hashes = new Set(cluster.managers.map((machine) => cluster.stateHash(machine)));
  assert.equal(hashes.size, 1, `seed ${seed}: all managers hold the same state`);
  assert.isAbove(workload.acknowledged, 5, `seed ${seed}: the workload got somewhere`);
  assert.isAbove(faults.count, 0, `seed ${seed}: a run without a fault is vacuous`);
  return { leaderChanges: cluster.leaderTerms.size - 1, faults: faults.count };
}

/** Every service runs exactly what it asks for, and engines run nothing else. */
function isConverged(cluster: SimCluster, workload: Workload): boolean {
  const store = cluster.leader()?.node?.manager?.store;
  if (store === undefined || workload.records.length === 0) return false;
  const tx = store.view();
  const wanted = new Set<string>();
  for (const service of tx.all("service")) {
    const tasks = tx.find("task", "service", service.id).filter((task) => task.desired === "RUNNING");
    const running = tasks.filter((task) => task.status?.state === "RUNNING" && task.revision === service.revision);
    if (tasks.length !== running.length || running.length !== (service.spec?.replicated?.replicas ?? 0)) return false;
    if (new Set(running.map((task) => task.slot)).size !== running.length) return false;
    for (const task of running) wanted.add(task.id);
  }
  const containers = cluster.workers.flatMap((machine) => machine.engine?.running() ?? []);
  if (containers.length !== wanted.size || !containers.every((container) => wanted.has(container.task.id)))
    return false;
  const commits = cluster.managers.map((machine) => machine.node?.manager?.store.view().version);
  return new Set(commits).size === 1;
}

function checkAcknowledged(cluster: SimCluster, workload: Workload, seed: number): void {
  const tx = cluster.leader()?.node?.manager?.store.view();
  assert.isDefined(tx, `seed ${seed}: there is a leader`);
  for (const record of workload.records) {
    const found = tx?.find("service", "name", record.name) ?? [];
    assert.isAtMost(found.length, 1, `seed ${seed}: ${record.name} exists once`);
    if (record.maybe) continue;
    assert.equal(
      found.length,
      record.acked === "created" ? 1 : 0,
      `seed ${seed}: ${record.name} was acknowledged as ${record.acked}`,
    );
    if (record.acked === "created") {
      assert.equal(found[0]?.id, record.id, `seed ${seed}: ${record.name} is the one acknowledged`);
      assert.equal(
        found[0]?.spec?.replicated?.replicas,
        record.replicas,
        `seed ${seed}: ${record.name} has the acknowledged replicas`,
      );
    }
  }
}

function describe_(cluster: SimCluster): string {
  const store = cluster.leader()?.node?.manager?.store;
  if (store === undefined) return "no leader";
  const tx = store.view();
  const lines = [`leader ${cluster.leader()?.name ?? ""} at version ${tx.version}`];
  for (const machine of cluster.managers) {
    const status = machine.node?.manager?.replica.status();
    lines.push(
      `${machine.name}: ${status?.role ?? "down"} term ${status?.term ?? 0} commit ${status?.commit ?? 0} applied ${status?.applied ?? 0}`,
    );
  }
  for (const node of tx.all("node"))
    lines.push(
      `${node.spec?.name ?? ""} ${node.status?.state ?? ""} ${node.status?.message ?? ""} engine ${node.status?.engineOk ?? ""}`,
    );
  for (const service of tx.all("service")) {
    const tasks = tx
      .find("task", "service", service.id)
      .filter((task) => task.desired === "RUNNING" || task.desired === "READY");
    const running = tasks.filter((task) => task.status?.state === "RUNNING" && task.revision === service.revision);
    if (running.length === (service.spec?.replicated?.replicas ?? 0) && running.length === tasks.length) continue;
    lines.push(`${service.spec?.name ?? ""} r${service.revision} wants ${service.spec?.replicated?.replicas ?? 0}`);
    for (const task of tasks)
      lines.push(
        `  ${task.id.slice(0, 6)} slot ${task.slot} r${task.revision} ${task.desired} ${task.status?.state ?? ""} ${task.status?.message ?? ""} ${task.status?.error ?? ""} on ${task.nodeId.slice(0, 6)} ${task.pendingReason} replaces ${task.replaces.slice(0, 6)}`,
      );
  }
  const wanted = new Set([...tx.all("task")].filter((task) => task.desired === "RUNNING").map((task) => task.id));
  for (const machine of cluster.workers) {
    for (const container of machine.engine?.running() ?? []) {
      if (!wanted.has(container.task.id))
        lines.push(
          `${machine.name} runs unwanted ${container.task.id.slice(0, 6)}: task ${JSON.stringify(tx.get("task", container.task.id))}`,
        );
    }
  }
  return lines.join("\n");
}
