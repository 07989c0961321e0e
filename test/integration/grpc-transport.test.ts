import { createServer, type AddressInfo } from "node:net";
import { expect } from "chai";
import { RotatingCredentials } from "../../src/pki/credentials.ts";
import type { CredentialFiles } from "../../src/pki/types.ts";
import { call } from "../../src/proto/client.ts";
import { CONNECT_TIMEOUT_MS, HANDSHAKE_SILENCE_MS } from "../../src/proto/grpc-connection.ts";
import { MESSAGE_BYTES_MAX } from "../../src/proto/grpc-limits.ts";
import type { ByteStream, CallContext, Channel, Listener, StreamEnd } from "../../src/proto/rpc.ts";
import { Router } from "../../src/proto/router.ts";
import { AppError } from "../../src/util/errors.ts";
import { newId } from "../../src/util/id.ts";
import { silentLogger } from "../../src/util/log.ts";
import { realEnv } from "../../src/util/real-env.ts";
import { expectCode } from "../support/expect-code.ts";
import { fullBacklog } from "../support/full-backlog.ts";
import { Cleanup, dialerWith, nodeFiles, serveTls, testAuthority, watchStream } from "../support/grpc-harness.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

const MANAGER = { kind: "manager" } as const;
const STREAM = "/shoal.v1.Raft/Stream";
const SNAPSHOT = "/shoal.v1.Raft/FetchSnapshot";
const GET_ROOT = "CertificateAuthority.GetRootCertificate";
const options = { deadlineMs: 5000 };

describe("grpc: calls and streams over real TLS", () => {
  const cleanup = new Cleanup();
  let files: CredentialFiles;
  let router: Router;
  let listener: Listener;

  before(async () => {
    files = await nodeFiles(await testAuthority(), "manager", newId(realEnv));
  });

  beforeEach(async () => {
    router = new Router(silentLogger);
    listener = cleanup.add(await serveTls(router, new RotatingCredentials(files)));
  });

  afterEach(() => cleanup.run());

  function dial(address = listener.address, profile: "raft" | "control" | "bulk" = "raft"): Channel {
    return cleanup.add(dialerWith(files).dial(address, { peer: MANAGER, profile }));
  }

  /** Registers a handler for Raft.Stream; resolves with the server's end of the next stream. */
  function nextStream(): Promise<{ stream: ByteStream; context: CallContext }> {
    return new Promise((resolve) => router.rawStream("Raft.Stream", (stream, context) => resolve({ stream, context })));
  }

  function echo(): void {
    router.rawStream("Raft.Stream", (stream) =>
      stream.attach({ onMessage: (bytes) => stream.write(bytes), onEnd: () => stream.end(), onClose: () => undefined }),
    );
  }

  describe("errors and limits", () => {
    it("carries an AppError's code, text and details to the caller", async () => {
      router.unary(GET_ROOT, () =>
        Promise.reject(
          new AppError("conflict", "update out of sequence: é", { path: "spec.name", next: "read again" }),
        ),
      );
      const error = await expectCode(call(dial(), GET_ROOT, {}, options), "conflict");
      expect(error.message).to.equal("update out of sequence: é");
      expect(error.details).to.deep.equal({ path: "spec.name", next: "read again" });
    });

    it("carries a message with half a surrogate pair and line breaks", async () => {
      router.unary(GET_ROOT, () => Promise.reject(new AppError("invalid", `a\nb \ud800 ${"x".repeat(100_000)}`)));
      const error = await expectCode(call(dial(), GET_ROOT, {}, options), "invalid");
      expect(error.message).to.match(/^a b \ufffd x+$/);
    });

    it("keeps the text of an internal error in the process", async () => {
      router.unary(GET_ROOT, () => Promise.reject(new Error("secret")));
      const error = await expectCode(call(dial(), GET_ROOT, {}, options), "internal");
      expect(error.message).not.to.contain("secret");
    });

    it("answers unsupported for a path nobody knows and for one not served yet, and serves it from when it is", async () => {
      const channel = dial();
      await expectCode(channel.unary("/shoal.v1.Nope/Do", new Uint8Array(), options), "unsupported");
      await expectCode(call(channel, GET_ROOT, {}, options), "unsupported");
      router.unary(GET_ROOT, () => Promise.resolve({ clusterId: "now" }));
      expect((await call(channel, GET_ROOT, {}, options)).clusterId).to.equal("now");
    });

    it("refuses bytes that are no message of the RPC", async () => {
      router.unary(GET_ROOT, () => Promise.resolve({}));
      await expectCode(
        dial().unary("/shoal.v1.CertificateAuthority/GetRootCertificate", Buffer.from([0xff]), options),
        "invalid",
      );
    });

    it("carries a message of 8 MiB and refuses one byte more on the sender's side", async () => {
      echo();
      const channel = dial();
      const stream = channel.stream(STREAM, {});
      const seen = watchStream(stream);
      stream.write(Buffer.alloc(MESSAGE_BYTES_MAX));
      await seen.first;
      expect(seen.messages[0]?.length).to.equal(MESSAGE_BYTES_MAX);
      expect(() => stream.write(Buffer.alloc(MESSAGE_BYTES_MAX + 1))).to.throw(AppError, /too large/);
      stream.cancel();
      await expectCode(channel.unary(STREAM, Buffer.alloc(MESSAGE_BYTES_MAX + 1), options), "exhausted");
    });

    it("passes no second request of a server stream to the handler", async () => {
      const seen: number[] = [];
      router.rawStream("Raft.FetchSnapshot", (stream) =>
        stream.attach({ onMessage: (bytes) => seen.push(bytes.length), onClose: () => undefined }),
      );
      const stream = dial().stream(SNAPSHOT, {});
      const { ended } = watchStream(stream);
      stream.write(Buffer.alloc(0));
      stream.write(Buffer.alloc(0));
      expect((await ended).end.error?.code).to.equal("invalid");
      expect(seen).to.deep.equal([0]);
    });
  });

  describe("deadlines and cancellation", () => {
    /** A unary handler that waits for its signal. */
    function hang(): Promise<{ context: CallContext; aborted: Promise<void> }> {
      return new Promise((resolve) =>
        router.unary(GET_ROOT, (_request, context) => {
          const aborted = new Promise<void>((done) => context.signal.addEventListener("abort", () => done()));
          resolve({ context, aborted });
          return new Promise(() => undefined);
        }),
      );
    }

    it("ends a call at its deadline on both sides, and tells the handler how long it has", async () => {
      const handling = hang();
      const started = performance.now();
      const error = await expectCode(call(dial(), GET_ROOT, {}, { deadlineMs: 150 }), "deadline");
      expect(performance.now() - started).to.be.within(140, 1000);
      expect(error.message).to.match(/150 ms/);
      const { context, aborted } = await handling;
      expect(context.deadlineMs).to.be.within(1, 150);
      await aborted;
    });

    it("aborts the handler's signal when the caller aborts", async () => {
      const handling = hang();
      const controller = new AbortController();
      const result = expectCode(
        call(dial(), GET_ROOT, {}, { deadlineMs: 5000, signal: controller.signal }),
        "cancelled",
      );
      const { aborted } = await handling;
      controller.abort();
      await result;
      await aborted;
    });

    it("does not start a call whose signal has aborted", async () => {
      const signal = AbortSignal.abort();
      await expectCode(call(dial(), GET_ROOT, {}, { deadlineMs: 5000, signal }), "cancelled");
    });

    it("ends every call with cancelled when its channel closes, once", async () => {
      const handling = hang();
      const channel = dial();
      const unary = expectCode(call(channel, GET_ROOT, {}, options), "cancelled");
      const streaming = watchStream(channel.stream(STREAM, {}));
      const { aborted } = await handling;
      channel.close();
      channel.close();
      await unary;
      await aborted;
      expect((await streaming.ended).end.error?.code).to.equal("cancelled");
      await expectCode(call(channel, GET_ROOT, {}, options), "cancelled");
    });

    it("tells the server's handler that the client cancelled a stream, without a reset", async () => {
      const opened = nextStream();
      const stream = dial().stream(STREAM, {});
      const client = watchStream(stream);
      stream.write(Buffer.from("x"));
      const { stream: served, context } = await opened;
      const server = watchStream(served);
      await server.first;
      stream.cancel();
      expect((await client.ended).end.error?.code).to.equal("cancelled");
      const { end } = await server.ended;
      expect(end.error?.code).to.equal("cancelled");
      expect(end.reset).to.equal(false);
      expect(context.signal.aborted).to.equal(true);
    });

    it("ends a stream at its deadline on both sides", async () => {
      const opened = nextStream();
      const client = watchStream(dial().stream(STREAM, { deadlineMs: 100 }));
      const server = watchStream((await opened).stream);
      expect((await client.ended).end.error?.code).to.equal("deadline");
      expect((await server.ended).end.error?.code).to.be.oneOf(["deadline", "cancelled"]);
    });

    it("carries a handler's error on a stream as a deliberate end", async () => {
      const opened = nextStream();
      const client = watchStream(dial().stream(STREAM, {}));
      const { stream } = await opened;
      const server = watchStream(stream);
      stream.write(Buffer.from("last words"));
      stream.cancel(new AppError("precondition", "no more"));
      const { end } = await client.ended;
      expect(end).to.deep.include({ reset: false });
      expect(end.error?.message).to.equal("no more");
      expect(client.messages.map(String)).to.deep.equal(["last words"]);
      expect((await server.ended).end.error?.message).to.equal("no more");
    });

    it("closes a stream in order when both sides end it", async () => {
      echo();
      const stream = dial().stream(STREAM, {});
      const client = watchStream(stream);
      for (let n = 0; n < 100; n += 1) stream.write(Buffer.from([n]));
      stream.end();
      const { end } = await client.ended;
      expect(end).to.deep.equal({ error: null, reset: false });
      expect(client.messages.map((bytes) => bytes[0])).to.deep.equal(Array.from({ length: 100 }, (_, n) => n));
    });
  });

  describe("back-pressure", () => {
    const CHUNK = Buffer.alloc(16 * 1024);
    const MANY = 2000;

    /** Writes until told to stop; resolves with the bytes accepted once nothing moves for a while. */
    async function flood(write: (bytes: Buffer) => boolean): Promise<number> {
      let accepted = 0;
      for (let n = 0; n < MANY; n += 1) {
        accepted += CHUNK.length;
        if (!write(CHUNK)) break;
        if (n % 8 === 7) await new Promise((resolve) => setImmediate(resolve));
      }
      return accepted;
    }

    it("stops a client whose server does not read, and wakes it when it does", async () => {
      const opened = nextStream();
      const stream = dial(undefined, "bulk").stream(STREAM, {});
      let drained: () => void = () => undefined;
      const onDrained = new Promise<void>((resolve) => (drained = resolve));
      stream.attach({ onMessage: () => undefined, onDrain: () => drained(), onClose: () => undefined });
      const { stream: served } = await opened;
      let received = 0;
      served.pause();
      served.attach({ onMessage: (bytes) => (received += bytes.length), onClose: () => undefined });
      served.pause();
      let accepted = 0;
      // Kernel and HTTP/2 buffers take some; then nothing more, however long one tries.
      // A node's window is 1 MiB; were it the 64 KiB of HTTP/2, a batch of entries would wait for turns of the loop.
      for (let round = 0; round < 20; round += 1) {
        accepted += await flood((bytes) => stream.write(bytes));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      expect(accepted).to.be.within(1024 * 1024, 3 * 1024 * 1024);
      expect(received).to.equal(0);
      served.resume();
      await onDrained;
      stream.cancel();
    });

    it("stops a server whose client does not read, and loses nothing", async () => {
      const opened = nextStream();
      const stream = dial().stream(STREAM, {});
      let received = 0;
      let gotAll: () => void = () => undefined;
      const all = new Promise<void>((resolve) => (gotAll = resolve));
      let accepted = 0;
      let isDone = false;
      stream.attach({
        onMessage: (bytes) => {
          received += bytes.length;
          if (isDone && received === accepted) gotAll();
        },
        onClose: () => undefined,
      });
      stream.pause();
      const { stream: served } = await opened;
      let drains = 0;
      served.attach({ onMessage: () => undefined, onDrain: () => (drains += 1), onClose: () => undefined });
      accepted = await flood((bytes) => served.write(bytes));
      // A raft profile's window is 1 MiB; beyond it and our own budget nothing is taken.
      expect(accepted).to.be.at.most(4 * 1024 * 1024);
      const atPause = received;
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(received).to.equal(atPause);
      isDone = true;
      stream.resume();
      await all;
      expect(drains).to.equal(1);
      stream.cancel();
    });

    it("ends a stream whose writer ignores it instead of eating the memory", async () => {
      const opened = nextStream();
      const stream = dial().stream(STREAM, {});
      watchStream(stream);
      stream.pause();
      const { stream: served } = await opened;
      const server = watchStream(served);
      for (let n = 0; n < 4096; n += 1) served.write(CHUNK);
      expect((await server.ended).end.error?.code).to.equal("exhausted");
      stream.cancel();
    });

    it("ends a stream that is cancelled behind unread data", async () => {
      const opened = nextStream();
      const stream = dial().stream(STREAM, {});
      const client = watchStream(stream);
      stream.pause();
      const { stream: served, context } = await opened;
      const server = watchStream(served);
      // More than the client's window: the status cannot follow, so only a reset of the stream ends it.
      for (let n = 0; n < 256; n += 1) served.write(CHUNK);
      const started = performance.now();
      served.cancel(new AppError("denied", "out"));
      expect((await server.ended).end.error?.message).to.equal("out");
      const { end, atMs } = await client.ended;
      expect(end.error?.code).to.equal("unavailable");
      expect(end.reset).to.equal(false);
      expect(atMs - started).to.be.within(900, 2000);
      expect(context.caller.kind).to.equal("node");
    });
  });

  describe("broken connections", () => {
    async function proxied(): Promise<{ proxy: TcpProxy; channel: Channel }> {
      const proxy = cleanup.add(await TcpProxy.to(listener.address));
      return { proxy, channel: dial(proxy.address) };
    }

    it("reports a reset at both ends of a stream in less than 50 ms", async () => {
      for (const cut of ["reset", "resetServerSide"] as const) {
        const delays: number[] = [];
        // The best of three: a loaded machine may be late, the transport may not.
        for (let round = 0; round < 3; round += 1) {
          const opened = nextStream();
          const { proxy, channel } = await proxied();
          const stream = channel.stream(STREAM, {});
          const client = watchStream(stream);
          const server = watchStream((await opened).stream);
          stream.write(Buffer.from("x"));
          await server.first;
          const at = performance.now();
          proxy[cut]();
          const ends = await Promise.all([client.ended, server.ended]);
          for (const { end } of ends) {
            expect(end.error?.code).to.equal("unavailable");
            expect(end.reset).to.equal(true);
          }
          delays.push(Math.max(...ends.map(({ atMs }) => atMs - at)));
        }
        expect(Math.min(...delays)).to.be.below(50);
      }
    });

    it("reports a refused connection as a reset, at once", async () => {
      const { address } = listener;
      await listener.close();
      const channel = dial(address);
      const started = performance.now();
      const { end, atMs } = await watchStream(channel.stream(STREAM, {})).ended;
      expect(end.reset).to.equal(true);
      expect(end.error?.code).to.equal("unavailable");
      expect(end.error?.message).to.contain(address).and.contain("ECONNREFUSED");
      expect(end.error?.details["sent"]).to.equal("no");
      expect(atMs - started).to.be.below(500);
      await expectCode(call(channel, GET_ROOT, {}, options), "unavailable");
    });

    it("ends a unary call whose connection breaks as unavailable that may have been sent", async () => {
      const { proxy, channel } = await proxied();
      router.unary(GET_ROOT, () => {
        proxy.reset();
        return new Promise(() => undefined);
      });
      const error = await expectCode(call(channel, GET_ROOT, {}, options), "unavailable");
      expect(error.details["sent"]).to.equal("maybe");
    });

    it("reconnects within a second after the server is back", async () => {
      const { address } = listener;
      router.unary(GET_ROOT, () => Promise.resolve({ clusterId: "back" }));
      const channel = dial(address);
      await call(channel, GET_ROOT, {}, options);
      await listener.close();
      for (let n = 0; n < 20; n += 1) await expectCode(call(channel, GET_ROOT, {}, options), "unavailable");
      cleanup.add(await serveTls(router, new RotatingCredentials(files), { address }));
      const started = performance.now();
      for (;;) {
        try {
          await call(channel, GET_ROOT, {}, options);
          break;
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      }
      expect(performance.now() - started).to.be.below(1000);
    });

    it("gives up a server that accepts and never answers, and finds the one that takes its place", async () => {
      const mute = createServer(() => undefined);
      await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", () => resolve()));
      const { port } = mute.address() as AddressInfo;
      const sockets = new Set<{ destroy(): void }>();
      mute.on("connection", (socket) => sockets.add(socket));
      const channel = dial(`127.0.0.1:${port}`);
      const started = performance.now();
      const streaming = watchStream(channel.stream(STREAM, {}));
      const error = await expectCode(call(channel, GET_ROOT, {}, { deadlineMs: 10_000 }), "unavailable");
      expect(performance.now() - started).to.be.within(HANDSHAKE_SILENCE_MS - 100, HANDSHAKE_SILENCE_MS + 1500);
      expect(error.message).to.match(/no connection within 2\d\d\d ms/);
      expect((await streaming.ended).end.reset).to.equal(false);
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => mute.close(() => resolve()));
      router.unary(GET_ROOT, () => Promise.resolve({ clusterId: "real" }));
      cleanup.add(await serveTls(router, new RotatingCredentials(files), { address: `127.0.0.1:${port}` }));
      expect((await call(channel, GET_ROOT, {}, options)).clusterId).to.equal("real");
    });

    it("gives up an address whose kernel never answers after a second", async () => {
      const full = cleanup.add(await fullBacklog());
      const channel = dial(`127.0.0.1:${full.port}`);
      const started = performance.now();
      const error = await expectCode(call(channel, GET_ROOT, {}, { deadlineMs: 10_000 }), "unavailable");
      expect(performance.now() - started).to.be.within(CONNECT_TIMEOUT_MS - 100, CONNECT_TIMEOUT_MS + 1000);
      expect(error.details["sent"]).to.equal("no");
    });

    it("does not take silence for a reset: a frozen wire ends by keepalive", async () => {
      const opened = nextStream();
      const { proxy, channel } = await proxied();
      const stream = channel.stream(STREAM, {});
      const client = watchStream(stream);
      await opened;
      proxy.freeze();
      const { end } = await client.ended;
      expect(end.error?.code).to.equal("unavailable");
      expect(end.reset).to.equal(false);
    }).timeout(10_000);

    it("ends calls and streams with a reason when the server closes, and closes in less than a second", async () => {
      const opened = nextStream();
      const channel = dial();
      const client = watchStream(channel.stream(STREAM, {}));
      const server = watchStream((await opened).stream);
      const started = performance.now();
      await listener.close();
      expect(performance.now() - started).to.be.below(1000);
      const ends: StreamEnd[] = [(await client.ended).end, (await server.ended).end];
      for (const end of ends) {
        expect(end.error?.code).to.equal("unavailable");
        expect(end.error?.message).to.match(/stopping/);
        expect(end.reset).to.equal(false);
      }
    });
  });

  describe("connections", () => {
    it("shares one control connection between its users, and gives raft and bulk their own", async () => {
      router.unary(GET_ROOT, () => Promise.resolve({}));
      const proxy = cleanup.add(await TcpProxy.to(listener.address));
      const dialer = dialerWith(files);
      const first = dialer.dial(proxy.address, { peer: MANAGER, profile: "control" });
      const second = dialer.dial(proxy.address, { peer: MANAGER, profile: "control" });
      await Promise.all([call(first, GET_ROOT, {}, options), call(second, GET_ROOT, {}, options)]);
      expect(proxy.connections).to.equal(1);
      first.close();
      await call(second, GET_ROOT, {}, options);
      const raft = cleanup.add(dialer.dial(proxy.address, { peer: MANAGER, profile: "raft" }));
      const bulk = cleanup.add(dialer.dial(proxy.address, { peer: MANAGER, profile: "bulk" }));
      await Promise.all([call(raft, GET_ROOT, {}, options), call(bulk, GET_ROOT, {}, options)]);
      expect(proxy.connections).to.equal(3);
      second.close();
      await expectCode(call(second, GET_ROOT, {}, options), "cancelled");
    });
  });
});
