import { expect } from "chai";
import { LOG_CALLS_MAX, registerLogs } from "../../../../src/manager/control/logs.ts";
import { protoStoreCodec } from "../../../../src/manager/store-codec.ts";
import type { LogsMessage } from "../../../../src/proto/gen/LogsMessage.ts";
import { rpc } from "../../../../src/proto/load.ts";
import { Router } from "../../../../src/proto/router.ts";
import { Store } from "../../../../src/store/store.ts";
import { silentLogger } from "../../../../src/util/log.ts";
import { MemoryNetwork } from "../../../support/memory-rpc.ts";
import { ADMIN, ControlRig, FakeStream } from "../../../support/control/control-rig.ts";
import { Sim } from "../../../support/sim-env.ts";
import { aTask } from "../../../support/store/objects.ts";

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

function open(router: Router, target = "web"): FakeStream {
  const stream = new FakeStream();
  const context = { caller: ADMIN, signal: new AbortController().signal, deadlineMs: undefined, forwarded: false };
  router.dispatchStream(path, stream, context);
  stream.request(encodeRequest({ targets: [target] }));
  return stream;
}

describe("manager/control/logs: calls", () => {
  it("refuses one call more than it can hold, and takes one again when another ended", () => {
    const { router, streams } = openCalls(LOG_CALLS_MAX);
    expect(streams.filter((stream) => stream.end_ !== null)).to.have.length(0);
    const refused = open(router).end_?.error;
    expect(refused?.code).to.equal("exhausted");
    expect(refused?.details.next).to.include("another manager");
    streams[0]?.hangUp();
    expect(open(router).end_).to.equal(null);
  });

  it("finds a task by its slot, as every other call does", async () => {
    const rig = new ControlRig();
    const service = await rig.call("Control.CreateService", {
      spec: { name: "web", task: { container: { image: "nginx" } } },
    });
    const part = { serviceId: service.service?.id ?? "", serviceName: "web", revision: 1, desired: "RUNNING" } as const;
    await rig.write((tx) => {
      tx.put("task", aTask({ id: "one", slot: 1, nodeId: "gone", ...part }));
      tx.put("task", aTask({ id: "two", slot: 2, nodeId: "gone", ...part }));
    });
    registerLogs(rig.router, {
      store: rig.store,
      dialer: new MemoryNetwork(rig.env).node("manager", { env: rig.env, identity: { kind: "anonymous" } }),
      log: silentLogger,
      catchUp: () => Promise.resolve(),
    });
    const stream = open(rig.router, "web.2");
    await new Promise(setImmediate);
    const [first] = stream.written.map((bytes) => rpc("Logs.Stream").decodeResponse(bytes) as LogsMessage);
    expect(first?.begin?.taskId).to.equal("two");
    expect(stream.end_?.error).to.equal(null);
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
