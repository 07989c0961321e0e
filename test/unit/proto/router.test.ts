import { expect } from "chai";
import { rpc, RPC_KEYS, type RpcKey } from "../../../src/proto/load.ts";
import type { ByteStream, CallContext, Caller, StreamHandlers } from "../../../src/proto/rpc.ts";
import { describeCaller, Router } from "../../../src/proto/router.ts";
import { AppError, type ErrorCode } from "../../../src/util/errors.ts";
import { silentLogger } from "../../../src/util/log.ts";
import { expectCode } from "../../support/expect-code.ts";

const CLUSTER = "c".repeat(25);
const CALLERS = {
  anonymous: { kind: "anonymous" },
  worker: { kind: "node", nodeId: "w".repeat(25), role: "worker", clusterId: CLUSTER },
  manager: { kind: "node", nodeId: "m".repeat(25), role: "manager", clusterId: CLUSTER },
  admin: { kind: "admin", name: "ada", clusterId: CLUSTER },
  local: { kind: "local" },
} as const satisfies Record<string, Caller>;

function context(caller: Caller, forwarded = false): CallContext {
  return { caller, forwarded, signal: new AbortController().signal, deadlineMs: undefined };
}

function send(router: Router, key: RpcKey, caller: Caller, request: object = {}): Promise<Uint8Array> {
  const { path, encodeRequest } = rpc(key);
  return router.dispatchUnary(path, encodeRequest(request), context(caller));
}

class FakeStream implements ByteStream {
  readonly written: Uint8Array[] = [];
  handlers: StreamHandlers | null = null;
  cancelled: AppError | undefined;

  attach(handlers: StreamHandlers): void {
    this.handlers = handlers;
  }
  write(data: Uint8Array): boolean {
    this.written.push(data);
    return true;
  }
  end(): void {}
  cancel(error?: AppError): void {
    this.cancelled = error;
  }
  pause(): void {}
  resume(): void {}
}

describe("proto/router", () => {
  let router: Router;

  beforeEach(() => {
    router = new Router(silentLogger);
  });

  describe("who may call what", () => {
    const table: Record<keyof typeof CALLERS, Record<string, ErrorCode | "ok">> = {
      anonymous: {
        "CertificateAuthority.GetRootCertificate": "ok",
        "Control.GetCluster": "unauthenticated",
        "Daemon.Status": "unauthenticated",
        "Raft.Join": "unauthenticated",
      },
      worker: {
        "CertificateAuthority.GetRootCertificate": "ok",
        "Control.GetCluster": "denied",
        "Daemon.Status": "denied",
        "Raft.Join": "denied",
      },
      manager: {
        "CertificateAuthority.GetRootCertificate": "ok",
        "Daemon.Status": "denied",
        "Raft.Join": "ok",
      },
      admin: { "Control.GetCluster": "ok", "Daemon.Status": "denied", "Raft.Join": "denied" },
      local: { "Control.GetCluster": "ok", "Daemon.Status": "ok", "Raft.Join": "denied" },
    };
    for (const [who, rules] of Object.entries(table)) {
      for (const [key, expected] of Object.entries(rules)) {
        it(`${who} calling ${key}: ${expected}`, async () => {
          const caller = CALLERS[who as keyof typeof CALLERS];
          for (const known of RPC_KEYS)
            if (rpc(known).kind === "unary") router.unary(known as "Control.GetCluster", () => Promise.resolve({}));
          if (expected === "ok") await send(router, key as RpcKey, caller);
          else await expectCode(send(router, key as RpcKey, caller), expected);
        });
      }
    }

    it("asks about the identity at each call, but not of those who need none", async () => {
      const refused: Caller[] = [];
      router.setIdentityCheck((caller) => {
        refused.push(caller);
        return new AppError("denied", "removed");
      });
      router.unary("Control.GetCluster", () => Promise.resolve({}));
      router.unary("CertificateAuthority.GetRootCertificate", () => Promise.resolve({}));
      expect((await expectCode(send(router, "Control.GetCluster", CALLERS.admin), "denied")).message).to.equal(
        "removed",
      );
      await send(router, "CertificateAuthority.GetRootCertificate", CALLERS.worker);
      expect(refused).to.deep.equal([CALLERS.admin]);
    });

    it("refuses a stream to whom it refuses a call, and the handler never sees it", () => {
      let opened = 0;
      router.rawStream("Raft.Stream", () => (opened += 1));
      for (const [who, code] of [
        ["worker", "denied"],
        ["anonymous", "unauthenticated"],
      ] as const) {
        const stream = new FakeStream();
        router.dispatchStream("/shoal.v1.Raft/Stream", stream, context(CALLERS[who]));
        expect(stream.cancelled?.code).to.equal(code);
      }
      expect(opened).to.equal(0);
      router.dispatchStream("/shoal.v1.Raft/Stream", new FakeStream(), context(CALLERS.manager));
      expect(opened).to.equal(1);
    });
  });

  describe("the leader", () => {
    const forwarded: [string, CallContext][] = [];
    let isLeader: boolean;

    beforeEach(() => {
      forwarded.length = 0;
      isLeader = false;
      router.unary("Control.CreateService", () => Promise.resolve({}));
      router.unary("Control.GetCluster", () => Promise.resolve({}));
      router.setLeaderRoute({
        isLeader: () => isLeader,
        forward: (path, _request, callContext) => {
          forwarded.push([path, callContext]);
          return Promise.resolve(rpc("Control.CreateService").encodeResponse({}));
        },
      });
    });

    it("gets a mutation from a follower, with its caller, and a read stays", async () => {
      await send(router, "Control.CreateService", CALLERS.admin);
      await send(router, "Control.GetCluster", CALLERS.admin);
      expect(forwarded.map(([path, { caller }]) => [path, caller])).to.deep.equal([
        ["/shoal.v1.Control/CreateService", CALLERS.admin],
      ]);
    });

    it("serves it itself", async () => {
      isLeader = true;
      await send(router, "Control.CreateService", CALLERS.admin);
      expect(forwarded).to.deep.equal([]);
    });

    it("is refused a forwarded change with a field it does not know: its follower may be a later version", async () => {
      const router2 = new Router(silentLogger);
      router2.unary("Control.CreateService", () => Promise.reject(new Error("was called")));
      const { path } = rpc("Control.CreateService");
      const bytes = Buffer.from([0x98, 0x06, 0x01]); // field 99
      const error = await expectCode(router2.dispatchUnary(path, bytes, context(CALLERS.admin, true)), "invalid");
      expect(error.message).to.include("unknown field number 99");
    });

    it("is not asked twice: a forwarded call that meets a follower fails as not-leader", async () => {
      const { path, encodeRequest } = rpc("Control.CreateService");
      await expectCode(router.dispatchUnary(path, encodeRequest({}), context(CALLERS.admin, true)), "not-leader");
      expect(forwarded).to.deep.equal([]);
    });

    it("gets a change that this manager was deposed in the middle of, once", async () => {
      isLeader = true;
      router.unary("Control.CreateService", () => Promise.reject(new AppError("not-leader", "deposed")));
      await send(router, "Control.CreateService", CALLERS.admin);
      expect(forwarded.map(([path]) => path)).to.deep.equal(["/shoal.v1.Control/CreateService"]);
      const { path, encodeRequest } = rpc("Control.CreateService");
      await expectCode(router.dispatchUnary(path, encodeRequest({}), context(CALLERS.admin, true)), "not-leader");
      router.unary("Control.CreateService", () => Promise.reject(new AppError("unknown-outcome", "who knows")));
      await expectCode(send(router, "Control.CreateService", CALLERS.admin), "unknown-outcome");
      expect(forwarded).to.have.length(1);
    });

    it("is not asked for what the caller may not do", async () => {
      await expectCode(send(router, "Control.CreateService", CALLERS.worker), "denied");
      expect(forwarded).to.deep.equal([]);
    });
  });

  it("refuses a mutation with a field it does not know, and lets a read have one", async () => {
    router.unary("Control.CreateService", () => Promise.resolve({}));
    router.unary("Control.GetCluster", () => Promise.resolve({}));
    // Field 99, varint 1.
    const unknown = Buffer.from([0x98, 0x06, 0x01]);
    const mutation = router.dispatchUnary("/shoal.v1.Control/CreateService", unknown, context(CALLERS.admin));
    expect((await expectCode(mutation, "invalid")).message).to.match(/unknown field number 99/);
    await router.dispatchUnary("/shoal.v1.Control/GetCluster", unknown, context(CALLERS.admin));
  });

  it("replaces a handler that is registered again, and forgets one that is taken away", async () => {
    router.unary("Control.GetCluster", () => Promise.reject(new AppError("conflict", "first")));
    router.unary("Control.GetCluster", () => Promise.resolve({}));
    await send(router, "Control.GetCluster", CALLERS.admin);
    expect(router.paths).to.deep.equal([{ path: "/shoal.v1.Control/GetCluster", kind: "unary" }]);
    router.unregister("Control.GetCluster");
    await expectCode(send(router, "Control.GetCluster", CALLERS.admin), "unsupported");
    expect(router.paths).to.deep.equal([]);
  });

  it("ends a typed stream whose message does not decode as invalid", () => {
    const seen: unknown[] = [];
    router.stream("Raft.Stream", (stream) =>
      stream.attach({ onMessage: (message) => seen.push(message), onClose: () => undefined }),
    );
    const stream = new FakeStream();
    router.dispatchStream("/shoal.v1.Raft/Stream", stream, context(CALLERS.manager));
    stream.handlers?.onMessage(Buffer.from([0xff]));
    expect(seen).to.deep.equal([]);
    expect(stream.cancelled?.code).to.equal("invalid");
  });

  it("turns what it does not know into internal", async () => {
    router.unary("Control.GetCluster", () => Promise.reject(new TypeError("x is undefined")));
    await expectCode(send(router, "Control.GetCluster", CALLERS.admin), "internal");
  });

  it("names each caller as an actor", () => {
    expect(Object.values(CALLERS).map(describeCaller)).to.deep.equal([
      "anonymous",
      `node:${"w".repeat(25)}`,
      `node:${"m".repeat(25)}`,
      "user:ada",
      "user:local",
    ]);
  });
});
