/**
 * Five nodes as processes, upgraded one after the other under writes, some of them back and forward again. The later
 * version is this one with a protocol and a field more (scripts/lib/later-version.ts).
 */
import { expect } from "chai";
import { randomUUID } from "node:crypto";
import { call } from "../../src/proto/client.ts";
import { rpc, type Response } from "../../src/proto/load.ts";
import { ControlClient, isUp } from "../../scripts/lib/control-client.ts";
import { LATER_PROTOCOL, LaterVersion } from "../../scripts/lib/later-version.ts";
import { startLocalCluster, type LocalCluster, type LocalNode } from "../../scripts/lib/local-cluster.ts";
import { measureOutage } from "../../scripts/lib/outage.ts";
import { runOk, waitFor } from "../../scripts/lib/run.ts";
import { SHOAL_BIN } from "../../scripts/lib/shoal.ts";
import { PROTOCOLS } from "../../src/model/protocol.ts";
import { refusal } from "../support/expect-code.ts";

const SETTLE_MS = 30_000;
const CALL_MS = 5_000;
const CLIENTS = 4;
const REPLICAS = 4;

describe("integration/upgrade", function () {
  this.timeout(180_000);
  const later = new LaterVersion();
  const speaks = new Map<LocalNode, number>();
  let cluster: LocalCluster;
  let client: ControlClient;

  before(async () => {
    await later.build();
    cluster = await startLocalCluster({ managers: 3, workers: 2 });
    client = new ControlClient({ ...cluster.context, hosts: cluster.managers.map(({ address }) => address) });
  });
  after(async function () {
    if (this.test?.parent?.tests.some(({ state }) => state === "failed") === true) {
      for (const node of cluster.nodes) console.error(`${node.name}:\n${cluster.log(node).slice(-3000)}`);
    }
    client.close();
    await cluster.stop();
    await later[Symbol.asyncDispose]();
  });

  async function describe(node: LocalNode): Promise<Response<"Control.ListNodes">["nodes"][number] | undefined> {
    return (await client.nodes()).find((one) => one.node?.spec?.name === node.name);
  }

  /** Ends it as an upgrade does (SIGHUP), and starts the other version's program on the same data. */
  async function turnInto(version: LaterVersion | null, node: LocalNode): Promise<void> {
    await cluster.kill(node, "SIGHUP");
    cluster.boot(node, {}, version?.bin ?? SHOAL_BIN);
    const protocol = version === null ? PROTOCOLS.max : LATER_PROTOCOL;
    speaks.set(node, protocol);
    await waitFor(`${node.name} is back`, SETTLE_MS, async () => {
      const found = await describe(node);
      const reachability = found?.manager?.reachability ?? "NONE";
      const isMember = node.role === "worker" || reachability === "REACHABLE" || reachability === "LEADER";
      const isFresh = found?.node?.status?.state === "READY" && found.node.description?.protocolMax === protocol;
      return isMember && isFresh ? true : undefined;
    });
  }

  /** A service with the field that only the later version knows. */
  async function createWithMotto(node: LocalNode, name: string): Promise<void> {
    const task = { process: { command: ["sleep", "1000"] }, motto: "later" };
    const spec = { name, replicated: { replicas: 0 }, task };
    const bytes = later.encode("CreateServiceRequest", { requestId: randomUUID(), spec });
    await cluster.channel(node).unary(rpc("Control.CreateService").path, bytes, { deadlineMs: CALL_MS });
  }

  async function finalize(): Promise<Response<"Control.FinalizeUpgrade">> {
    return await call(
      client.channel(),
      "Control.FinalizeUpgrade",
      { requestId: randomUUID() },
      { deadlineMs: CALL_MS },
    );
  }

  async function running(): Promise<string[]> {
    const tasks = await client.tasks("service=web");
    return tasks.map((task) => `${task.id} ${task.nodeId} ${task.status?.runtimeId} ${isUp(task)}`).toSorted();
  }

  /** The old version on a node of a cluster whose upgrade is final: what its log says last. */
  async function bootOld(node: LocalNode, isOver: (log: string) => boolean): Promise<string> {
    await cluster.kill(node, "SIGHUP");
    const from = cluster.log(node).length;
    cluster.boot(node);
    const said = (): string => cluster.log(node).slice(from);
    await waitFor("its refusal", SETTLE_MS, () => (isOver(said()) ? true : undefined));
    return said();
  }

  async function upgradeAll([m1, m2, m3, w1, w2]: readonly LocalNode[]): Promise<void> {
    if (!m1 || !m2 || !m3 || !w1 || !w2) throw new Error("five nodes");
    await turnInto(later, m2);
    // Through a follower that knows the field, from a leader that would drop it.
    const leader = await cluster.leader();
    if (leader !== m2) {
      const { code, message } = await refusal(createWithMotto(m2, "too-early"));
      expect([code, message]).to.deep.equal(["invalid", "spec.task: unknown field number 990"]);
    }
    expect((await refusal(finalize())).message)
      .to.include("still run the old version")
      .and.include("worker1");
    // Back, and forward again: nothing on its disk is beyond the old version.
    await turnInto(null, m2);
    await turnInto(later, m2);
    await turnInto(later, w1);
    await turnInto(later, m3);
    await turnInto(null, w1);
    for (const node of [w1, w2, m1]) await turnInto(later, node);
  }

  it("goes node by node under writes, back until it is final, and then refuses the old version", async () => {
    await client.call("Control.CreateService", {
      requestId: randomUUID(),
      spec: { name: "web", replicated: { replicas: REPLICAS }, task: { process: { command: ["sleep", "1000"] } } },
    });
    await waitFor("the tasks", SETTLE_MS, async () =>
      (await client.tasks("service=web")).filter(isUp).length === REPLICAS ? true : undefined,
    );
    const before = await running();
    const hosts = cluster.managers.map(({ address }) => address);
    const outage = await measureOutage({
      context: { ...cluster.context, hosts },
      clients: CLIENTS,
      strike: async () => await upgradeAll(cluster.nodes),
      heal: async () => {},
    });
    expect(outage).to.include({ lost: 0, twice: 0, failed: 0 });
    expect(outage.acknowledged).to.be.above(100);

    const [m1, , m3, w1] = cluster.nodes;
    if (!m1 || !m3 || !w1) throw new Error("five nodes");
    const early = await refusal(createWithMotto(m1, "early"));
    expect(early).to.include({ code: "precondition" });
    expect(early.message).to.equal(
      `spec.task.motto: needs protocol ${LATER_PROTOCOL}, the cluster still writes ${PROTOCOLS.max}`,
    );
    const cli = [process.execPath, SHOAL_BIN, "--host", `unix:${m1.socket}`, "cluster"];
    const upgraded = new RegExp(`^manager1 +Manager +Ready +9\\.9\\.9 +${LATER_PROTOCOL}$`, "m");
    expect(await runOk([...cli, "upgrade"])).to.match(upgraded);
    expect(await runOk([...cli, "info"])).to.include("shoal cluster upgrade --finalize");
    expect(JSON.parse(await runOk([...cli, "upgrade", "--format", "json"]))).to.include({
      protocol: PROTOCOLS.max,
      protocolReady: LATER_PROTOCOL,
    });
    expect(await runOk([...cli, "upgrade", "--finalize"])).to.include("the upgrade is final");
    await createWithMotto(m1, "motto");
    for (const manager of cluster.managers) {
      const path = rpc("Control.ListTasks").path;
      const id = later.encode("GetRequest", { id: "motto" });
      const answer = await cluster.channel(manager).unary(rpc("Control.GetService").path, id, { deadlineMs: CALL_MS });
      expect(later.decode("GetServiceResponse", answer), path).to.have.nested.property(
        "service.spec.task.motto",
        "later",
      );
    }

    // From here on the old version is refused, before it takes part in anything; a worker's tasks go on all the same.
    const needs = `The cluster is of protocol ${LATER_PROTOCOL}, this program speaks up to ${PROTOCOLS.max}`;
    const manager = await bootOld(m3, () => m3.child?.exitCode !== null);
    expect(m3.child?.exitCode).to.equal(1);
    expect(manager.trimEnd().split("\n").at(-1)).to.include(needs).and.include("unsupported");
    expect(manager).to.include("start the newer version of shoal again");
    await turnInto(later, m3);
    const worker = await bootOld(w1, (log) => log.includes(needs));
    expect(worker).to.include("start the newer version of shoal again");
    await turnInto(later, w1);
    expect(await running(), "no task was restarted or moved").to.deep.equal(before);
  });
});
