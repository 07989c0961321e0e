/** Managers as OS processes whose event loop stands still, or whose wall clock is a day wrong: nobody else notices. */
import { expect } from "chai";
import { randomUUID } from "node:crypto";
import { ControlClient, isUp } from "../../scripts/lib/control-client.ts";
import { startLocalCluster, type LocalCluster, type LocalNode } from "../../scripts/lib/local-cluster.ts";
import { waitFor } from "../../scripts/lib/run.ts";
import { HOOK_ARGS, tellProcess } from "../support/process-hook.ts";

/** Several election timeouts, which are 1 to 2 s. */
const STALL_MS = 6_000;
const DAY_MS = 24 * 3_600_000;
const SETTLE_MS = 30_000;

const spec = (name: string) => ({ name, replicated: { replicas: 0 }, task: { container: { image: "app:1" } } });

describe("integration/stalls and clocks", function () {
  this.timeout(120_000);
  let cluster: LocalCluster;
  let client: ControlClient;

  before(async () => {
    cluster = await startLocalCluster({ managers: 3, workers: 1, nodeArgs: HOOK_ARGS });
    client = new ControlClient({ ...cluster.context, hosts: cluster.managers.map(({ address }) => address) });
  });
  after(async function () {
    if (this.test?.parent?.tests.some(({ state }) => state === "failed") === true) {
      for (const node of cluster.nodes) console.error(`${node.name}:\n${cluster.log(node).slice(-3_000)}`);
    }
    client.close();
    await cluster.stop();
  });

  const term = async (): Promise<number> => (await client.call("Control.GetCluster", {})).term;

  async function oneOf(isWanted: (node: LocalNode, leader: LocalNode) => boolean): Promise<LocalNode> {
    const leader = await cluster.leader();
    const found = cluster.managers.find((node) => isWanted(node, leader));
    if (found === undefined) throw new Error("There is no such manager");
    return found;
  }
  const follower = async (): Promise<LocalNode> => await oneOf((node, leader) => node !== leader);

  async function answers(node: LocalNode): Promise<void> {
    const name = `at-${node.name}-${randomUUID().slice(0, 8)}`;
    await waitFor(`a change by ${node.name}`, SETTLE_MS, async () => {
      await cluster.call(node, "Control.CreateService", { requestId: name, spec: spec(name) });
      return true;
    });
    await cluster.call(node, "Control.GetService", { id: name });
  }

  it("a follower that stood still for several election timeouts does not campaign when it goes on", async () => {
    const [victim, before] = [await follower(), await term()];
    const at = performance.now();
    await tellProcess(victim.dir, victim.child, { stallMs: STALL_MS });
    // It answers again: by then it has seen how late it is, and what came meanwhile.
    await answers(victim);
    expect(performance.now() - at).to.be.above(STALL_MS);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(await term()).to.equal(before);
  });

  it("a leader that stood still follows its successor when it goes on: one election, no more", async () => {
    const [victim, before] = [await cluster.leader(), await term()];
    await tellProcess(victim.dir, victim.child, { stallMs: STALL_MS });
    client.next();
    await answers(victim);
    const after = await term();
    expect(after).to.be.above(before);
    expect(await cluster.leader()).to.not.equal(victim);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(await term()).to.equal(after);
  });

  it("wall clocks that are a day wrong elect nobody, move no task, and forget no request", async () => {
    const process = { command: ["sleep", "1000"] };
    const service = { name: "web", replicated: { replicas: 2 }, task: { process } };
    const request = { requestId: randomUUID(), spec: service };
    const { service: made } = await client.call("Control.CreateService", request);
    const up = async (): Promise<string[]> =>
      (await client.tasks("service=web")).filter(isUp).map(({ id, status }) => `${id} ${status?.runtimeId ?? ""}`);
    await waitFor("two tasks", SETTLE_MS, async () => ((await up()).length === 2 ? true : undefined));
    const [tasks, before] = [(await up()).toSorted(), await term()];

    const [ahead, behind] = [await cluster.leader(), await follower()];
    const [worker] = cluster.workers;
    if (worker === undefined) throw new Error("There is no worker");
    await tellProcess(ahead.dir, ahead.child, { clockShiftMs: DAY_MS });
    await tellProcess(behind.dir, behind.child, { clockShiftMs: -DAY_MS });
    await tellProcess(worker.dir, worker.child, { clockShiftMs: DAY_MS });
    // Longer than silence may last before a node is unreachable, and its tasks are replaced.
    await new Promise((resolve) => setTimeout(resolve, 8_000));
    for (const node of cluster.managers) await answers(node);
    expect((await client.call("Control.CreateService", request)).service?.id).to.equal(made?.id);
    expect((await up()).toSorted()).to.deep.equal(tasks);
    expect(await term()).to.equal(before);

    // Its certificates are made by the clock that is ahead, and good for the others.
    const other = await oneOf((node, leader) => node !== leader && node !== behind);
    for (const role of ["WORKER", "MANAGER"] as const) {
      await client.call(
        "Control.SetNodeRole",
        { requestId: randomUUID(), id: other.name, role },
        { attemptMs: 15_000 },
      );
      await waitFor(`${other.name} is ${role}`, SETTLE_MS, async () => {
        const { nodes } = await client.call("Control.ListNodes", {});
        const found = nodes.find(({ node }) => node?.spec?.name === other.name);
        const wanted = role === "WORKER" ? ["NONE"] : ["REACHABLE", "LEADER"];
        return wanted.includes(found?.manager?.reachability ?? "NONE") && found?.node?.status?.state === "READY"
          ? true
          : undefined;
      });
    }
    await answers(other);
    for (const node of [ahead, behind, worker]) await tellProcess(node.dir, node.child, { clockShiftMs: 0 });
    for (const node of cluster.managers) await answers(node);
    expect((await up()).toSorted()).to.deep.equal(tasks);
  });
});
