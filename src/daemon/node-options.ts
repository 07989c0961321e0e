/** What a node is started with: what the operator said, and what this machine says of itself. */
import { lookup } from "node:dns/promises";
import { readBootId } from "../agent/boot-id.ts";
import { withDeadline, type Env } from "../util/env.ts";
import type { Logger } from "../util/log.ts";
import type { DaemonConfig } from "./config.ts";
import type { NodeOptions } from "./node.ts";
import type { StartRecord } from "./start-record.ts";

/** A resolver that does not answer must not hold the start up. */
const RESOLVE_MS = 2_000;

type Deps = { readonly env: Env; readonly log: Logger; readonly version: string };

export async function nodeOptions(config: DaemonConfig, record: StartRecord, deps: Deps): Promise<NodeOptions> {
  const { dataDir, disk, generic } = config;
  const { advertise, nodeName, managers } = record;
  return {
    address: advertise,
    name: nodeName,
    managers,
    version: deps.version,
    dataDir,
    disk,
    generic,
    ip: await resolveIp(advertise, deps),
    bootId: await readBootId(),
  };
}

/** The address that `node.ip` constraints look at. Empty if nobody knows it. */
async function resolveIp(address: string, { env, log }: Deps): Promise<string> {
  const host = address.slice(0, address.lastIndexOf(":")).replace(/^\[(.*)\]$/, "$1");
  try {
    const found = await withDeadline(
      env,
      { ms: RESOLVE_MS, what: `Resolving ${host}` },
      async () => await lookup(host),
    );
    return found.address;
  } catch (error) {
    log.warn("the node's own address does not resolve: node.ip constraints will not match it", { host, error });
    return "";
  }
}
