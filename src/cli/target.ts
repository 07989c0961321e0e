/** Where a command goes: --host, else --context, else SHOAL_HOST, else the current context, else this machine's socket. */
import type { Context } from "./context.ts";
import { usage } from "./exit.ts";

const DEFAULT_PORT = 7377;

export type Target =
  | { readonly kind: "socket"; readonly hosts: readonly string[] }
  /** With a context's certificate; without hosts at the context's own. */
  | { readonly kind: "context"; readonly name: string; readonly hosts: readonly string[] }
  | { readonly kind: "none"; readonly hosts: readonly string[] };

export type TargetSources = {
  readonly host?: string | undefined;
  readonly context?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly currentName: () => string | null;
};

/** Where to, by what was said and in which order. Pure but for the context it asks for. */
export function chooseTarget({ host = "", context = "", environment, currentName: current }: TargetSources): Target {
  // As in docker, a context named on the command line wins over a host in the environment.
  const hosts = parseHosts(host === "" && context === "" ? (environment["SHOAL_HOST"] ?? "") : host);
  if (hosts.length > 0 && hosts.every(isSocket)) return { kind: "socket", hosts };
  if (hosts.some(isSocket)) throw usage("--host: a socket and an address of the network do not mix");
  const name = context === "" ? current() : context;
  return name === null ? { kind: "none", hosts } : { kind: "context", name, hosts };
}

/** `a, b:7477, unix:/path`; the port is 7377 unless given. */
export function parseHosts(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => {
      if (part.startsWith("/")) return `unix:${part}`;
      if (part.startsWith("unix://")) return `unix:${part.slice("unix://".length)}`;
      if (isSocket(part)) return part;
      const match = ADDRESS.exec(part);
      const { name, port } = match?.groups ?? {};
      if (name === undefined || Number(port ?? 1) > 65_535 || Number(port ?? 1) === 0) {
        // Docker's --host of a service is a line in /etc/hosts.
        const next = "write it like 10.0.0.5:7377,10.0.0.6:7377; a line in /etc/hosts of a container is --add-host";
        throw usage(`--host: "${part}" is not HOST[:PORT] or unix:/PATH`, next);
      }
      return `${name}:${port ?? DEFAULT_PORT}`;
    });
}

const ADDRESS = /^(?<name>\[[0-9a-fA-F:.]+\]|[^\s:/[\],]+)(?::(?<port>\d{1,5}))?$/;

export function isAddress(text: string): boolean {
  return ADDRESS.test(text);
}

export function isSocket(host: string): boolean {
  return host.startsWith("unix:");
}

/** What the user wrote first; then the managers that the cluster named. */
export function hostsOf({ hosts, managers = [] }: Pick<Context, "hosts" | "managers">): string[] {
  return [...new Set(parseHosts([...hosts, ...managers].join(",")))];
}
