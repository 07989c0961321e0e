/**
 * Managers as processes, upgraded one after the other under writes. The later version is this one with a protocol more
 * (SHOAL_TEST_PROTOCOL): what it writes after the upgrade is final, this version cannot read.
 */
import { expect } from "chai";
import { randomUUID } from "node:crypto";
import { startLocalCluster, type LocalCluster, type LocalNode } from "../../scripts/lib/local-cluster.ts";
import { ControlClient, isUp, type Task } from "../../scripts/lib/control-client.ts";
import { waitFor } from "../../scripts/lib/run.ts";
import { isAppError } from "../../src/util/errors.ts";

const LATER = { SHOAL_TEST_PROTOCOL: "2" };
const SETTLE_MS = 20_000;
/** Between a writer's changes. */
const PAUSE_MS = 20;

/** Creates services without tasks, one after the other, until it is told to stop. */
class Writer {
  readonly acknowledged: string[] = [];
  readonly #client: ControlClient;
  readonly #done: Promise<void>;
  #isStopped = false;

  constructor(cluster: LocalCluster, at: number) {
    const hosts = cluster.managers.map(({ address }) => address);
    this.#client = new ControlClient({ ...cluster.context, hosts }, at);
    this.#done = this.#run(at);
  }

  async #run(at: number): Promise<void> {
    for (let n = 0; !this.#isStopped; n += 1) {
      const name = `w${at}-${n}`;
      const spec = { name, replicated: { replicas: 0 }, task: { process: { command: ["sleep", "1"] } } };
      await this.#client.call("Control.CreateService", { requestId: randomUUID(), spec });
      this.acknowledged.push(name);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  async stop(): Promise<readonly string[]> {
    this.#isStopped = true;
    await this.#done;
    this.#client.close();
    return this.acknowledged;
  }
}

describe("integration/upgrade", function () {
  this.timeout(120_000);
  let cluster: LocalCluster;
  let client: ControlClient;

  before(async () => {
    cluster = await startLocalCluster({ managers: 3, workers: 1 });
    client = new ControlClient({ ...cluster.context, hosts: cluster.managers.map(({ address }) => address) });
  });
  after(async function () {
    if (this.test?.parent?.tests.some(({ state }) => state === "failed") === true) {
      for (const node of cluster.nodes) console.error(`${node.name}:\n${cluster.log(node).slice(-3000)}`);
    }
    client.close();
    await cluster.stop();
  });

  async function restart(node: LocalNode, env: Readonly<Record<string, string>>): Promise<void> {
    const protocol = Number(env["SHOAL_TEST_PROTOCOL"] ?? 1);
    await cluster.kill(node, "SIGTERM");
    cluster.boot(node, env);
    await waitFor(`${node.name} is back`, SETTLE_MS, async () => {
      const nodes = await client.nodes();
      const found = nodes.find((one) => one.node?.spec?.name === node.name);
      const reachability = found?.manager?.reachability;
      const isMember = reachability === "REACHABLE" || reachability === "LEADER";
      const isFresh = found?.node?.status?.state === "READY" && found.node.description?.protocolMax === protocol;
      return isMember && isFresh ? true : undefined;
    });
  }

  async function finalizeRefused(): Promise<string> {
    try {
      await client.call("Control.FinalizeUpgrade", { requestId: randomUUID() });
    } catch (error) {
      if (isAppError(error, "precondition")) return error.message;
      throw error;
    }
    throw new Error("The upgrade was finalized");
  }

  async function running(): Promise<string[]> {
    const tasks = await client.tasks("service=web");
    return tasks.map((task: Task) => `${task.id} ${task.status?.runtimeId ?? ""} ${isUp(task)}`).toSorted();
  }

  it("goes node by node under writes, back until it is final, and then refuses the old version", async () => {
    const [m1, m2, m3] = cluster.managers;
    if (m1 === undefined || m2 === undefined || m3 === undefined) throw new Error("three managers");
    await client.call("Control.CreateService", {
      requestId: randomUUID(),
      spec: { name: "web", replicated: { replicas: 3 }, task: { process: { command: ["sleep", "1000"] } } },
    });
    await waitFor("three tasks", SETTLE_MS, async () =>
      (await client.tasks("service=web")).filter(isUp).length === 3 ? true : undefined,
    );
    const before = await running();
    const writers = [0, 1, 2].map((at) => new Writer(cluster, at));

    await restart(m2, LATER);
    expect(await finalizeRefused()).to.include("still run the old version");
    // Back, and forward again: nothing on its disk is beyond the old version.
    await restart(m2, {});
    await restart(m2, LATER);
    await restart(m3, LATER);
    await restart(m1, LATER);
    expect((await client.call("Control.GetCluster", {})).cluster?.protocol).to.equal(0);
    const answer = await client.call("Control.FinalizeUpgrade", { requestId: randomUUID() });
    expect(answer).to.deep.equal({ before: 1, protocol: 2 });

    // From here on the old version is refused, before it takes part in anything.
    await cluster.kill(m3, "SIGTERM");
    cluster.boot(m3);
    const { child } = m3;
    const code = await new Promise((resolve) => child?.once("exit", resolve));
    expect(code).to.equal(1);
    const said = cluster.log(m3).trimEnd().split("\n").at(-1) ?? "";
    expect(said).to.include("protocol 2, this program speaks up to 1").and.include("unsupported");
    expect(said).to.include("start the newer version of shoal again");
    cluster.boot(m3, LATER);
    await waitFor("the newer version is back", SETTLE_MS, async () => {
      const { managersReachable } = await client.call("Control.GetCluster", {});
      return managersReachable === 3 ? true : undefined;
    });

    const acknowledged = (await Promise.all(writers.map(async (writer) => await writer.stop()))).flat();
    expect(acknowledged.length).to.be.above(30);
    for (const manager of [m1, m2, m3]) {
      const held = new Set<string>();
      let pageToken = "";
      do {
        const page = await cluster.call(manager, "Control.ListServices", { pageSize: 1_000, pageToken });
        for (const { service } of page.services) held.add(service?.spec?.name ?? "");
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      expect(
        acknowledged.filter((name) => !held.has(name)),
        `lost, as ${manager.name} sees it`,
      ).to.deep.equal([]);
    }
    expect(await running(), "no task was restarted or moved").to.deep.equal(before);
  });
});
