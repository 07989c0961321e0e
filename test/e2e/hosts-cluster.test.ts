// Three managers and three workers on hosts of their own, which all run tasks (test/support/host-cluster.ts). Packets are
// dropped, and nobody is told: no connection is closed, nothing is refused. Hosts lose power one by one, then all at once.
// One worker is away for half a minute meanwhile, with services that nothing else here is about.
// Figures over many rounds are `npm run prove -- partition`, `-- blip`, `-- power-cut` and `-- reboot`; more of what
// becomes of nodes in trouble is `-- nodes`.
import { expect } from "chai";

import { isUp } from "../../scripts/lib/control-client.ts";
import type { ControlClient, Task } from "../../scripts/lib/control-client.ts";
import { measureOutage } from "../../scripts/lib/outage.ts";
import { waitFor } from "../../scripts/lib/run.ts";
import { proveAway } from "../../scripts/prove/nodes/away.ts";
import type { Finding } from "../../scripts/prove/nodes/finding.ts";
import { provePause } from "../../scripts/prove/nodes/pause.ts";
import { Stage } from "../../scripts/prove/nodes/stage.ts";
import { newId } from "../../src/util/id.ts";
import { realEnv } from "../../src/util/real-env.ts";
import { ensureWorkloadImage, requireHosts, WORKLOAD_IMAGE } from "../support/engine.ts";
import { startHostCluster } from "../support/host-cluster.ts";
import type { HostCluster, HostNode } from "../support/host-cluster.ts";

const REPLICAS = 8;
const SETTLE_MS = 60_000;
const LOOK_EVERY_MS = 20;
/** The median is 2 s and the 95th percentile 3.5 s; once in a test on a busy machine it may be worse. */
const CUT_OFF_MS = 6_000;
const ATTEMPT_MS = 500;
const BLIP_MS = 4_000;
/** From the power cut to the last replacement's start: what is promised. */
const WORKER_REPLACED_MS = 8_000;
const LEADER_REPLACED_MS = 10_000;
/** Of the service that waits for its next start while everything unused is removed. */
const RESTART_DELAY_MS = 2_000;
const REPAIRED_MS = 5_000;

describe("a cluster over several hosts", function () {
  this.timeout(150_000);
  let cluster: HostCluster;
  let client: ControlClient;
  let stage: Stage;
  /** Its host is silent from the beginning on, for as long as everything on it takes to be given up. */
  let away: HostNode;
  let absence: Promise<Finding[]>;
  /** By node id. */
  const names = new Map<string, string>();

  before(async function () {
    this.timeout(180_000);
    await requireHosts(this);
    await ensureWorkloadImage();
    cluster = await startHostCluster({ managers: 3, workers: 3, doManagersRun: true });
    client = cluster.client();
    stage = await Stage.over(cluster);
    for (const { node } of await client.nodes()) names.set(node?.id ?? "", node?.spec?.name ?? "");
    away = cluster.node("worker2");
    absence = proveAway(stage, { node: away, others: [cluster.node("worker3")] }, "away-");
    // Whoever waits for it hears of it.
    absence.catch(() => {});
    await create("app", { replicas: REPLICAS });
    await allUp();
  });

  afterEach(function () {
    if (this.currentTest?.state === "failed") console.log(cluster.logs());
  });

  after(async function () {
    this.timeout(60_000);
    client?.close();
    stage?.[Symbol.dispose]();
    await cluster?.close();
  });

  async function create(name: string, { replicas, node, delayMs = 0 }: CreateOptions): Promise<void> {
    const task = {
      container: { image: WORKLOAD_IMAGE, args: ["sleep", "86400"], stopGraceMs: 1_000 },
      placement: {
        constraints:
          node === undefined
            ? ["node.hostname != worker2", "node.hostname != worker3"]
            : [`node.hostname == ${node.name}`],
      },
      restart: { condition: "ANY" as const, delayMs },
    };
    const spec = { name, replicated: { replicas }, task };
    await client.call("Control.CreateService", { requestId: newId(realEnv), spec });
  }

  async function up(service: string): Promise<Task[]> {
    return (await client.tasks(`service=${service}`)).filter(isUp);
  }

  async function upBut(node: HostNode): Promise<Task[]> {
    return (await up("app")).filter(({ nodeId }) => names.get(nodeId) !== node.name);
  }

  /** Ids and nodes of the service's tasks, when all of them run and no more. */
  async function allUp(): Promise<string[]> {
    return await waitFor(`${REPLICAS} running tasks`, SETTLE_MS, async () => {
      const tasks = await up("app");
      return tasks.length === REPLICAS ? tasks.map(({ id, nodeId }) => `${id} ${nodeId}`).toSorted() : undefined;
    });
  }

  /** Of the service, as `HostNode.containers`. */
  async function containers(nodes: readonly HostNode[] = cluster.nodes): Promise<string[]> {
    const all = (await Promise.all(nodes.map(async (node) => await node.containers()))).flat();
    return all.filter((line) => line.startsWith("/app.")).toSorted();
  }

  /** Resolves when as many of its containers run as there should be, and no more. */
  async function settledContainers(): Promise<string[]> {
    return await waitFor(`${REPLICAS} containers`, SETTLE_MS, async () => {
      const running = await containers();
      return running.length === REPLICAS ? running : undefined;
    });
  }

  /** As by a power cut. @returns ms until everything runs on the others */
  async function loseHost(lost: HostNode): Promise<number> {
    expect((await upBut(lost)).length, `${lost.name} runs something`).to.be.below(REPLICAS);
    const cutAt = performance.now();
    await lost.host.powerOff();
    await waitFor(
      "all tasks on the hosts left",
      SETTLE_MS,
      async () => ((await upBut(lost)).length === REPLICAS ? true : undefined),
      LOOK_EVERY_MS,
    );
    return performance.now() - cutAt;
  }

  function worker(): HostNode {
    const [first] = cluster.workers;
    if (first === undefined) throw new Error("There is a worker");
    return first;
  }

  it("restarts and replaces nothing when a host's network is gone for 4 s", async () => {
    const before = await containers();
    await worker().host.linkDown();
    await new Promise((resolve) => setTimeout(resolve, BLIP_MS));
    await worker().host.linkUp();
    await cluster.settled({ away });
    expect(await containers()).to.deep.equal(before);
    expect(await client.tasks("service=app"), "tasks that ever were").to.have.lengthOf(REPLICAS);
  });

  it("accepts writes again, and has lost none, when its leader is cut off by dropped packets", async () => {
    const before = await containers();
    const cut = await cluster.leader();
    let newLeader = "";
    const outage = await measureOutage({
      context: cluster.context,
      clients: 8,
      attemptMs: ATTEMPT_MS,
      strike: async () => await cut.host.linkDown(),
      heal: async () => {
        newLeader = (await cluster.leader()).name;
        await cut.host.linkUp();
        await cluster.settled({ away });
      },
    });
    expect(outage, outage.firstFailure).to.include({ lost: 0, twice: 0, failed: 0 });
    expect(outage.acknowledged).to.be.greaterThan(20);
    expect(outage.firstAcceptedMs).to.be.at.most(CUT_OFF_MS);
    expect(newLeader).to.not.equal(cut.name);
    // Had it been away for longer, what was started elsewhere meanwhile would go again.
    expect(await settledContainers()).to.deep.equal(before);
  });

  it("is not harmed by a prune of a worker's engine, which removes what waits for its start", async () => {
    const { host } = worker();
    await create("late", { replicas: 1, node: worker(), delayMs: RESTART_DELAY_MS });
    const [task] = await waitFor("it runs", SETTLE_MS, async () => {
      const tasks = await up("late");
      return tasks.length === 1 ? tasks : undefined;
    });
    const before = await containers();
    await host.docker(["kill", task?.status?.runtimeId ?? ""]);
    const waiting = ["ps", "-aq", "--filter", "status=created", "--filter", "name=late"];
    await waitFor("one that waits", SETTLE_MS, async () => ((await host.docker(waiting)) !== "" ? true : undefined));
    const prunedAt = performance.now();
    await host.docker(["system", "prune", "-af", "--volumes"]);
    await waitFor("another one runs", SETTLE_MS, async () => {
      const [next] = await up("late");
      return next !== undefined && next.id !== task?.id ? true : undefined;
    });
    expect(performance.now() - prunedAt).to.be.below(RESTART_DELAY_MS + REPAIRED_MS);
    expect(await containers()).to.deep.equal(before);
    await client.call("Control.RemoveService", { requestId: newId(realEnv), id: "late" });
  });

  it("drains a host without a moment in which a task is missing", async () => {
    await setAvailability(worker(), "DRAIN");
    let fewest = REPLICAS;
    await waitFor(
      "nothing on it",
      SETTLE_MS,
      async () => {
        const elsewhere = await upBut(worker());
        fewest = Math.min(fewest, (await up("app")).length);
        return elsewhere.length === REPLICAS ? true : undefined;
      },
      LOOK_EVERY_MS,
    );
    expect(fewest).to.equal(REPLICAS);
    await setAvailability(worker(), "ACTIVE");
  });

  it("gives a paused node nothing new, and leaves it what it has", async () => {
    expect(problemsOf(await provePause(stage, worker(), "pause-"))).to.deep.equal([]);
  });

  it("runs the tasks of a host that led and worked elsewhere within 10 s, and leaves the others alone", async () => {
    await settledContainers();
    const lost = await cluster.leader();
    const others = cluster.nodes.filter((node) => node !== lost);
    const before = await containers(others);
    expect(await loseHost(lost), "ms from the cut").to.be.at.most(LEADER_REPLACED_MS);
    expect(await containers(others)).to.include.members(before);
    await lost.reboot();
    await cluster.settled({ away });
    await settledContainers();
  });

  it("replaces what ran on a host that was away when each service says, never runs what is single twice, and leaves a volume's task where it is", async () => {
    expect(problemsOf(await absence)).to.deep.equal([]);
    await cluster.settled();
  });

  it("runs a dead worker host's tasks elsewhere within 8 s", async () => {
    await client.call("Control.RemoveService", { requestId: newId(realEnv), id: "app" });
    await create("app", { replicas: REPLICAS });
    await allUp();
    expect(await loseHost(worker()), "ms from the cut").to.be.at.most(WORKER_REPLACED_MS);
    await worker().reboot();
    await cluster.settled();
    await settledContainers();
  });

  it("runs each task on its own node again after everything lost power at once", async () => {
    const before = await allUp();
    const old = await containers();
    await Promise.all(cluster.nodes.map(async ({ host }) => await host.powerOff()));
    // Managers first: they lead and could give tasks away before the last worker is back.
    for (const nodes of [cluster.managers, cluster.workers]) {
      await Promise.all(nodes.map(async (node) => await node.reboot()));
    }
    await cluster.settled();
    expect(await allUp(), "tasks and their nodes").to.deep.equal(before);
    // Nothing survives a power cut: these were started anew.
    expect((await settledContainers()).filter((line) => old.includes(line))).to.deep.equal([]);
  });

  async function setAvailability({ name }: HostNode, availability: "ACTIVE" | "DRAIN"): Promise<void> {
    const { node } = await client.call("Control.GetNode", { id: name });
    const { id = "", meta, spec } = node ?? {};
    const request = { requestId: newId(realEnv), id, version: meta?.version ?? 0, spec: { ...spec, availability } };
    await client.call("Control.UpdateNode", request);
  }
});

function problemsOf(findings: readonly Finding[]): string[] {
  return findings.flatMap(({ behaviour, problems }) => problems.map((problem) => `${behaviour}: ${problem}`));
}

type CreateOptions = { readonly replicas: number; readonly node?: HostNode; readonly delayMs?: number };
