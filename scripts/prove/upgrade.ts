// All five nodes of the compose cluster become a later version, one after the other under writing clients; back; and
// forward again, which is then made final. No container restarts, no acknowledged write is lost, and the old version is
// refused afterwards in clear words.
import { startCluster } from "../../test/support/cluster.ts";
import type { Cluster } from "../../test/support/cluster.ts";
import { ControlClient } from "../lib/control-client.ts";
import { LATER_PROTOCOL, LaterVersion } from "../lib/later-version.ts";
import { cleanupOnce } from "../lib/interruption.ts";
import { measureOutage } from "../lib/outage.ts";
import { run, runOk, waitFor } from "../lib/run.ts";
import { newId } from "../../src/util/id.ts";
import { realEnv } from "../../src/util/real-env.ts";
import { PROTOCOLS } from "../../src/model/protocol.ts";
import { NODES, PROVE_PORT_BASE } from "./compose.ts";
import { print, progress } from "./report.ts";
import type { ProofOptions } from "./report.ts";

const NOW_IMAGE = process.env["SHOAL_IMAGE"] ?? "shoal:local";
const BACK_MS = 60_000;
/** Between two writes of one client: minutes of writes, all of them to be counted and removed again. */
const PAUSE_MS = 50;

type Version = { readonly name: string; readonly image: string; readonly protocol: number };

export async function proveUpgrade({ runs, clients }: ProofOptions): Promise<boolean> {
  await using program = new LaterVersion();
  const now: Version = { name: "now", image: NOW_IMAGE, protocol: PROTOCOLS.max };
  const later: Version = { name: "later", image: `shoal:later-${process.pid}`, protocol: LATER_PROTOCOL };
  // Goes after the cluster that runs it.
  await using _image = {
    [Symbol.asyncDispose]: cleanupOnce(async () => void (await run(["docker", "rmi", later.image]))),
  };
  await using cluster = await startCluster({ name: `shoalprove${process.pid}`, portBase: PROVE_PORT_BASE });
  progress("building the later version");
  await program.build();
  await program.buildImage(later.image, now.image);
  const upAndDown = Array.from({ length: runs }, () => [later, now]).flat();
  let broken = 0;
  for (const version of [...upAndDown, later]) if (!(await turnAll(cluster, version, clients))) broken += 1;
  const isFinal = await finalize(cluster);
  const isRefused = await refused(cluster, { now, later });
  print({ proof: "upgrade", summary: true, n: upAndDown.length + 1, broken, isFinal, isRefused });
  return broken === 0 && isFinal && isRefused;
}

/** @returns whether nothing was lost or restarted. */
async function turnAll(cluster: Cluster, version: Version, clients: number): Promise<boolean> {
  using client = new ControlClient(cluster.context());
  const containers = await cluster.taskContainers();
  const outage = await measureOutage({
    context: cluster.context(),
    clients,
    pauseMs: PAUSE_MS,
    strike: async () => {
      for (const node of NODES) {
        progress(`${node} becomes ${version.name}`);
        await cluster.replace(node, version.image);
        await back(client, node, version);
      }
    },
    heal: async () => {},
  });
  const isSame = JSON.stringify(await cluster.taskContainers()) === JSON.stringify(containers);
  print({ proof: "upgrade", to: version.name, nodes: NODES.length, ...outage, containersChanged: !isSame });
  return outage.lost + outage.twice + outage.failed === 0 && isSame;
}

async function back(client: ControlClient, name: string, { protocol }: Version): Promise<void> {
  await waitFor(`${name} is back`, BACK_MS, async () => {
    const found = (await client.nodes()).find(({ node }) => node?.spec?.name === name);
    const reachability = found?.manager?.reachability ?? "NONE";
    const isMember = name.startsWith("worker") || reachability === "REACHABLE" || reachability === "LEADER";
    const isFresh = found?.node?.status?.state === "READY" && found.node.description?.protocolMax === protocol;
    return isMember && isFresh ? true : undefined;
  });
}

async function finalize(cluster: Cluster): Promise<boolean> {
  using client = new ControlClient(cluster.context());
  const answer = await client.call("Control.FinalizeUpgrade", { requestId: newId(realEnv) });
  print({ proof: "upgrade", finalized: answer });
  return answer.protocol === LATER_PROTOCOL;
}

/** A manager and a worker of the old version meet a cluster whose upgrade is final; then the later one is back. */
async function refused(cluster: Cluster, { now, later }: { now: Version; later: Version }): Promise<boolean> {
  using client = new ControlClient(cluster.context());
  const containers = await cluster.taskContainers();
  const words = `protocol ${later.protocol}, this program speaks up to ${now.protocol}`;
  let said = 0;
  for (const node of ["manager3", "worker1"]) {
    await cluster.replace(node, now.image);
    const container = await cluster.containerOf(node);
    const log = await waitFor(`${node} is refused`, BACK_MS, async () => {
      const { stdout, stderr } = await run(["docker", "logs", container]);
      return (stdout + stderr).split("\n").find((line) => line.includes(words));
    });
    if (log !== "") said += 1;
    const state = await runOk(["docker", "inspect", "--format", "{{.State.Status}}", container]);
    print({ proof: "upgrade", old: node, state, said: log });
    await cluster.replace(node, later.image);
    await back(client, node, later);
  }
  const isSame = JSON.stringify(await cluster.taskContainers()) === JSON.stringify(containers);
  print({ proof: "upgrade", refused: said, containersChanged: !isSame });
  return said === 2 && isSame;
}
