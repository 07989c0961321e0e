/** Ports of plain processes: nobody binds them for the process, so they are only chosen and looked at. */
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import type { PortSpec, PortStatus } from "../../../model/index.ts";
import { AppError } from "../../../util/errors.ts";

/** Free ports are asked for this often before giving up: another task of ours may have been promised the same one. */
const TRIES_MAX = 20;

/**
 * @param held ports of this node's other tasks, bound by them or about to be
 * @param before what the task had in an earlier run: a free port stays the same where it can
 * @throws AppError precondition when a port is taken
 */
export async function choosePorts(
  ports: readonly PortSpec[],
  { held, before }: { held: readonly PortStatus[]; before: readonly PortStatus[] },
): Promise<PortStatus[]> {
  const chosen: PortStatus[] = [];
  for (const [at, port] of ports.entries()) {
    const taken = [...held, ...chosen];
    const published =
      port.published === 0 ? await freePort(port, taken, before[at]?.published) : await fixedPort(port, at, taken);
    chosen.push({ target: port.target, published, protocol: port.protocol, hostIp: port.hostIp });
  }
  return chosen;
}

async function fixedPort(port: PortSpec, at: number, taken: readonly PortStatus[]): Promise<number> {
  if (!isHeld(port, port.published, taken) && (await tryBind(port, port.published)) !== null) return port.published;
  throw new AppError("precondition", `Port ${port.published}/${port.protocol.toLowerCase()} is taken on this node`, {
    path: `spec.task.ports[${at}].published`,
    next: "choose another port, or 0 for a free one",
  });
}

async function freePort(port: PortSpec, taken: readonly PortStatus[], before: number | undefined): Promise<number> {
  if (before !== undefined && !isHeld(port, before, taken) && (await tryBind(port, before)) !== null) return before;
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const published = await tryBind(port, 0);
    if (published !== null && !isHeld(port, published, taken)) return published;
  }
  throw new AppError("precondition", "No free port on this node", { next: "end what uses so many ports" });
}

function isHeld({ protocol }: PortSpec, published: number, taken: readonly PortStatus[]): boolean {
  return taken.some((other) => other.published === published && other.protocol === protocol);
}

/** Binds and lets go again. @returns the port, null when it is taken */
async function tryBind({ protocol, hostIp }: PortSpec, port: number): Promise<number | null> {
  const bind = protocol === "UDP" ? bindUdp : bindTcp;
  if (hostIp !== "") return toPort(await bind(hostIp, port));
  // "::" takes both families, where the machine has both.
  const bound = await bind("::", port);
  return NO_IPV6.has(String(bound)) ? toPort(await bind("0.0.0.0", port)) : toPort(bound);
}

const NO_IPV6 = new Set(["EAFNOSUPPORT", "EADDRNOTAVAIL"]);

function toPort(bound: number | string): number | null {
  return typeof bound === "number" ? bound : null;
}

function codeOf(error: Error): string {
  return "code" in error ? String(error.code) : error.message;
}

/** @returns the port, or why not */
async function bindTcp(host: string, port: number): Promise<number | string> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) => resolve(codeOf(error)));
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      const bound = typeof address === "object" && address !== null ? address.port : "no address";
      server.close(() => resolve(bound));
    });
  });
}

/** @returns the port, or why not */
async function bindUdp(address: string, port: number): Promise<number | string> {
  return await new Promise((resolve) => {
    const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
    socket.once("error", (error) => {
      socket.close();
      resolve(codeOf(error));
    });
    socket.bind({ address, port, exclusive: true }, () => {
      const { port: bound } = socket.address();
      socket.close(() => resolve(bound));
    });
  });
}
