import { expect } from "chai";
import { LOG_BUFFER_BYTES_MAX } from "../../../src/agent/executor/executor.ts";
import { LOG_STREAMS_MAX, NodeService, UNKNOWN_TASK_WAIT_MS } from "../../../src/agent/node-service.ts";
import { openStream, type ClientStream } from "../../../src/proto/client.ts";
import type { LogsMessage } from "../../../src/proto/gen/LogsMessage.ts";
import type { LogsOptionsInput } from "../../../src/proto/gen/LogsOptions.ts";
import { Router } from "../../../src/proto/router.ts";
import { silentLogger } from "../../../src/util/log.ts";
import { anAssignment, aSpec, completeSet, incrementalSet } from "../../support/agent-fixtures.ts";
import { WorkerHarness } from "../../support/agent-harness.ts";
import { MemoryNetwork, type MemoryNode } from "../../support/memory-rpc.ts";

/** A manager that reads one task's logs. */
class Reader {
  readonly messages: LogsMessage[] = [];
  readonly stream: ClientStream<"NodeService.Logs">;
  bytes = 0;
  closed: string | null = null;

  constructor(
    manager: MemoryNode,
    taskId: string,
    options: LogsOptionsInput,
    { keep = true }: { keep?: boolean } = {},
  ) {
    const channel = manager.dial("worker1:7377", { peer: { kind: "node", nodeId: "node1" } });
    this.stream = openStream(
      channel,
      "NodeService.Logs",
      {
        onMessage: (message) => {
          if (keep || message.line === null || message.line === undefined) this.messages.push(message);
          this.bytes += message.line?.data.length ?? 0;
        },
        onClose: ({ error }) => {
          this.closed = error?.message ?? "";
        },
      },
      { request: { taskId, options } },
    );
  }

  get lines(): string[] {
    return this.messages.flatMap(({ line }) => (line ? [line.data.toString()] : []));
  }

  /** Its end mark's error text; null before. */
  get end(): string | null {
    return this.messages.find(({ message }) => message === "end")?.end?.error ?? null;
  }
}

describe("agent/node-service", () => {
  let h: WorkerHarness;
  let manager: MemoryNode;
  let service: NodeService;

  beforeEach(async () => {
    h = new WorkerHarness();
    const network = new MemoryNetwork(h.sim.env("network"));
    const router = new Router(silentLogger);
    network
      .node("worker1", {
        env: h.run.env,
        identity: { kind: "node", nodeId: "node1", role: "worker", clusterId: "cluster1" },
      })
      .listen("worker1:7377", router);
    const identity = { kind: "node", nodeId: "m1", role: "manager", clusterId: "cluster1" } as const;
    manager = network.node("m1", { env: h.sim.env("m1"), identity });
    service = new NodeService({ env: h.run.env, router, executor: h.run.executor, worker: h.worker, nodeId: "node1" });
    service.start();
    await h.start();
  });

  async function running(id = "t1"): Promise<void> {
    h.apply(completeSet([anAssignment(id)]));
    await h.until(id, "RUNNING");
  }

  async function ended(reader: Reader, timeoutMs = 2000): Promise<void> {
    await h.sim.runUntil(() => reader.closed !== null, { timeoutMs, what: "logs end" });
  }

  it("gives what there is, marks the end and closes in order", async () => {
    await running();
    h.engine.log("t1", "one");
    h.engine.log("t1", "two", "stderr");
    const reader = new Reader(manager, "t1", {});
    await ended(reader);
    expect(reader.lines).to.deep.equal(["one", "two"]);
    expect(reader.messages[1]?.line).to.include({ taskId: "t1", nodeId: "node1", stream: "STDERR" });
    expect(reader.messages.at(-1)?.end).to.deep.equal({ taskId: "t1", nodeId: "node1", error: "" });
    expect(reader.closed).to.equal("");
  });

  it("gives the last lines only, or none", async () => {
    await running();
    for (const text of ["one", "two", "three"]) h.engine.log("t1", text);
    const two = new Reader(manager, "t1", { tail: 2 });
    const none = new Reader(manager, "t1", { tail: 0 });
    await ended(two);
    await ended(none);
    expect(two.lines).to.deep.equal(["two", "three"]);
    expect(none.lines).to.deep.equal([]);
  });

  it("gives lines from a time on", async () => {
    await running();
    h.engine.log("t1", "before");
    await h.sim.run(1000);
    const sinceMs = h.run.env.wallNow();
    h.engine.log("t1", "after");
    const reader = new Reader(manager, "t1", { sinceMs });
    await ended(reader);
    expect(reader.lines).to.deep.equal(["after"]);
  });

  it("follows until the task ended, with its last words", async () => {
    await running();
    const reader = new Reader(manager, "t1", { follow: true });
    await h.sim.run(1000);
    h.engine.log("t1", "hello");
    await h.sim.run(10);
    expect(reader.lines).to.deep.equal(["hello"]);
    expect(reader.closed).to.equal(null);
    h.engine.log("t1", "last words");
    h.engine.exit("t1", 1);
    await ended(reader, 100);
    expect(reader.lines).to.deep.equal(["hello", "last words"]);
    expect(reader.end).to.equal("");
  });

  it("waits for a task that is not here or not started yet", async () => {
    const reader = new Reader(manager, "t1", { follow: true });
    await h.sim.run(2000);
    h.apply(completeSet([anAssignment("t1", { desired: "READY" })]));
    await h.sim.run(60_000);
    expect(reader.closed).to.equal(null);
    h.apply(incrementalSet(1, { assigned: [anAssignment("t1")] }));
    await h.until("t1", "RUNNING");
    h.engine.log("t1", "hello");
    await h.sim.run(10);
    expect(reader.lines).to.deep.equal(["hello"]);
  });

  it("ends for a task this node does not know, with an honest text", async () => {
    const reader = new Reader(manager, "nope", {});
    await ended(reader);
    expect(reader.end).to.equal("This node has no such task: it was removed, logs included");
    const follower = new Reader(manager, "nope", { follow: true });
    await ended(follower, UNKNOWN_TASK_WAIT_MS + 100);
    expect(follower.end).to.equal(reader.end);
  });

  it("says why a task that never started has no lines", async () => {
    h.apply(completeSet([anAssignment("t1", { status: { state: "REJECTED", error: "No such image: nope" } })]));
    const reader = new Reader(manager, "t1", { follow: true });
    await ended(reader);
    expect(reader.end).to.equal("The task never started: No such image: nope");
  });

  it("goes on where it was after the engine restarted under the task, without a line twice", async () => {
    await running();
    const reader = new Reader(manager, "t1", { follow: true });
    h.engine.log("t1", "one");
    await h.sim.run(100);
    h.engine.exit("t1", 0);
    h.engine.restart(0);
    await h.until("t1", "COMPLETE").catch(() => undefined);
    await h.sim.run(100);
    // That exit was seen before the engine went: it is over, and so is the reader.
    expect(reader.end).to.equal("");

    h.apply(incrementalSet(1, { assigned: [anAssignment("t2", {}, aSpec())] }));
    await h.until("t2", "RUNNING");
    const second = new Reader(manager, "t2", { follow: true });
    h.engine.log("t2", "one");
    await h.sim.run(100);
    h.engine.restart(2000);
    await h.sim.runUntil(() => h.engine.container("t2")?.starts === 2, { timeoutMs: 10_000, what: "started again" });
    await h.sim.run(1000);
    h.engine.log("t2", "two");
    await h.sim.run(2000);
    expect(second.lines).to.deep.equal(["one", "two"]);
    expect(second.closed).to.equal(null);
  });

  it("holds less than 8 MiB for a 10 MB/s writer and a reader that stalls, and loses nothing", async () => {
    await running();
    const reader = new Reader(manager, "t1", { follow: true }, { keep: false });
    h.engine.logSteadily("t1", { bytesPerSecond: 10_000_000, lineBytes: 10_000 });
    await h.sim.run(200);
    expect(reader.bytes, "it flows while it is read").to.be.above(1_000_000);
    reader.stream.pause();
    await h.sim.run(10);
    // What left the source, measured where the agent takes it over.
    const before = h.run.executor.linesHanded.bytes;
    await h.sim.run(20_000);
    const held = h.run.executor.linesHanded.bytes - reader.bytes;
    expect(h.run.executor.linesHanded.bytes - before, "the source stands still").to.be.below(LOG_BUFFER_BYTES_MAX);
    expect(held).to.be.within(1, 8 * 1024 * 1024);
    h.engine.container("t1")!.generator = { bytesPerSecond: 0, lineBytes: 10_000, fromMs: 0 };
    reader.stream.resume();
    await h.sim.run(1000);
    expect(reader.bytes, "what was held arrives").to.equal(h.run.executor.linesHanded.bytes);
  });

  it("lets go of the source when the reader goes away", async () => {
    await running();
    const reader = new Reader(manager, "t1", { follow: true }, { keep: false });
    h.engine.logSteadily("t1", { bytesPerSecond: 1_000_000, lineBytes: 1000 });
    await h.sim.run(100);
    reader.stream.cancel();
    await h.sim.run(50);
    const { bytes } = h.run.executor.linesHanded;
    await h.sim.run(1000);
    expect(h.run.executor.linesHanded.bytes).to.equal(bytes);
  });

  it("refuses one stream too many and serves again when one ends", async () => {
    await running();
    const readers = Array.from({ length: LOG_STREAMS_MAX }, () => new Reader(manager, "t1", { follow: true }));
    await h.sim.run(10);
    const refused = new Reader(manager, "t1", { follow: true });
    await ended(refused);
    expect(refused.closed).to.include("log streams already");
    readers[0]?.stream.cancel();
    await h.sim.run(10);
    const served = new Reader(manager, "t1", { follow: true });
    h.engine.log("t1", "hello");
    await h.sim.run(10);
    expect(served.lines).to.deep.equal(["hello"]);
  });

  it("ends every stream when the node stops", async () => {
    await running();
    const reader = new Reader(manager, "t1", { follow: true });
    await h.sim.run(10);
    service.stop();
    await ended(reader);
    expect(reader.closed).to.equal("The node is shut down");
  });
});
