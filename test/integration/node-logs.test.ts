import { expect } from "chai";
import { NodeService } from "../../src/agent/node-service.ts";
import { Reporter } from "../../src/agent/reporter.ts";
import { TaskDb } from "../../src/agent/task-db.ts";
import { Worker } from "../../src/agent/worker.ts";
import { RotatingCredentials } from "../../src/pki/credentials.ts";
import { openStream } from "../../src/proto/client.ts";
import { Router } from "../../src/proto/router.ts";
import { sleep } from "../../src/util/env.ts";
import { newId } from "../../src/util/id.ts";
import { silentLogger } from "../../src/util/log.ts";
import { realEnv } from "../../src/util/real-env.ts";
import { anAssignment, completeSet } from "../support/agent-fixtures.ts";
import { FakeEngine, FakeExecutor } from "../support/fake-executor.ts";
import { Cleanup, dialerWith, nodeFiles, serveTls, testAuthority } from "../support/grpc-harness.ts";
import { memoryKvFactory } from "../support/memory-kv.ts";

const HELD_BYTES_MAX = 8 * 1024 * 1024;

describe("node logs over TLS", () => {
  const cleanup = new Cleanup();
  afterEach(() => cleanup.run());

  it("hold less than 8 MiB for a 10 MB/s writer whose reader stalls, and go on when it reads", async () => {
    const ca = await testAuthority();
    const env = realEnv;
    const nodeId = newId(env);
    const engine = new FakeEngine(env);
    const executor = new FakeExecutor(env, engine);
    const db = new TaskDb({ env, log: silentLogger, kvFactory: memoryKvFactory(env) });
    const worker = new Worker({ env, log: silentLogger, executor, db, reporter: new Reporter(env) });
    const router = new Router(silentLogger);
    const service = new NodeService({ env, router, executor, worker, nodeId });
    service.start();
    const listener = cleanup.add(
      await serveTls(router, new RotatingCredentials(await nodeFiles(ca, "worker", nodeId))),
    );
    cleanup.add({ close: () => db.stop() });
    cleanup.add({ close: () => worker.stop() });
    cleanup.add({ close: () => service.stop() });
    await worker.start({ clusterId: ca.clusterId, nodeId, role: "worker" }, { nodeName: "node1", bootId: "boot1" });
    worker.apply(completeSet([anAssignment("t1")]), "");
    while (worker.statusOf("t1")?.state !== "RUNNING") await sleep(env, 5);

    const dialer = dialerWith(await nodeFiles(ca, "manager", newId(env)));
    const channel = cleanup.add(dialer.dial(listener.address, { peer: { kind: "node", nodeId }, profile: "bulk" }));
    let bytes = 0;
    const stream = openStream(
      channel,
      "NodeService.Logs",
      { onMessage: ({ line }) => void (bytes += line?.data.length ?? 0), onClose: () => undefined },
      { request: { taskId: "t1", options: { follow: true } } },
    );
    engine.logSteadily("t1", { bytesPerSecond: 10_000_000, lineBytes: 1000 });
    while (bytes < 2_000_000) await sleep(env, 5);
    stream.pause();
    await sleep(env, 3000);
    const held = executor.linesHanded.bytes - bytes;
    expect(held, "bytes between the source and the reader").to.be.within(1, HELD_BYTES_MAX);
    stream.resume();
    const before = bytes;
    while (bytes < before + 10_000_000) await sleep(env, 5);
    stream.cancel();
  }).timeout(20_000);
});
