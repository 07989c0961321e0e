// Five nodes as processes on loopback, for machines without a Docker engine: names, ports and settings. The settings
// are those of docker-compose.cluster.yml with other addresses.
import { join } from "node:path";

export type LoopbackNode = {
  readonly name: string;
  readonly folder: string;
  readonly log: string;
  readonly env: Readonly<Record<string, string>>;
};

export function loopbackSocket(clusterDir: string, name: string): string {
  return join(clusterDir, name, "shoal.sock");
}

export function loopbackNodes(clusterDir: string, portBase: number): LoopbackNode[] {
  const names = ["manager1", "manager2", "manager3", "worker1", "worker2"];
  const address = (at: number): string => `127.0.0.1:${portBase + at * 100}`;
  return names.map((name, at) => {
    const isManager = name.startsWith("manager");
    const others = [0, 1, 2].filter((other) => other !== at).map(address);
    const role = isManager ? "manager" : "worker";
    const entry: Record<string, string> =
      at === 0
        ? { SHOAL_INIT: "1", SHOAL_TOKEN_DIR: join(clusterDir, "tokens") }
        : { SHOAL_JOIN: others.join(","), SHOAL_TOKEN_FILE: join(clusterDir, "tokens", role, "token") };
    return {
      name,
      folder: join(clusterDir, name),
      log: join(clusterDir, name, "shoal.log"),
      env: {
        SHOAL_DATA_DIR: join(clusterDir, name, "data"),
        SHOAL_LISTEN: address(at),
        SHOAL_ADVERTISE: address(at),
        SHOAL_HTTP_LISTEN: `127.0.0.1:${portBase + at * 100 + 1}`,
        SHOAL_SOCKET: loopbackSocket(clusterDir, name),
        SHOAL_NODE_NAME: name,
        SHOAL_EXECUTOR: isManager ? "none" : "process",
        ...entry,
      },
    };
  });
}
