import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { linkSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect as connectHttp2, type ClientHttp2Session } from "node:http2";
import { connect as netConnect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as tlsConnect } from "node:tls";
import { expect } from "chai";
import { waitFor } from "../../scripts/lib/run.ts";
import { bootstrapCredentials, RotatingCredentials } from "../../src/pki/credentials.ts";
import type { CredentialFiles } from "../../src/pki/types.ts";
import { LEAF_VALIDITY_MS } from "../../src/pki/x509.ts";
import { call } from "../../src/proto/client.ts";
import { GrpcDialer } from "../../src/proto/grpc-client.ts";
import { serveGrpc } from "../../src/proto/grpc-server.ts";
import { HANDSHAKES_MAX, STRANGER_BYTES_MAX } from "../../src/proto/grpc-strangers.ts";
import type { ByteStream, Caller, CallContext, Channel, Listener, PeerName } from "../../src/proto/rpc.ts";
import { Router } from "../../src/proto/router.ts";
import type { Env } from "../../src/util/env.ts";
import { AppError } from "../../src/util/errors.ts";
import { newId } from "../../src/util/id.ts";
import { silentLogger } from "../../src/util/log.ts";
import { realEnv } from "../../src/util/real-env.ts";
import { expectCode } from "../support/expect-code.ts";
import {
  adminFiles,
  Cleanup,
  dialerWith,
  nodeFiles,
  serveTls,
  testAuthority,
  watchStream,
  type TestAuthority,
} from "../support/grpc-harness.ts";

const MANAGER: PeerName = { kind: "manager" };
const GET_ROOT = "CertificateAuthority.GetRootCertificate";
const GET_CLUSTER = "Control.GetCluster";
const options = { deadlineMs: 5000 };
const DAY_MS = 86_400_000;

describe("grpc: who may speak", () => {
  const cleanup = new Cleanup();
  const managerId = newId(realEnv);
  const workerId = newId(realEnv);
  let ca: TestAuthority;
  let manager: CredentialFiles;
  let worker: CredentialFiles;
  let admin: CredentialFiles;
  let router: Router;
  let serving: RotatingCredentials;
  let listener: Listener;
  let callers: CallContext[];

  before(async () => {
    ca = await testAuthority();
    [manager, worker, admin] = await Promise.all([
      nodeFiles(ca, "manager", managerId),
      nodeFiles(ca, "worker", workerId),
      adminFiles(ca, "ada"),
    ]);
  });

  beforeEach(async () => {
    callers = [];
    router = new Router(silentLogger);
    router.unary(GET_ROOT, (_request, context) => {
      callers.push(context);
      return Promise.resolve({});
    });
    router.unary(GET_CLUSTER, (_request, context) => {
      callers.push(context);
      return Promise.resolve({});
    });
    serving = new RotatingCredentials(manager);
    listener = cleanup.add(await serveTls(router, serving));
  });

  afterEach(() => cleanup.run());

  function dialAs(files: CredentialFiles, { peer = MANAGER, address = listener.address } = {}): Channel {
    return cleanup.add(dialerWith(files).dial(address, { peer, profile: "raft" }));
  }

  function dialBare(rootCertificatePem: string | null = ca.rootCertificatePem): Channel {
    const credentials = bootstrapCredentials(rootCertificatePem);
    const dialer = new GrpcDialer({ credentials, env: realEnv, log: silentLogger });
    return cleanup.add(dialer.dial(listener.address, { peer: MANAGER, profile: "raft" }));
  }

  describe("by certificate", () => {
    it("lets anyone call what exists to get a certificate, and nothing else", async () => {
      const channel = dialBare();
      await call(channel, GET_ROOT, {}, options);
      expect(callers[0]?.caller).to.deep.equal({ kind: "anonymous" });
      const error = await expectCode(call(channel, GET_CLUSTER, {}, options), "unauthenticated");
      expect(error.details.next).to.be.a("string");
      expect(callers).to.have.length(1);
    });

    it("reads node and administrator from their certificates", async () => {
      await call(dialAs(worker), GET_ROOT, {}, options);
      await call(dialAs(admin), GET_CLUSTER, {}, options);
      const expected: Caller[] = [
        { kind: "node", nodeId: workerId, role: "worker", clusterId: ca.clusterId },
        { kind: "admin", name: "ada", clusterId: ca.clusterId },
      ];
      expect(callers.map(({ caller }) => caller)).to.deep.equal(expected);
    });

    it("denies Control to a worker's certificate", async () => {
      const error = await expectCode(call(dialAs(worker), GET_CLUSTER, {}, options), "denied");
      expect(error.message).to.contain(workerId);
      expect(callers).to.deep.equal([]);
    });

    it("takes a certificate of another cluster for none, and says so", async () => {
      const other = await testAuthority();
      const foreign = await nodeFiles(other, "manager", managerId);
      const channel = dialAs({ ...foreign, rootCertificatePem: ca.rootCertificatePem });
      const error = await expectCode(call(channel, GET_CLUSTER, {}, options), "unauthenticated");
      expect(error.message).to.match(/not issued by this cluster/);
      await call(channel, GET_ROOT, {}, options);
      expect(callers[0]?.caller.kind).to.equal("anonymous");
    });

    it("takes an expired certificate for none, and says when it ended", async () => {
      const past: Env = { ...realEnv, wallNow: () => realEnv.wallNow() - LEAF_VALIDITY_MS - DAY_MS };
      const old = await testAuthority(past);
      const expired = await adminFiles(old, "ada");
      const server = await nodeFiles({ ...old, signer: await signerNow(old) }, "manager", managerId);
      const own = cleanup.add(await serveTls(router, new RotatingCredentials(server)));
      const error = await expectCode(
        call(dialAs(expired, { address: own.address }), GET_CLUSTER, {}, options),
        "unauthenticated",
      );
      expect(error.message).to.contain(new X509Certificate(expired.certificatePem).validTo);
    });

    it("stops believing a certificate that expires under an open connection", async () => {
      let aheadMs = 0;
      const env: Env = { ...realEnv, wallNow: () => realEnv.wallNow() + aheadMs };
      const own = cleanup.add(await serveTls(router, serving, { env }));
      const channel = dialAs(admin, { address: own.address });
      await call(channel, GET_CLUSTER, {}, options);
      aheadMs = LEAF_VALIDITY_MS;
      const error = await expectCode(call(channel, GET_CLUSTER, {}, { deadlineMs: 60_000 }), "unauthenticated");
      expect(error.message).to.match(/valid until/);
    });

    it("refuses a server of another cluster before a byte of the request is sent", async () => {
      const other = await testAuthority();
      const channel = dialBare(other.rootCertificatePem);
      const error = await expectCode(call(channel, GET_ROOT, {}, options), "unavailable");
      expect(error.details.next).to.match(/belongs to this cluster/);
      expect(error.details["sent"]).to.equal("no");
      expect(callers).to.deep.equal([]);
    });

    it("refuses a server that is another node than the one dialled, or no manager", async () => {
      const wrong = dialAs(admin, { peer: { kind: "node", nodeId: newId(realEnv) } });
      await expectCode(call(wrong, GET_CLUSTER, {}, options), "unavailable");
      const right = dialAs(admin, { peer: { kind: "node", nodeId: managerId } });
      await call(right, GET_CLUSTER, {}, options);
      const impostor = cleanup.add(await serveTls(router, new RotatingCredentials(worker)));
      const error = await expectCode(
        call(dialAs(admin, { address: impostor.address }), GET_CLUSTER, {}, options),
        "unavailable",
      );
      expect(error.message).to.match(/it is no manager$/);
    });

    async function signerNow(authority: TestAuthority): Promise<TestAuthority["signer"]> {
      const { rootSigner } = await import("../../src/pki/root-ca.ts");
      return await rootSigner({ certificatePem: authority.rootCertificatePem, keyPem: authority.rootKeyPem }, realEnv);
    }
  });

  describe("after a removal", () => {
    it("refuses a removed node's next call, and closes its connections but nobody else's", async () => {
      const streams: ByteStream[] = [];
      router.rawStream("Session.Session" as "Raft.Stream", (stream) => {
        streams.push(stream);
        stream.attach({ onMessage: (bytes) => stream.write(bytes), onClose: () => undefined });
      });
      const removed = dialAs(worker);
      const other = dialAs(await nodeFiles(ca, "worker", newId(realEnv)));
      const path = router.paths[2]?.path ?? "";
      const gone = removed.stream(path, {});
      const stays = other.stream(path, {});
      const [goneSeen, staysSeen] = [watchStream(gone), watchStream(stays)];
      gone.write(Buffer.from("a"));
      stays.write(Buffer.from("b"));
      await Promise.all([goneSeen.first, staysSeen.first]);

      router.setIdentityCheck((caller) =>
        caller.kind === "node" && caller.nodeId === workerId ? new AppError("denied", "removed") : null,
      );
      listener.closeConnectionsOf(workerId);
      expect((await goneSeen.ended).end.error?.code).to.equal("unavailable");
      const again = watchStream(removed.stream(path, {}));
      expect((await again.ended).end.error?.message).to.equal("removed");
      stays.write(Buffer.from("c"));
      await waitFor("the answer", 5000, () => staysSeen.messages[1], 5);
      expect(staysSeen.messages.map(String)).to.deep.equal(["b", "c"]);
      stays.cancel();
    });
  });

  describe("on behalf of somebody", () => {
    const ada: Caller = { kind: "admin", name: "ada", clusterId: "x".repeat(25) };

    it("believes a manager, marks the call as forwarded, and puts its own cluster for the claimed one", async () => {
      await call(dialAs(manager), GET_CLUSTER, {}, { ...options, onBehalfOf: ada });
      expect(callers[0]?.caller).to.deep.equal({ ...ada, clusterId: ca.clusterId });
      expect(callers[0]?.forwarded).to.equal(true);
    });

    it("makes an administrator of another machine's local caller, never a local one", async () => {
      await call(dialAs(manager), GET_CLUSTER, {}, { ...options, onBehalfOf: { kind: "local" } });
      expect(callers[0]?.caller).to.deep.equal({ kind: "admin", name: "local", clusterId: ca.clusterId });
    });

    it("does not let a manager speak for a worker where a worker may not", async () => {
      const node: Caller = { kind: "node", nodeId: workerId, role: "worker", clusterId: ca.clusterId };
      await expectCode(call(dialAs(manager), GET_CLUSTER, {}, { ...options, onBehalfOf: node }), "denied");
    });

    for (const who of ["worker", "admin", "nobody"] as const) {
      it(`denies it to ${who}`, async () => {
        const channel = who === "worker" ? dialAs(worker) : who === "admin" ? dialAs(admin) : dialBare();
        const error = await expectCode(call(channel, GET_ROOT, {}, { ...options, onBehalfOf: ada }), "denied");
        expect(error.message).to.match(/Only a manager/);
        expect(callers).to.deep.equal([]);
      });
    }

    it("denies it to a manager that was removed", async () => {
      router.setIdentityCheck((caller) =>
        caller.kind === "node" && caller.nodeId === managerId ? new AppError("denied", "removed") : null,
      );
      const refusal = await expectCode(
        call(dialAs(manager), GET_CLUSTER, {}, { ...options, onBehalfOf: ada }),
        "denied",
      );
      // So that it can tell its caller's trouble from its own.
      expect(refusal.details["refused"]).to.equal("forwarder");
      expect(callers).to.deep.equal([]);
    });
  });

  describe("certificates that rotate", () => {
    it("serves and shows the new ones without a restart, while old streams live on", async () => {
      router.rawStream("Raft.Stream", (stream) =>
        stream.attach({ onMessage: (bytes) => stream.write(bytes), onClose: () => undefined }),
      );
      const credentials = new RotatingCredentials(manager);
      const dialer = new GrpcDialer({ credentials, env: realEnv, log: silentLogger });
      const channel = cleanup.add(dialer.dial(listener.address, { peer: MANAGER, profile: "control" }));
      const stream = channel.stream("/shoal.v1.Raft/Stream", {});
      let onEcho: () => void = () => undefined;
      const { first } = watchStream(stream, () => onEcho());
      stream.write(Buffer.from("before"));
      await first;
      expect(await servedSerial(listener.address)).to.equal(serialOf(manager));

      const renewedServer = await nodeFiles(ca, "manager", managerId);
      serving.update(renewedServer);
      expect(await servedSerial(listener.address)).to.equal(serialOf(renewedServer));
      credentials.update(await adminFiles(ca, "renewed"));
      await call(channel, GET_CLUSTER, {}, options);
      expect(callers.at(-1)?.caller).to.deep.include({ kind: "admin", name: "renewed" });

      const echoed = new Promise<void>((resolve) => (onEcho = resolve));
      stream.write(Buffer.from("after"));
      await echoed;
      stream.cancel();
    });

    function serialOf({ certificatePem }: CredentialFiles): string {
      return new X509Certificate(certificatePem).serialNumber;
    }

    function servedSerial(address: string): Promise<string> {
      const [host = "", port = ""] = address.split(":");
      return new Promise((resolve, reject) => {
        const socket = tlsConnect(
          { host, port: Number(port), rejectUnauthorized: false, ALPNProtocols: ["h2"] },
          () => {
            resolve(socket.getPeerCertificate().serialNumber);
            socket.destroy();
          },
        );
        socket.on("error", reject);
      });
    }
  });

  describe("garbage", () => {
    it("does not disturb others, before TLS, in it and after it", async () => {
      const channel = dialAs(admin);
      await call(channel, GET_CLUSTER, {}, options);
      const [host = "", port = ""] = listener.address.split(":");
      const target = { host, port: Number(port) };
      const sockets: Socket[] = [];
      for (const bytes of ["GET / HTTP/1.1\r\n\r\n", "\u0016\u0003\u0001\u0000\u0005hello", "x".repeat(100_000), ""]) {
        const socket = netConnect(target);
        socket.on("error", () => undefined);
        socket.end(bytes);
        sockets.push(socket);
      }
      for (const bytes of [
        "PRI * nonsense",
        "x".repeat(100_000),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\u0000\u0000\u0000\u00ff",
      ]) {
        const socket = tlsConnect({ ...target, rejectUnauthorized: false, ALPNProtocols: ["h2"] });
        socket.on("error", () => undefined);
        socket.write(bytes);
        sockets.push(socket);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
      await call(channel, GET_CLUSTER, {}, options);
      await call(dialAs(admin), GET_CLUSTER, {}, options);
      for (const socket of sockets) socket.destroy();
    });
  });

  describe("strangers", () => {
    const connectStranger = (): ClientHttp2Session => {
      const session = connectHttp2(`https://${listener.address}`, { rejectUnauthorized: false });
      session.on("error", () => undefined);
      return session;
    };

    it("cannot make it buffer their messages: beyond what a request for a certificate may need they are cut off", async () => {
      const stranger = connectStranger();
      const closed = once(stranger, "close");
      const head = Buffer.alloc(5);
      head.writeUInt32BE(4 * 1024 * 1024, 1);
      for (let at = 0; at < 20; at += 1) {
        const stream = stranger.request({
          ":method": "POST",
          ":path": "/shoal.v1.Control/CreateService",
          "content-type": "application/grpc",
          te: "trailers",
        });
        stream.on("error", () => undefined);
        stream.write(head);
        stream.write(Buffer.alloc(STRANGER_BYTES_MAX / 10));
      }
      await closed;
      await call(dialAs(admin), GET_CLUSTER, {}, options);
    });

    it("do not keep members out, however many they are", async () => {
      const sockets = Array.from({ length: HANDSHAKES_MAX + 20 }, () => {
        const [host = "", port = ""] = listener.address.split(":");
        const socket = netConnect({ host, port: Number(port) });
        socket.on("error", () => undefined);
        return socket;
      });
      const [first] = sockets;
      if (first === undefined) return;
      const dropped = once(first.resume(), "close");
      await Promise.all(sockets.map((socket) => once(socket, "connect")));
      await dropped;
      await call(dialAs(admin), GET_CLUSTER, {}, options);
      for (const socket of sockets) socket.destroy();
    });
  });

  describe("on a unix socket", () => {
    let folder: string;
    let path: string;

    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), "shoal-sock-"));
      path = join(folder, "shoal.sock");
    });

    afterEach(() => {
      rmSync(folder, { recursive: true });
    });

    const serveLocal = (): Promise<Listener> =>
      serveGrpc(router, { address: `unix:${path}`, env: realEnv, log: silentLogger });

    it("takes the caller for a local administrator, and opens the socket to owner and group only", async () => {
      const local = cleanup.add(await serveLocal());
      expect(local.address).to.equal(path);
      expect(statSync(path).mode & 0o777).to.equal(0o660);
      const channel = dialAs(admin, { address: `unix:${path}` });
      await call(channel, GET_CLUSTER, {}, options);
      expect(callers[0]?.caller).to.deep.equal({ kind: "local" });
    });

    it("refuses a path that is too long for a socket, instead of listening at the beginning of it", async () => {
      const long = join(folder, "x".repeat(100));
      const serving = serveGrpc(router, { address: `unix:${long}`, env: realEnv, log: silentLogger });
      const error = await expectCode(serving, "precondition");
      expect(error.details).to.include({ path: "socket" });
      expect(error.details.next).to.match(/--socket/);
      expect(readdirSync(folder)).to.deep.equal([]);
    });

    it("replaces the socket of a daemon that died", async () => {
      const dead = createServer();
      await new Promise<void>((resolve) => dead.listen(path, () => resolve()));
      // What a SIGKILL leaves: the file without a listener.
      const { _handle: handle } = dead as unknown as { _handle: { close(): void } };
      linkSync(path, `${path}.kept`);
      handle.close();
      renameSync(`${path}.kept`, path);
      expect(statSync(path).isSocket()).to.equal(true);
      cleanup.add(await serveLocal());
      await call(dialAs(admin, { address: `unix:${path}` }), GET_CLUSTER, {}, options);
    });

    it("leaves the socket of a living daemon alone", async () => {
      cleanup.add(await serveLocal());
      const error = await expectCode(serveLocal(), "precondition");
      expect(error.message)
        .to.match(/another daemon/)
        .and.contain(path);
      await call(dialAs(admin, { address: `unix:${path}` }), GET_CLUSTER, {}, options);
    });

    it("never removes a file that is no socket", async () => {
      writeFileSync(path, "precious");
      expect((await expectCode(serveLocal(), "precondition")).message).to.match(/not a socket/);
      expect(statSync(path).isFile()).to.equal(true);
    });

    it("reports a daemon that does not run at once, with what to do", async () => {
      const error = await expectCode(
        call(dialAs(admin, { address: `unix:${path}` }), GET_CLUSTER, {}, options),
        "unavailable",
      );
      expect(error.details.next).to.match(/shoal daemon/);
    });
  });

  it("says which address is taken", async () => {
    const error = await expectCode(serveTls(router, serving, { address: listener.address }), "precondition");
    expect(error.message).to.contain(listener.address).and.contain("EADDRINUSE");
    await expectCode(serveTls(router, serving, { address: "nonsense" }), "invalid");
  });
});
