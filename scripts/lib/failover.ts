// Kills the leader's container while clients write, and measures: how long nobody's write was accepted, whether every
// acknowledged write is still there, and whether the tasks' containers noticed. scripts/failover prints one round;
// longer proofs and the benchmark call measureFailover() again and again.
import { request } from "node:http";

import { loadContext } from "../../src/cli/context.ts";
import type { Context } from "../../src/cli/context.ts";
import { measureOutage } from "./outage.ts";
import type { Outage } from "./outage.ts";
import { runOk, waitFor } from "./run.ts";
import { ShoalCli } from "./shoal.ts";

export type FailoverOptions = {
  readonly project: string;
  readonly clients: number;
  /** `kill`: SIGKILL. `stop`: SIGTERM, as a reboot in order. */
  readonly how: "kill" | "stop";
  /** Between two writes of one client; short without. */
  readonly pauseMs?: number;
  /** See `measureOutage`. */
  readonly outlivesRun?: boolean;
  /** Instead of the context of the project's name among this user's. */
  readonly context?: Context;
  /** For the command line, where that context lies elsewhere. */
  readonly env?: NodeJS.ProcessEnv;
};

export type FailoverResult = Outage & {
  readonly how: string;
  readonly clients: number;
  readonly killed: string;
  readonly newLeader: string;
  readonly containersChanged: boolean;
};

const HEAL_MS = 60_000;

export async function measureFailover(options: FailoverOptions): Promise<FailoverResult> {
  const { project, clients, how } = options;
  const context = options.context ?? loadContext(project);
  const shoal = new ShoalCli({ context: project, env: options.env ?? process.env });
  const killed = await leaderOf(shoal);
  const container = await containerOf(project, killed);
  const containersBefore = await taskContainers(context.clusterId);
  let newLeader = "";
  let containersAfter = "";
  const outage = await measureOutage({
    context,
    clients,
    outlivesRun: options.outlivesRun ?? false,
    ...(options.pauseMs !== undefined && { pauseMs: options.pauseMs }),
    strike: async () => await signalContainer(container, how),
    heal: async () => {
      newLeader = await waitFor("the new leader's name", HEAL_MS, async () => await leaderOf(shoal));
      containersAfter = await taskContainers(context.clusterId);
      await heal(shoal, container);
    },
  });
  return { how, clients, killed, newLeader, ...outage, containersChanged: containersAfter !== containersBefore };
}

async function leaderOf(shoal: ShoalCli): Promise<string> {
  const leader = (await shoal.nodes()).find((node) => node.manager === "LEADER");
  if (leader?.spec === undefined || leader.spec === null) throw new Error("No manager leads");
  return leader.spec.name || (leader.description?.hostname ?? "");
}

/** A node's name is its service's name in docker-compose.cluster.yml. */
async function containerOf(project: string, service: string): Promise<string> {
  const labels = [`com.docker.compose.project=${project}`, `com.docker.compose.service=${service}`];
  const id = await runOk([
    "docker",
    "ps",
    "-q",
    "--no-trunc",
    ...labels.flatMap((label) => ["--filter", `label=${label}`]),
  ]);
  if (id === "") throw new Error(`No container of ${service} runs: is the cluster ${project} up, and in containers?`);
  return id;
}

/** Id and start time of every container the cluster runs, as one text. */
async function taskContainers(clusterId: string): Promise<string> {
  const ids = await runOk(["docker", "ps", "-q", "--filter", `label=shoal.cluster=${clusterId}`]);
  if (ids === "") return "";
  const lines = await runOk(["docker", "inspect", "--format", "{{.Id}} {{.State.StartedAt}}", ...ids.split("\n")]);
  return lines.split("\n").toSorted().join("\n");
}

/** Straight to the engine's socket: starting a docker client would add 50 ms to every figure. */
async function signalContainer(container: string, how: "kill" | "stop"): Promise<void> {
  const socketPath = (process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock").replace(/^unix:\/\//, "");
  const path = `/containers/${container}/kill?signal=${how === "kill" ? "SIGKILL" : "SIGTERM"}`;
  await new Promise<void>((resolve, reject) => {
    const call = request({ socketPath, method: "POST", path }, (response) => {
      response.resume();
      if (response.statusCode === 204) resolve();
      else reject(new Error(`The engine answered ${response.statusCode ?? 0} to ${path}`));
    });
    call.once("error", reject);
    call.end();
  });
}

/** A manager that goes in order takes its time, and starting what has not ended yet starts nothing. */
async function ended(container: string): Promise<void> {
  await runOk(["docker", "wait", container], { timeoutMs: HEAL_MS });
}

/** Starts the killed manager again and waits until all managers are reachable. */
async function heal(shoal: ShoalCli, container: string): Promise<void> {
  await ended(container);
  await runOk(["docker", "start", container]);
  await waitFor("all managers", HEAL_MS, async () => {
    const managers = (await shoal.nodes()).filter((node) => node.role === "MANAGER");
    return managers.every((node) => node.manager === "LEADER" || node.manager === "REACHABLE") ? true : undefined;
  });
}
