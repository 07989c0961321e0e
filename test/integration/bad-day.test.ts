/** A lost quorum and a lost cluster, on real processes, by the commands that the README gives for such days. */
import { expect } from "chai";
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ControlClient, isUp } from "../../scripts/lib/control-client.ts";
import { startLocalCluster, type LocalCluster, type LocalNode } from "../../scripts/lib/local-cluster.ts";
import { run, runOk, waitFor, type RunResult } from "../../scripts/lib/run.ts";
import { SHOAL_BIN } from "../../scripts/lib/shoal.ts";
import { bootstrapCredentials } from "../../src/pki/credentials.ts";
import { call } from "../../src/proto/client.ts";
import { GrpcDialer } from "../../src/proto/grpc-client.ts";
import { silentLogger } from "../../src/util/log.ts";
import { realEnv } from "../../src/util/real-env.ts";

const SETTLE_MS = 40_000;
const REPLICAS = 3;
/** For what must not happen; test/sim/recover.sim.test.ts waits as long as it takes. */
const STILL_MS = 1_000;

describe("integration/bad-day", function () {
  this.timeout(240_000);
  let cluster: LocalCluster;
  let m1: LocalNode;
  let others: LocalNode[];
  let client: ControlClient;
  let backup: string;

  before(async () => {
    cluster = await startLocalCluster({ managers: 3, workers: 1 });
    [m1, ...others] = cluster.managers as [LocalNode, ...LocalNode[]];
    client = new ControlClient({ ...cluster.context, hosts: [m1.address] });
    backup = join(cluster.root, "backup.shoal");
    await client.call("Control.CreateService", {
      requestId: randomUUID(),
      spec: { name: "web", replicated: { replicas: REPLICAS }, task: { process: { command: ["sleep", "1000"] } } },
    });
    await running(REPLICAS);
  });
  after(async function () {
    if (this.test?.parent?.tests.some(({ state }) => state === "failed") === true) {
      for (const node of cluster.nodes) console.error(`${node.name}:\n${cluster.log(node).slice(-3000)}`);
    }
    client.close();
    await cluster.stop();
  });

  const data = (node: LocalNode): string => join(node.dir, "data");
  const shoal = async (...words: string[]): Promise<RunResult> => await run([process.execPath, SHOAL_BIN, ...words]);
  /** On the manager that is left, as an administrator on its machine. */
  const onM1 = async (...words: string[]): Promise<RunResult> => await shoal("--host", `unix:${m1.socket}`, ...words);
  const okOnM1 = async (...words: string[]): Promise<string> =>
    await runOk([process.execPath, SHOAL_BIN, "--host", `unix:${m1.socket}`, ...words]);

  /** Ids and processes of the tasks that run. */
  async function running(count: number): Promise<string[]> {
    return await waitFor(`${count} tasks run`, SETTLE_MS, async () => {
      const tasks = (await client.tasks("service=web")).filter(isUp);
      if (tasks.length !== count) return undefined;
      return tasks.map(({ id, status }) => `${id} ${status?.runtimeId ?? ""}`).toSorted();
    });
  }

  const isAlive = (task: string): boolean => existsSync(`/proc/${task.split(" ")[1]?.split("/")[0] ?? "0"}`);

  async function leads(): Promise<void> {
    await waitFor("manager1 leads", SETTLE_MS, async () => {
      const { leaderAddress } = await client.call("Control.GetCluster", {}, { timeoutMs: 2_000 });
      return leaderAddress === m1.address ? true : undefined;
    });
  }

  async function ready(...nodes: LocalNode[]): Promise<void> {
    await waitFor(`${nodes.map(({ name }) => name).join(", ")} ready`, SETTLE_MS, async () => {
      const known = await client.nodes();
      return nodes.every(({ name }) =>
        known.some(({ node }) => node?.spec?.name === name && node.status?.state === "READY"),
      )
        ? true
        : undefined;
    });
  }

  it("makes a backup under writes, which says what it is and shows no secrets", async () => {
    let isOver = false;
    let writes = 0;
    const write = async (): Promise<void> => {
      for (; !isOver; writes += 1) {
        const spec = { name: `w${writes}`, replicated: { replicas: 0 }, task: { process: { command: ["true"] } } };
        await client.call("Control.CreateService", { requestId: randomUUID(), spec });
      }
    };
    const writing = write();
    await waitFor("writes", SETTLE_MS, () => (writes > 20 ? true : undefined), 10);
    const said = await shoal("--host", `unix:${others[0]?.socket ?? ""}`, "backup", backup);
    isOver = true;
    await writing;
    expect(said.code, said.stderr).to.equal(0);
    expect(said.stdout).to.match(/cluster default at version \d+, \d+ services, 3 tasks, 4 nodes/);
    expect(said.stderr).to.include("It holds the CA's key and the join tokens");
    expect((statSync(backup).mode & 0o777).toString(8)).to.equal("600");
    const piped = await shoal("--host", `unix:${m1.socket}`, "backup", "-");
    expect(piped.stdout.slice(0, 15)).to.equal("SHOAL-BACKUP 1\n");
    const counts = JSON.parse(await runOk([process.execPath, SHOAL_BIN, "debug", "store", backup, "--format", "json"]));
    expect(counts).to.include({ task: REPLICAS, node: 4, cluster: 1 });
    const shown = await runOk([process.execPath, SHOAL_BIN, "debug", "store", backup, "cluster", "--format", "json"]);
    expect(shown).to.not.match(/PRIVATE KEY/);
    expect(shown).to.include('"rootKeyPem":"(redacted)"').and.include('"workerTokenSecret":"(redacted)"');
  });

  it("recovers on the survivor of a lost quorum: former managers become workers, tasks go on, resume ends the wait", async () => {
    const before = await running(REPLICAS);
    for (const node of others) await cluster.kill(node, "SIGKILL");
    const inUse = await shoal("recover", "--data-dir", data(m1), "--yes");
    expect(inUse.code).to.equal(1);
    expect(inUse.stderr).to.include("another process uses it");
    const looking = await shoal("debug", "raft", data(m1));
    expect(looking.code).to.equal(1);
    expect(looking.stderr).to.match(/Cannot look at .*: process \d+ uses it/);
    await cluster.kill(m1, "SIGKILL");

    const log = await runOk([process.execPath, SHOAL_BIN, "debug", "raft", data(m1), "--format", "json"]);
    const lines = log.split("\n").map((line) => JSON.parse(line) as { kind: string; ok?: boolean; changes?: string[] });
    expect(lines.at(-1)).to.include({ kind: "verified", ok: true });
    expect(lines.some(({ changes }) => changes?.some((text) => text.startsWith("put service")) === true)).to.equal(
      true,
    );
    expect(log).to.not.match(/PRIVATE KEY|SHOAL-1-/);
    const asked = await shoal("recover", "--data-dir", data(m1));
    expect(asked.code, "nobody could be asked").to.equal(2);
    expect(asked.stdout).to.include("manager2").and.include("What may be lost");
    const done = await runOk([process.execPath, SHOAL_BIN, "recover", "--data-dir", data(m1), "--yes"]);
    expect(done).to.include("shoal cluster resume");

    cluster.boot(m1);
    await leads();
    expect((await onM1("node", "ls")).stderr).to.include("The cluster was recovered and waits");
    expect(await okOnM1("cluster", "info")).to.match(/^Waits: +The cluster was recovered .* ago/m);
    const refused = await onM1("service", "rm", "web");
    expect(refused.code).to.equal(1);
    expect(refused.stderr).to.include("Next: shoal cluster resume");

    for (const node of others) cluster.boot(node);
    await waitFor("former managers are workers", SETTLE_MS, async () => {
      const states = await Promise.all(others.map(async ({ socket }) => await statusOf(socket)));
      const areWorkers = states.every(({ role, state }) => role === "worker" && state === "ready");
      return areWorkers && others.every((node) => !existsSync(join(data(node), "raft-log"))) ? true : undefined;
    });
    await ready(...cluster.nodes);
    const [former] = others as [LocalNode];
    // What it had is kept for whoever wants to look.
    expect((await shoal("debug", "raft", join(data(former), "superseded"))).stdout).to.include("Verified:");
    await new Promise((resolve) => setTimeout(resolve, STILL_MS));
    expect(await running(REPLICAS)).to.deep.equal(before);

    const plan = await onM1("cluster", "resume", "--format", "json");
    expect(plan.code).to.equal(2);
    expect(plan.stdout.trim()).to.equal('{"resumed":false,"waited":true}');
    expect(await okOnM1("cluster", "resume", "--yes")).to.include("Resumed");
    await okOnM1("node", "promote", "manager2", "manager3");
    await waitFor("three managers", SETTLE_MS, async () => {
      const { managersReachable } = await client.call("Control.GetCluster", {});
      return managersReachable === 3 ? true : undefined;
    });
    expect(await running(REPLICAS)).to.deep.equal(before);
  });

  it("restores the lost cluster on an empty host: nodes come back by themselves, and what goes is listed first", async () => {
    const before = await running(REPLICAS);
    await okOnM1("service", "scale", "web=5");
    const all = await running(5);
    const { service } = await client.call("Control.GetService", { id: "web" });
    for (const node of cluster.managers) await cluster.kill(node, "SIGKILL");
    rmSync(data(m1), { recursive: true });

    const cut = join(cluster.root, "cut.shoal");
    writeFileSync(cut, readFileSync(backup));
    truncateSync(cut, statSync(backup).size - 1);
    const flags = ["--data-dir", data(m1), "--advertise", m1.address, "--node-name", "manager1"];
    for (const [file, says] of [
      [cut, "is cut short"],
      [SHOAL_BIN, "is no backup of a Shoal cluster"],
    ] as const) {
      const refused = await shoal("restore", file, ...flags);
      expect(refused.code).to.equal(1);
      expect(refused.stderr).to.include(says);
      expect(existsSync(data(m1)), "nothing was made").to.equal(false);
    }
    const piped = { input: readFileSync(backup) };
    const restored = await runOk([process.execPath, SHOAL_BIN, "restore", "-", ...flags], piped);
    expect(restored).to.include('Cluster "default"').and.include("manager2");
    const again = await shoal("restore", backup, ...flags);
    expect(again.stderr).to.include("is not empty: it holds");

    cluster.boot(m1);
    await leads();
    await ready(...cluster.workers);
    await new Promise((resolve) => setTimeout(resolve, STILL_MS));
    expect(
      all.filter((task) => !isAlive(task)),
      "none was stopped",
    ).to.deep.equal([]);
    const restoredService = await client.call("Control.GetService", { id: "web" });
    expect(restoredService.service).to.include({ id: service?.id });
    expect(restoredService.service?.meta?.version).to.be.below(service?.meta?.version ?? 0);

    const later = all.filter((task) => !before.includes(task)).map((task) => task.split(" ")[0] ?? "");
    const plan = await onM1("cluster", "resume", "--format", "json");
    const stops = plan.stdout.split("\n").filter((line) => line.includes('"action":"stop"'));
    expect(stops.map((line) => (JSON.parse(line) as { taskId: string }).taskId)).to.have.members(later);
    expect(await okOnM1("cluster", "resume", "--yes")).to.match(/stops and removes 2 tasks running now/);
    await waitFor("they are gone", SETTLE_MS, () =>
      all.filter((task) => later.includes(task.split(" ")[0] ?? "")).every((task) => !isAlive(task)) ? true : undefined,
    );
    expect(await running(REPLICAS)).to.deep.equal(before);
  });
});

async function statusOf(socket: string): Promise<{ role: string; state: string }> {
  const dialer = new GrpcDialer({ env: realEnv, log: silentLogger, credentials: bootstrapCredentials(null) });
  const channel = dialer.dial(`unix:${socket}`, { peer: { kind: "manager" }, profile: "control" });
  try {
    return await call(channel, "Daemon.Status", {}, { deadlineMs: 2_000 });
  } finally {
    channel.close();
  }
}
