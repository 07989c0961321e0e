// What lies under every write, measured alone on this machine: a synced write to disk, and a message there and back
// between two processes by TCP, TLS, a gRPC stream and a gRPC call.
import * as grpc from "@grpc/grpc-js";
import { fork } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { fdatasync, write } from "node:fs";
import { createServer, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { endWhenInterrupted } from "../lib/interruption.ts";
import { median, percentile, round } from "./stats.ts";

const MESSAGE_BYTES = 1024;
const RUNS = 3000;
/** Not counted: caches and compiler warm up. */
const WARM_RUNS = 1500;
const STREAM_PATH = "/floor/Stream";
const UNARY_PATH = "/floor/Unary";

type Spread = { readonly medianMs: number; readonly p95Ms: number };

const same = (bytes: Buffer): Buffer => bytes;

export async function floors(): Promise<Readonly<Record<string, Spread>>> {
  const child = fork(fileURLToPath(import.meta.url), ["serve"], { execArgv: process.execArgv });
  endWhenInterrupted(child);
  const [tcpPort, grpcPort] = await new Promise<[number, number]>((resolve) =>
    child.once("message", (ports) => resolve(ports as [number, number])),
  );
  try {
    return {
      fdatasync: await syncedWrite(),
      tcpEcho: await tcpEcho(tcpPort),
      grpcStreamEcho: await grpcEcho(grpcPort, streamEcho),
      grpcUnaryEcho: await grpcEcho(grpcPort, unaryEcho),
    };
  } finally {
    child.kill();
  }
}

async function timed(operation: () => Promise<unknown>): Promise<Spread> {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const from = performance.now();
    await operation();
    if (run >= WARM_RUNS) times.push(performance.now() - from);
  }
  return { medianMs: round(median(times), 3), p95Ms: round(percentile(times, 0.95), 3) };
}

async function syncedWrite(): Promise<Spread> {
  const folder = mkdtempSync(join(tmpdir(), "shoal-floor-"));
  const file = openSync(join(folder, "file"), "w");
  const bytes = Buffer.alloc(MESSAGE_BYTES);
  const append = promisify(write);
  const sync = promisify(fdatasync);
  try {
    return await timed(async () => {
      await append(file, bytes);
      await sync(file);
    });
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true });
  }
}

async function tcpEcho(port: number): Promise<Spread> {
  const socket = connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  await new Promise((resolve) => socket.once("connect", resolve));
  const bytes = Buffer.alloc(MESSAGE_BYTES);
  try {
    return await timed(
      async () =>
        await new Promise((resolve) => {
          socket.once("data", resolve);
          socket.write(bytes);
        }),
    );
  } finally {
    socket.destroy();
  }
}

type Echo = (client: grpc.Client) => { readonly once: () => Promise<unknown>; readonly end: () => void };

async function grpcEcho(port: number, open: Echo): Promise<Spread> {
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), { "grpc.enable_retries": 0 });
  const { once, end } = open(client);
  try {
    return await timed(once);
  } finally {
    end();
    client.close();
  }
}

const streamEcho: Echo = (client) => {
  const stream = client.makeBidiStreamRequest(STREAM_PATH, same, same);
  // Cancelling it is how it ends.
  stream.on("error", () => undefined);
  const bytes = Buffer.alloc(MESSAGE_BYTES);
  const once = (): Promise<unknown> =>
    new Promise((resolve) => {
      stream.once("data", resolve);
      stream.write(bytes);
    });
  return { once, end: () => stream.cancel() };
};

const unaryEcho: Echo = (client) => {
  const bytes = Buffer.alloc(MESSAGE_BYTES);
  const once = (): Promise<unknown> =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(UNARY_PATH, same, same, bytes, (error, answer) =>
        error === null ? resolve(answer) : reject(error),
      );
    });
  return { once, end: () => undefined };
};

/** The other process. */
async function serve(): Promise<void> {
  const tcp = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on("data", (bytes) => socket.write(bytes));
    socket.on("error", () => socket.destroy());
  });
  await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
  const server = new grpc.Server();
  server.register<Buffer, Buffer>(
    UNARY_PATH,
    (call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) => answer(null, call.request),
    same,
    same,
    "unary",
  );
  server.register<Buffer, Buffer>(
    STREAM_PATH,
    (stream: grpc.ServerDuplexStream<Buffer, Buffer>) => {
      stream.on("data", (bytes: Buffer) => stream.write(bytes));
      stream.on("error", () => undefined);
    },
    same,
    same,
    "bidi",
  );
  const grpcPort = await promisify(server.bindAsync.bind(server))(
    "127.0.0.1:0",
    grpc.ServerCredentials.createInsecure(),
  );
  const address = tcp.address();
  process.send?.([typeof address === "object" && address !== null ? address.port : 0, grpcPort]);
}

if (process.argv[2] === "serve") await serve();
