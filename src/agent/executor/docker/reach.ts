/**
 * By which address a port of a container is reached from where this agent runs. Pure.
 *
 * - The agent is on the engine's machine, or its own container is on one of the task's networks: by the container's own
 *   address, any port.
 * - Otherwise (it has only the engine's socket, or the engine is elsewhere) Docker lets nothing pass from one of its
 *   networks into another, so only a published port is reached: through the machine that publishes it.
 */
import type { PortStatus } from "../../../model/index.ts";
import type { ProbeAddress } from "../net-probe.ts";

/** The part of a container's inspect that is read. */
export type NetworkInfo = {
  readonly NetworkSettings: {
    readonly Networks?: Readonly<
      Record<string, { readonly IPAddress?: string; readonly Gateway?: string } | null | undefined>
    > | null;
  };
};

/** What this agent sees of its own surroundings. */
export type Surroundings = {
  /** IPv4 addresses of its interfaces, as 10.0.0.1/24. */
  readonly interfaces: readonly string[];
  readonly isInContainer: boolean;
  /** Of the default route; empty where there is none. */
  readonly gateway: string;
  /** Of an engine reached over TCP; empty for a local socket. */
  readonly engineHost: string;
};

/** `direct` is null where the container's own address is out of reach. */
export type Reach = { readonly direct: string | null; readonly publishedAt: string };

const LOOPBACK = "127.0.0.1";
/** The engine's port proxy closes what it could not pass on well within this. */
const PROXY_LINGER_MS = 250;

export function reachOf({ NetworkSettings: { Networks } }: NetworkInfo, around: Surroundings): Reach {
  const { interfaces, isInContainer, gateway, engineHost } = around;
  // The same addresses may exist on this machine too, and would be somebody else's.
  if (engineHost !== "") return { direct: null, publishedAt: engineHost };
  const publishedAt = isInContainer && gateway !== "" ? gateway : LOOPBACK;
  const own = new Set(interfaces.map((text) => text.split("/")[0]));
  for (const network of Object.values(Networks ?? {})) {
    const { IPAddress: address = "", Gateway: bridge = "" } = network ?? {};
    if (address === "") continue;
    const isNear = own.has(bridge) || interfaces.some((text) => contains(text, address));
    if (isNear) return { direct: address, publishedAt };
  }
  return { direct: null, publishedAt };
}

/** @returns null if there is no way to it */
export function addressOf(
  port: number,
  { direct, publishedAt }: Reach,
  ports: readonly PortStatus[],
): ProbeAddress | null {
  if (direct !== null) return { host: direct, port, lingerMs: 0 };
  const published = ports.find(({ target, protocol }) => target === port && protocol === "TCP");
  if (published === undefined) return null;
  const host = published.hostIp === "" ? publishedAt : published.hostIp;
  return { host, port: published.published, lingerMs: PROXY_LINGER_MS };
}

/** @param cidr IPv4, as 10.0.0.1/24 */
function contains(cidr: string, address: string): boolean {
  const [base = "", bits = "32"] = cidr.split("/");
  const length = Number(bits);
  // An address of its own is no network.
  if (length === 0 || length >= 32) return false;
  const shift = 32 - length;
  return Math.floor(numberOf(base) / 2 ** shift) === Math.floor(numberOf(address) / 2 ** shift);
}

function numberOf(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** The default gateway of /proc/net/route: little-endian hex. Empty if there is none. */
export function defaultGateway(table: string): string {
  for (const line of table.split("\n").slice(1)) {
    const [, destination, gateway = ""] = line.split("\t");
    if (destination !== "00000000" || !/^[0-9A-F]{8}$/i.test(gateway)) continue;
    const bytes = [6, 4, 2, 0].map((at) => Number.parseInt(gateway.slice(at, at + 2), 16));
    return bytes.join(".");
  }
  return "";
}
