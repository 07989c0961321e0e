import { expect } from "chai";
import { registerLogs, SOURCES_MAX } from "../../../../src/manager/control/logs.ts";
import type { LogsMessage } from "../../../../src/proto/gen/LogsMessage.ts";
import type { LogsRequestInput } from "../../../../src/proto/gen/LogsRequest.ts";
import type { NodeLogsRequest } from "../../../../src/proto/gen/NodeLogsRequest.ts";
import { rpc } from "../../../../src/proto/load.ts";
import type { ByteStream, Channel, StreamHandlers } from "../../../../src/proto/rpc.ts";
import { Router } from "../../../../src/proto/router.ts";
import type { Store } from "../../../../src/store/store.ts";
import { AppError } from "../../../../src/util/errors.ts";
import { silentLogger } from "../../../../src/util/log.ts";
import { ADMIN, FakeStream } from "../../../support/control/control-rig.ts";
import { leadingStore } from "../../../support/leading-store.ts";
import { node, service, task } from "../../../support/loops/objects.ts";
import { settle } from "../../../support/sim-env.ts";
import { ManualEnv } from "../../../support/store/fake-log.ts";

const LOGS = rpc("Logs.Stream");
const NODE_LOGS = rpc("NodeService.Logs");

/** A node's end of one source. */
class Source implements ByteStream {
  request: NodeLogsRequest | null = null;
  isPaused = false;
  isCancelled = false;
  #handlers: StreamHandlers | null = null;

  attach(handlers: StreamHandlers): void {
    this.#handlers = handlers;
  }

  write(data: Uint8Array): boolean {
    this.request = NODE_LOGS.decodeRequest(data) as NodeLogsRequest;
    return true;
  }

  end(): void {}

  cancel(): void {
    this.isCancelled = true;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  get taskId(): string {
    return this.request?.taskId ?? "";
  }

  line(text: string): void {
    const line = { taskId: this.taskId, data: Buffer.from(text) };
    this.#handlers?.onMessage(NODE_LOGS.encodeResponse({ line }));
  }

  /** Its end mark, and the stream's end. */
  finish(error = ""): void {
    this.#handlers?.onMessage(NODE_LOGS.encodeResponse({ end: { taskId: this.taskId, nodeId: "", error } }));
    this.#handlers?.onClose({ error: null, reset: false });
  }

  breaks(): void {
    this.#handlers?.onClose({ error: new AppError("unavailable", "The node was lost"), reset: true });
  }
}

class Rig {
  readonly store: Store = leadingStore(new ManualEnv());
  readonly router = new Router(silentLogger);
  readonly stream = new FakeStream();
  readonly sources: Source[] = [];
  readonly dialled: string[] = [];
  readonly closed: string[] = [];
  catchUp: () => Promise<void> = () => Promise.resolve();
  #read = 0;

  constructor() {
    registerLogs(this.router, {
      store: this.store,
      log: silentLogger,
      dialer: { dial: (address) => this.#channel(address) },
      catchUp: () => this.catchUp(),
    });
  }

  #channel(address: string): Channel {
    this.dialled.push(address);
    return {
      unary: () => Promise.reject(new Error("not used")),
      stream: () => {
        const source = new Source();
        this.sources.push(source);
        return source;
      },
      close: () => this.closed.push(address),
    };
  }

  async begin(ids: readonly string[]): Promise<this> {
    await this.store.update((tx) => {
      for (const id of ["n1", "n2"]) tx.put("node", node(id));
      tx.put("service", service("web"));
      ids.forEach((id, at) => tx.put("task", task(id, { slot: at + 1, nodeId: at % 2 === 0 ? "n1" : "n2" })));
    });
    return this;
  }

  async open(request: LogsRequestInput): Promise<void> {
    const context = {
      caller: ADMIN,
      signal: new AbortController().signal,
      deadlineMs: undefined,
      forwarded: false,
    };
    this.router.dispatchStream(LOGS.path, this.stream, context);
    this.stream.request(LOGS.encodeRequest(request));
    await settle();
  }

  async put(id: string, part: Parameters<typeof task>[1]): Promise<void> {
    await this.store.update((tx) => {
      tx.put("task", task(id, part));
    });
  }

  source(taskId: string): Source {
    const found = this.sources.find((source) => source.taskId === taskId);
    if (found === undefined) throw new Error(`no source ${taskId}`);
    return found;
  }

  /** What arrived since the last time, a word and a value each. */
  take(): string[] {
    const fresh = this.stream.written.slice(this.#read);
    this.#read = this.stream.written.length;
    return fresh.map((bytes) => {
      const { begin, line, end } = LOGS.decodeResponse(bytes) as LogsMessage;
      if (begin) return `begin ${begin.name} on ${begin.nodeName}`;
      if (line) return `line ${Buffer.from(line.data).toString()}`;
      return `end ${end?.taskId ?? ""} ${end?.error ?? ""}`.trim();
    });
  }
}

describe("manager/control/logs", () => {
  it("merges a service's tasks as their lines come, and ends when all have", async () => {
    const rig = await new Rig().begin(["t1", "t2"]);
    await rig.open({ targets: ["web"], options: { tail: 5 } });
    expect(rig.take()).to.deep.equal(["begin web.1 on n1", "begin web.2 on n2"]);
    expect(rig.sources.map(({ request }) => request?.options?.tail)).to.deep.equal([5, 5]);
    rig.source("t1").line("a");
    rig.source("t2").line("b");
    rig.source("t1").line("c");
    rig.source("t2").finish();
    expect(rig.take()).to.deep.equal(["line a", "line b", "line c", "end t2"]);
    expect(rig.stream.end_).to.equal(null);
    rig.source("t1").finish("The engine went away");
    expect(rig.take()).to.deep.equal(["end t1 The engine went away"]);
    expect(rig.stream.end_).to.deep.equal({ error: null, reset: false });
    expect(rig.closed).to.have.members(rig.dialled);
  });

  it("marks the end of a source whose node was lost, with the reason", async () => {
    const rig = await new Rig().begin(["t1"]);
    await rig.open({ targets: ["web"] });
    rig.source("t1").breaks();
    expect(rig.take()).to.deep.equal(["begin web.1 on n1", "end t1 The node was lost"]);
    expect(rig.stream.end_?.error).to.equal(null);
  });

  it("finds targets by name, id and start of an id, and each task once", async () => {
    const rig = await new Rig().begin(["abc1", "abd2"]);
    await rig.open({ targets: ["WEB", "abc1", "abc"] });
    expect(rig.sources.map(({ taskId }) => taskId)).to.deep.equal(["abc1", "abd2"]);
  });

  it("refuses targets that name nothing, too much or several things", async () => {
    const cases: [string[], string, RegExp][] = [
      [["nope"], "not-found", /no service or task "nope"/],
      [["ab"], "invalid", /several/],
      [[], "invalid", /between 1 and/],
    ];
    for (const [targets, code, message] of cases) {
      const rig = await new Rig().begin(["abc1", "abd2"]);
      await rig.open({ targets });
      expect(rig.stream.end_?.error?.code).to.equal(code);
      expect(rig.stream.end_?.error?.message).to.match(message);
      expect(rig.stream.end_?.error?.details.path).to.equal("targets");
    }
    const many = await new Rig().begin(Array.from({ length: SOURCES_MAX + 1 }, (_, at) => `t${at}`));
    await many.open({ targets: ["web"] });
    expect(many.stream.end_?.error?.message).to.match(/201 tasks/);
    expect(many.dialled).to.deep.equal([]);
  });

  it("reads all of a node's tasks over one connection", async () => {
    const rig = await new Rig().begin(["t1", "t2", "t3", "t4"]);
    await rig.open({ targets: ["web"] });
    expect(rig.dialled).to.have.length(2);
    rig.source("t1").finish();
    expect(rig.closed).to.deep.equal([]);
    rig.source("t3").finish();
    expect(rig.closed).to.deep.equal([node("n1").address]);
  });

  it("follows a service across a replacement, until the service is removed", async () => {
    const rig = await new Rig().begin(["t1"]);
    await rig.open({ targets: ["web"], options: { follow: true } });
    rig.source("t1").finish();
    expect(rig.stream.end_).to.equal(null);
    await rig.put("t2", { slot: 1, status: { state: "PENDING" } });
    expect(rig.sources).to.have.length(1);
    await rig.put("t2", { slot: 1, nodeId: "n2", status: { state: "ASSIGNED" } });
    await rig.put("t2", { slot: 1, nodeId: "n2", status: { state: "RUNNING" } });
    expect(rig.sources.map(({ taskId }) => taskId)).to.deep.equal(["t1", "t2"]);
    expect(rig.source("t2").request?.options?.follow).to.equal(true);
    rig.source("t2").line("hello");
    expect(rig.take()).to.deep.equal(["begin web.1 on n1", "end t1", "begin web.1 on n2", "line hello"]);
    await rig.store.update((tx) => {
      tx.remove("service", "web");
    });
    expect(rig.stream.end_).to.equal(null);
    rig.source("t2").finish();
    expect(rig.stream.end_?.error).to.equal(null);
  });

  it("says of a new task that it is one more than a call follows", async () => {
    const rig = await new Rig().begin(Array.from({ length: SOURCES_MAX }, (_, at) => `t${at}`));
    await rig.open({ targets: ["web"], options: { follow: true } });
    rig.take();
    await rig.put("late", { slot: 999, nodeId: "n1", status: { state: "ASSIGNED" } });
    await rig.put("late", { slot: 999, nodeId: "n1", status: { state: "RUNNING" } });
    expect(rig.sources).to.have.length(SOURCES_MAX);
    expect(rig.take()).to.deep.equal([
      "begin web.999 on n1",
      `end late Not followed: this call reads ${SOURCES_MAX} tasks already`,
    ]);
  });

  it("follows a task that no node has yet, and ends with it", async () => {
    const rig = await new Rig().begin([]);
    await rig.put("t1", { status: { state: "PENDING" } });
    await rig.open({ targets: ["t1"], options: { follow: true } });
    expect(rig.stream.end_).to.equal(null);
    await rig.put("t1", { nodeId: "n1", status: { state: "ASSIGNED" } });
    rig.source("t1").finish();
    expect(rig.stream.end_?.error).to.equal(null);
    const gone = await new Rig().begin([]);
    await gone.put("t1", { status: { state: "PENDING" } });
    await gone.open({ targets: ["t1"], options: { follow: true } });
    await gone.store.update((tx) => {
      tx.remove("task", "t1");
    });
    expect(gone.stream.end_?.error).to.equal(null);
  });

  it("stops every source while its reader does not read", async () => {
    const rig = await new Rig().begin(["t1", "t2"]);
    rig.stream.room = 3;
    await rig.open({ targets: ["web"], options: { follow: true } });
    rig.source("t1").line("a");
    expect(rig.sources.map(({ isPaused }) => isPaused)).to.deep.equal([true, true]);
    await rig.put("t3", { slot: 3, nodeId: "n1" });
    expect(rig.source("t3").isPaused, "one that comes meanwhile too").to.equal(true);
    rig.stream.drain(10);
    expect(rig.sources.map(({ isPaused }) => isPaused)).to.deep.equal([false, false, false]);
  });

  it("leaves nothing open when its reader goes", async () => {
    const rig = await new Rig().begin(["t1", "t2"]);
    await rig.open({ targets: ["web"], options: { follow: true } });
    rig.stream.hangUp();
    expect(rig.sources.map(({ isCancelled }) => isCancelled)).to.deep.equal([true, true]);
    expect(rig.closed).to.have.members(rig.dialled);
    await rig.put("t3", { nodeId: "n1" });
    expect(rig.sources).to.have.length(2);
  });

  it("catches up with the leader first, and does without it when there is no quorum", async () => {
    const rig = await new Rig().begin([]);
    let caughtUp: () => void = () => undefined;
    rig.catchUp = () =>
      new Promise((resolve) => {
        caughtUp = resolve;
      });
    await rig.open({ targets: ["t1"] });
    await rig.put("t1", { nodeId: "n1" });
    caughtUp();
    await settle();
    expect(rig.sources.map(({ taskId }) => taskId)).to.deep.equal(["t1"]);
    const alone = await new Rig().begin(["t1"]);
    alone.catchUp = () => Promise.reject(new AppError("unavailable", "No quorum"));
    await alone.open({ targets: ["web"] });
    expect(alone.sources).to.have.length(1);
  });

  it("tells of a task whose node is gone", async () => {
    const rig = await new Rig().begin([]);
    await rig.put("t1", { nodeId: "n9" });
    await rig.open({ targets: ["web"] });
    expect(rig.take()).to.deep.equal(["begin web.1 on ", "end t1 Its node is gone"]);
    expect(rig.stream.end_?.error).to.equal(null);
  });
});
