/** Daemons in this process on real TLS, gRPC, level and files, for integration tests. */
import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { readConfig, type RawSettings } from "../../src/daemon/config.ts";
import { Daemon } from "../../src/daemon/daemon.ts";
import { bootstrapCredentials } from "../../src/pki/credentials.ts";
import { call } from "../../src/proto/client.ts";
import { GrpcDialer } from "../../src/proto/grpc-client.ts";
import type { KeysOf, RequestInput, Response } from "../../src/proto/load.ts";
import type { AppError } from "../../src/util/errors.ts";
import { sleep } from "../../src/util/env.ts";
import { silentLogger, type Logger } from "../../src/util/log.ts";
import { realEnv } from "../../src/util/real-env.ts";

/** One machine's data directory and ports; `boot` is a start of its daemon. */
export class Host {
  readonly root: string;
  port: number;
  readonly httpPort: number;
  readonly fatal: AppError[] = [];
  /** What was logged as an error, for a test that failed. */
  readonly errors: unknown[] = [];
  readonly #log: Logger = {
    ...silentLogger,
    error: (...line) => this.errors.push(line),
    child: () => this.#log,
  };
  daemon: Daemon | null = null;

  constructor(root: string, ports: readonly number[]) {
    this.root = root;
    [this.port = 0, this.httpPort = 0] = ports;
    mkdirSync(root, { recursive: true });
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get socket(): string {
    return join(this.root, "s.sock");
  }

  get dataDir(): string {
    return join(this.root, "data");
  }

  make(flags: RawSettings = {}): Daemon {
    const config = readConfig(
      {
        dataDir: this.dataDir,
        socket: this.socket,
        listen: this.address,
        httpListen: `127.0.0.1:${this.httpPort}`,
        executor: "none",
        nodeName: "host",
        ...flags,
      },
      {},
      "",
    );
    return new Daemon(config, {
      env: realEnv,
      log: this.#log,
      version: "test",
      onFatal: (error) => this.fatal.push(error),
    });
  }

  async boot(flags: RawSettings = {}): Promise<Daemon> {
    this.daemon = this.make(flags);
    await this.daemon.start();
    return this.daemon;
  }

  async stop(): Promise<void> {
    await this.daemon?.stop({ goodbye: false });
    this.daemon = null;
  }

  async call<K extends KeysOf<"unary">>(key: K, request: RequestInput<K>, deadlineMs = 20_000): Promise<Response<K>> {
    const credentials = bootstrapCredentials(null);
    const dialer = new GrpcDialer({ env: realEnv, log: silentLogger, credentials });
    const channel = dialer.dial(`unix:${this.socket}`, { peer: { kind: "manager" }, profile: "control" });
    try {
      return await call(channel, key, request, { deadlineMs });
    } finally {
      channel.close();
    }
  }

  async state(): Promise<string> {
    return (await this.call("Daemon.Status", {})).state;
  }
}

export async function isOpen(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

export async function eventually(what: string, isDone: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  const until = realEnv.now() + ms;
  while (!(await isDone())) {
    if (realEnv.now() > until) throw new Error(`${what}: not within ${ms} ms`);
    await sleep(realEnv, 20);
  }
}
