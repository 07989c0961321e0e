// What proofs on the compose cluster share: the engine's socket (starting a docker client costs 50 ms a look), and what
// a container's first process uses.
import { readFileSync } from "node:fs";
import { request } from "node:http";

import type { Cluster } from "../../test/support/cluster.ts";
import { runOk } from "../lib/run.ts";

/** Away from a user's cluster (7377) and from the end-to-end tests' (17377). */
export const PROVE_PORT_BASE = 18_377;

/** Linux counts CPU time in hundredths of a second for every program. */
const TICKS_PER_S = 100;

export const NODES = ["manager1", "manager2", "manager3", "worker1", "worker2"] as const;

const socketPath = (process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock").replace(/^unix:\/\//, "");

/** One call to the engine's API. @returns the answer's body */
async function engine(method: string, path: string, body?: object): Promise<string> {
  return await new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    const call = request({ socketPath, method, path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        if ((response.statusCode ?? 500) < 300) resolve(text);
        else reject(new Error(`The engine answered ${response.statusCode ?? 0} to ${method} ${path}: ${text}`));
      });
      response.on("error", reject);
    });
    call.once("error", reject);
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** SIGKILL, as `docker kill`; resolves when the engine has sent it. */
export async function killContainer(id: string): Promise<void> {
  await engine("POST", `/containers/${id}/kill`);
}

/** The same by nobody but the engine: a container is killed, has ended, and another is created and started, in ms. */
export async function engineFloorMs(image: string, command: readonly string[]): Promise<number> {
  const create = async (): Promise<string> => {
    const { Id } = JSON.parse(await engine("POST", "/containers/create", { Image: image, Cmd: command })) as {
      Id: string;
    };
    return Id;
  };
  const made: string[] = [];
  try {
    const victim = await create();
    made.push(victim);
    await engine("POST", `/containers/${victim}/start`);
    const ended = engine("POST", `/containers/${victim}/wait`);
    const killedAt = performance.now();
    await engine("POST", `/containers/${victim}/kill`);
    await ended;
    const next = await create();
    made.push(next);
    await engine("POST", `/containers/${next}/start`);
    return performance.now() - killedAt;
  } finally {
    for (const id of made) await engine("DELETE", `/containers/${id}?force=true`);
  }
}

/** Calls back at every start of a container of this cluster, until closed. */
export async function watchStarts(clusterId: string, onStart: (id: string) => void): Promise<() => void> {
  const filters = { type: ["container"], event: ["start"], label: [`shoal.cluster=${clusterId}`] };
  const path = `/events?filters=${encodeURIComponent(JSON.stringify(filters))}`;
  return await new Promise((resolve, reject) => {
    const call = request({ socketPath, path }, (response) => {
      let rest = "";
      response.on("data", (chunk: Buffer) => {
        const lines = (rest + chunk.toString()).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) onStart((JSON.parse(line) as { id: string }).id);
      });
      response.on("error", () => {}); // Its end is ours.
      resolve(() => call.destroy());
    });
    call.once("error", reject);
    call.end();
  });
}

/** The first process of a node's container, as the machine sees it. */
export async function pidOf(cluster: Cluster, node: string): Promise<number> {
  return Number(await runOk(["docker", "inspect", "--format", "{{.State.Pid}}", await cluster.containerOf(node)]));
}

export function rssMiB(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Math.round(Number(kib ?? 0) / 102.4) / 10;
}

/** User and system time so far. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}
