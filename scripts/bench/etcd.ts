// A three-member etcd on loopback to measure against, from Debian's etcd-server, in the clear or with mutual TLS between
// all of them, and a client for it on the same gRPC library as Shoal's. Data directories are temporary; nothing is left
// after stop().
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

import { freePorts } from "../lib/free-ports.ts";
import { cleanupOnce } from "../lib/interruption.ts";
import { Hopeless, run, runOk, stopChild, waitFor } from "../lib/run.ts";
import { ROOT } from "../lib/shoal.ts";

const READY_MS = 30_000;
/** Members hand over leadership for seconds at SIGTERM; nothing here is worth keeping. */
const STOP_MS = 500;
const CALL_MS = 10_000;
const INSTALL_MS = 900_000;

export type EtcdStatus = { readonly version: string; readonly memberId: string; readonly leaderId: string };

export class EtcdClient {
  readonly #client: grpc.Client;

  constructor(endpoint: string, credentials: grpc.ChannelCredentials) {
    this.#client = new grpc.Client(endpoint, credentials, {
      // A connection of its own: grpc-js shares subchannels of equal options otherwise.
      "grpc.use_local_subchannel_pool": 1,
      // A name, because TLS has none for an IP address.
      "grpc.ssl_target_name_override": "localhost",
    });
  }

  /** Resolves when a majority has synced the write. */
  async put(key: Buffer, value: Buffer, deadlineMs: number = CALL_MS): Promise<void> {
    await this.#call(PUT, { key, value }, deadlineMs);
  }

  /** A linearizable read of one key. @throws Error if there is no such key */
  async get(key: Buffer, deadlineMs: number = CALL_MS): Promise<Buffer> {
    const { kvs } = await this.#call(RANGE, { key }, deadlineMs);
    const value = kvs?.[0]?.value;
    if (value === undefined) throw new Error(`etcd has no ${key.toString()}`);
    return value;
  }

  async status(deadlineMs: number = CALL_MS): Promise<EtcdStatus> {
    const { header, version, leader } = await this.#call(STATUS, {}, deadlineMs);
    return { version, memberId: header?.member_id ?? "0", leaderId: leader };
  }

  close(): void {
    this.#client.close();
  }

  async #call<Q, R>(method: Method<Q, R>, request: Q, deadlineMs: number): Promise<R> {
    return await new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + deadlineMs };
      const { path, requestSerialize, responseDeserialize } = method;
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        options,
        (error, response) => {
          if (error !== null) reject(error);
          else if (response === undefined) reject(new Error(`${path} answered nothing`));
          else resolve(response);
        },
      );
    });
  }
}

type Method<Q, R> = {
  readonly path: string;
  readonly requestSerialize: (value: Q) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => R;
};
type Header = { readonly member_id: string };
type StatusAnswer = { readonly header: Header | null; readonly version: string; readonly leader: string };

// uint64 as text: member ids use all 64 bits.
const DEFINITIONS = loadSync(join(dirname(fileURLToPath(import.meta.url)), "etcd.proto"), {
  keepCase: true,
  longs: String,
  defaults: true,
});
const PUT = method<{ key: Buffer; value: Buffer }, unknown>("etcdserverpb.KV", "Put");
const RANGE = method<{ key: Buffer }, { readonly kvs?: readonly { readonly value: Buffer }[] }>(
  "etcdserverpb.KV",
  "Range",
);
const STATUS = method<object, StatusAnswer>("etcdserverpb.Maintenance", "Status");

function method<Q, R>(service: string, name: string): Method<Q, R> {
  const definition = DEFINITIONS[service];
  if (definition === undefined) throw new Error(`etcd.proto has no service ${service}`);
  // The loader knows the shapes only at run time; the types above are etcd.proto's.
  const found = (definition as unknown as Record<string, Method<Q, R>>)[name];
  if (found === undefined) throw new Error(`etcd.proto has no method ${service}.${name}`);
  return found;
}

export class EtcdCluster implements AsyncDisposable {
  readonly endpoints: readonly string[];
  readonly folder: string;
  readonly #members: readonly ChildProcess[];
  readonly #credentials: grpc.ChannelCredentials;

  constructor(options: {
    endpoints: readonly string[];
    folder: string;
    members: readonly ChildProcess[];
    credentials: grpc.ChannelCredentials;
  }) {
    this.endpoints = options.endpoints;
    this.folder = options.folder;
    this.#members = options.members;
    this.#credentials = options.credentials;
    process.once("exit", this.#killNow);
  }

  client(endpoint: string): EtcdClient {
    return new EtcdClient(endpoint, this.#credentials);
  }

  /** Where the leader listens: writes through a follower pay one more hop. */
  async leader(): Promise<string> {
    for (const endpoint of this.endpoints) {
      const client = this.client(endpoint);
      try {
        const { memberId, leaderId } = await client.status();
        if (memberId === leaderId && leaderId !== "0") return endpoint;
      } finally {
        client.close();
      }
    }
    throw new Error("No etcd member says it leads");
  }

  readonly stop = cleanupOnce(async () => {
    await Promise.all(this.#members.map(async (member) => await stopChild(member, STOP_MS)));
    rmSync(this.folder, { recursive: true, force: true });
    process.off("exit", this.#killNow);
  });

  readonly #killNow = (): void => {
    for (const member of this.#members) member.kill("SIGKILL");
  };

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Installs Debian's package where there is none. @throws where that cannot be */
async function ensureEtcd(): Promise<void> {
  if ((await run(["etcd", "--version"])).code === 0) return;
  process.stderr.write("etcd is not installed: installing Debian's etcd-server\n");
  const script = `set -euo pipefail; ROOT='${ROOT}'; . scripts/lib/engine.sh; etcd_ensure >&2`;
  const { code, stderr } = await run(["bash", "-c", script], { cwd: ROOT, timeoutMs: INSTALL_MS });
  if (code === 0) return;
  const why = stderr.trim().split("\n").at(-1) ?? "";
  throw new Error(`Cannot measure beside etcd: ${why}\nInstall it (apt-get install etcd-server), or give --no-etcd`);
}

/** One self-signed certificate of the kind that Shoal's nodes have, which every member and client shows and trusts. */
async function makeCertificate(folder: string): Promise<{ readonly cert: string; readonly key: string }> {
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const what = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 1 -subj /CN=etcd";
  const names = "-addext subjectAltName=IP:127.0.0.1,DNS:localhost -addext extendedKeyUsage=serverAuth,clientAuth";
  await runOk(["openssl", ...`${what} ${names}`.split(" "), "-keyout", key, "-out", cert]);
  return { cert, key };
}

function removed(folder: string, error: unknown): never {
  rmSync(folder, { recursive: true, force: true });
  throw error;
}

/**
 * @param options.parent folder for the data directories: on the same disk as what it is compared with
 * @param options.tls mutual TLS, for clients and among the members
 */
export async function startEtcd({ parent = tmpdir(), count = 3, tls = false } = {}): Promise<EtcdCluster> {
  await ensureEtcd();
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, "shoal-etcd-"));
  const files = tls ? await makeCertificate(folder).catch((error: unknown) => removed(folder, error)) : null;
  const ports = await freePorts(count * 2);
  const names = Array.from({ length: count }, (_, i) => `e${i + 1}`);
  const client = (i: number): string => `127.0.0.1:${ports[i]}`;
  const scheme = tls ? "https" : "http";
  const peer = (i: number): string => `${scheme}://127.0.0.1:${ports[count + i]}`;
  const members = names.map((name, i) => {
    const log = openSync(join(folder, `${name}.log`), "a");
    const args = [
      ["--name", name, "--data-dir", join(folder, name), "--log-level", "error", "--logger", "zap"],
      ["--listen-client-urls", `${scheme}://${client(i)}`, "--advertise-client-urls", `${scheme}://${client(i)}`],
      ["--listen-peer-urls", peer(i), "--initial-advertise-peer-urls", peer(i)],
      ["--initial-cluster", names.map((other, j) => `${other}=${peer(j)}`).join(","), "--initial-cluster-state", "new"],
      files === null ? [] : tlsFlags(files),
    ];
    const child = spawn("etcd", args.flat(), { stdio: ["ignore", log, log] });
    closeSync(log);
    return child;
  });
  const credentials =
    files === null
      ? grpc.credentials.createInsecure()
      : grpc.credentials.createSsl(readFileSync(files.cert), readFileSync(files.key), readFileSync(files.cert));
  const cluster = new EtcdCluster({ endpoints: names.map((_, i) => client(i)), folder, members, credentials });
  try {
    await waitFor("a leader of etcd", READY_MS, async () => {
      const ended = members.findIndex((member) => member.exitCode !== null);
      if (ended >= 0)
        throw new Hopeless(`etcd ended: ${readFileSync(join(folder, `${names[ended]}.log`), "utf8").slice(-500)}`);
      return await cluster.leader();
    });
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

function tlsFlags({ cert, key }: { readonly cert: string; readonly key: string }): string[] {
  return ["", "peer-"].flatMap((whose) => [
    `--${whose}cert-file=${cert}`,
    `--${whose}key-file=${key}`,
    `--${whose}trusted-ca-file=${cert}`,
    `--${whose}client-cert-auth`,
  ]);
}
