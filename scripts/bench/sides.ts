// What is compared: services of Shoal and keys of etcd, through the same gRPC library in the same process, 8 connections
// each. A service of 1 KiB without replicas is to Shoal what a put of 1 KiB is to etcd.
import { randomBytes } from "node:crypto";

import { call } from "../../src/proto/client.ts";
import type { Channel } from "../../src/proto/rpc.ts";
import { newId } from "../../src/util/id.ts";
import { realEnv } from "../../src/util/real-env.ts";
import type { LocalCluster, LocalNode } from "../lib/local-cluster.ts";
import type { EtcdClient, EtcdCluster } from "./etcd.ts";
import type { Load, Side } from "./rounds.ts";

const CONNECTIONS = 8;
const VALUE_BYTES = 1024;
/** Objects that are read, at random. */
const READ_KEYS = 1000;
const CALL_MS = 30_000;
const REMOVED_AT_ONCE = 64;

const filler = randomBytes((VALUE_BYTES * 3) / 4 - 100).toString("base64");

function service(name: string): object {
  return { name, labels: { filler }, replicated: { replicas: 0 }, task: { container: { image: "app:1" } } };
}

/** `raft` channels are connections of their own; `control` ones to one address share theirs. */
function channelsTo(cluster: LocalCluster, { address }: LocalNode): Channel[] {
  return Array.from({ length: CONNECTIONS }, () =>
    cluster.dialer.dial(address, { peer: { kind: "manager" }, profile: "raft" }),
  );
}

function loadOf(channels: readonly Channel[], operate: (channel: Channel) => Promise<unknown>): Load {
  return {
    operate: async (client) => {
      const channel = channels[client % channels.length];
      if (channel !== undefined) await operate(channel);
    },
    end: () => {
      for (const channel of channels) channel.close();
    },
  };
}

/** Creates services at a manager. */
export function shoalWrites(name: string, cluster: LocalCluster, node: LocalNode): Side {
  return {
    name,
    begin: async () =>
      await Promise.resolve(
        loadOf(channelsTo(cluster, node), (channel) =>
          call(
            channel,
            "Control.CreateService",
            { requestId: "", spec: service(`w${newId(realEnv)}`) },
            { deadlineMs: CALL_MS },
          ),
        ),
      ),
    tidy: async () => await removeAll(cluster),
  };
}

/** Reads services by name at a manager, linearizably. */
export function shoalReads(name: string, cluster: LocalCluster, node: LocalNode): Side {
  return {
    name,
    begin: async () =>
      await Promise.resolve(
        loadOf(channelsTo(cluster, node), (channel) =>
          call(channel, "Control.GetService", { id: readKey() }, { deadlineMs: CALL_MS }),
        ),
      ),
  };
}

export async function fillShoal(cluster: LocalCluster): Promise<void> {
  const leader = await cluster.leader();
  for (let at = 0; at < READ_KEYS; at += REMOVED_AT_ONCE) {
    const names = Array.from({ length: Math.min(REMOVED_AT_ONCE, READ_KEYS - at) }, (_, i) => `r${at + i}`);
    await Promise.all(
      names.map(
        async (name) =>
          await cluster.call(leader, "Control.CreateService", { requestId: "", spec: service(name) }, CALL_MS),
      ),
    );
  }
}

async function removeAll(cluster: LocalCluster): Promise<void> {
  const leader = await cluster.leader();
  for (;;) {
    const { services } = await cluster.call(leader, "Control.ListServices", { pageSize: 1000 });
    if (services.length === 0) return;
    const ids = services.map(({ service: stored }) => stored?.id ?? "");
    for (let at = 0; at < ids.length; at += REMOVED_AT_ONCE) {
      const some = ids.slice(at, at + REMOVED_AT_ONCE);
      await Promise.all(
        some.map(async (id) => await cluster.call(leader, "Control.RemoveService", { requestId: "", id }, CALL_MS)),
      );
    }
  }
}

/** A member of it. */
export type EtcdEnd = (cluster: EtcdCluster) => Promise<string>;

export const etcdLeader: EtcdEnd = async (cluster) => await cluster.leader();

export const etcdFollower: EtcdEnd = async (cluster) => {
  const leader = await cluster.leader();
  return cluster.endpoints.find((endpoint) => endpoint !== leader) ?? leader;
};

async function etcdLoad(
  cluster: EtcdCluster,
  end: EtcdEnd,
  operate: (client: EtcdClient) => Promise<unknown>,
): Promise<Load> {
  const endpoint = await end(cluster);
  const clients = Array.from({ length: CONNECTIONS }, () => cluster.client(endpoint));
  return {
    operate: async (client) => {
      const connection = clients[client % CONNECTIONS];
      if (connection !== undefined) await operate(connection);
    },
    end: () => {
      for (const client of clients) client.close();
    },
  };
}

export function etcdWrites(name: string, cluster: EtcdCluster): Side {
  const value = randomBytes(VALUE_BYTES);
  return {
    name,
    begin: async () =>
      await etcdLoad(cluster, etcdLeader, (client) => client.put(Buffer.from(`w${newId(realEnv)}`), value)),
  };
}

/** Ranges over one key: linearizable is etcd's default. */
export function etcdReads(name: string, cluster: EtcdCluster, end: EtcdEnd): Side {
  return { name, begin: async () => await etcdLoad(cluster, end, (client) => client.get(Buffer.from(readKey()))) };
}

export async function fillEtcd(cluster: EtcdCluster): Promise<void> {
  const client = cluster.client(await cluster.leader());
  const value = randomBytes(VALUE_BYTES);
  for (let at = 0; at < READ_KEYS; at += 1) await client.put(Buffer.from(`r${at}`), value);
  client.close();
}

function readKey(): string {
  return `r${Math.floor(Math.random() * READ_KEYS)}`;
}
