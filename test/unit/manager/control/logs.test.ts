import { expect } from "chai";
import { LOG_CALLS_MAX, registerLogs } from "../../../../src/manager/control/logs.ts";
import { protoStoreCodec } from "../../../../src/manager/store-codec.ts";
import { rpc } from "../../../../src/proto/load.ts";
import { Router } from "../../../../src/proto/router.ts";
import { Store } from "../../../../src/store/store.ts";
import { silentLogger } from "../../../../src/util/log.ts";
import { MemoryNetwork } from "../../../support/memory-rpc.ts";
import { ADMIN, FakeStream } from "../../../support/control/control-rig.ts";
import { Sim } from "../../../support/sim-env.ts";

const { path, encodeRequest } = rpc("Logs.Stream");

/** Calls that wait for the store to catch up, which it never does. */
function openCalls(count: number): { readonly router: Router; readonly streams: FakeStream[] } {
  const env = new Sim(1).env("manager");
  const router = new Router(silentLogger);
  registerLogs(router, {
    store: new Store({ env, codec: protoStoreCodec }),
    dialer: new MemoryNetwork(env).node("manager", { env, identity: { kind: "anonymous" } }),
    log: silentLogger,
    catchUp: () => new Promise<void>(() => undefined),
  });
  const streams = Array.from({ length: count }, () => open(router));
  return { router, streams };
}

function open(router: Router): FakeStream {
  const stream = new FakeStream();
  const context = { caller: ADMIN, signal: new AbortController().signal, deadlineMs: undefined, forwarded: false };
  router.dispatchStream(path, stream, context);
  stream.request(encodeRequest({ targets: ["web"] }));
  return stream;
}

describe("manager/control/logs", () => {
  it("refuses one call more than it can hold, and takes one again when another ended", () => {
    const { router, streams } = openCalls(LOG_CALLS_MAX);
    expect(streams.filter((stream) => stream.end_ !== null)).to.have.length(0);
    const refused = open(router).end_?.error;
    expect(refused?.code).to.equal("exhausted");
    expect(refused?.details.next).to.include("another manager");
    streams[0]?.hangUp();
    expect(open(router).end_).to.equal(null);
  });

  it("refuses a call without targets by the field's name", () => {
    const { router } = openCalls(0);
    const stream = new FakeStream();
    const context = { caller: ADMIN, signal: new AbortController().signal, deadlineMs: undefined, forwarded: false };
    router.dispatchStream(path, stream, context);
    stream.request(encodeRequest({ targets: [] }));
    expect(stream.end_?.error?.details.path).to.equal("targets");
  });
});
