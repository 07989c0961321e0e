import { expect } from "chai";
import { MemoryNetwork, type MemoryNode } from "../../support/memory-rpc.ts";
import { PIPE_BYTES_MAX } from "../../support/memory-stream.ts";
import { Sim } from "../../support/sim-env.ts";
import type { ByteStream, Caller, Dispatcher, StreamEnd } from "../../../src/proto/rpc.ts";
import { AppError, isAppError } from "../../../src/util/errors.ts";

const PEER = { kind: "manager" } as const;

function manager(nodeId: string): Caller {
  return { kind: "node", nodeId, role: "manager", clusterId: "c" };
}

/** Echoes unary calls and keeps the streams it was given. */
class Echo implements Dispatcher {
  readonly paths = [
    { path: "/echo", kind: "unary" },
    { path: "/refuse", kind: "unary" },
    { path: "/talk", kind: "bidi" },
  ] as const;
  readonly streams: { stream: ByteStream; got: string[]; ends: StreamEnd[]; caller: Caller }[] = [];

  async dispatchUnary(path: string, request: Uint8Array): Promise<Uint8Array> {
    if (path === "/refuse") throw new AppError("denied", "no");
    return request;
  }

  dispatchStream(_path: string, stream: ByteStream, { caller }: { caller: Caller }): void {
    const record = { stream, got: [] as string[], ends: [] as StreamEnd[], caller };
    this.streams.push(record);
    stream.attach({
      onMessage: (data) => record.got.push(Buffer.from(data).toString()),
      onEnd: () => record.got.push("<end>"),
      onClose: (end) => record.ends.push(end),
    });
  }
}

function world(): { sim: Sim; network: MemoryNetwork; a: MemoryNode; b: MemoryNode; echo: Echo } {
  const sim = new Sim(1);
  const network = new MemoryNetwork(sim.env("net"));
  const a = network.node("a", { env: sim.env("a"), identity: manager("a") });
  const b = network.node("b", { env: sim.env("b"), identity: manager("b") });
  const echo = new Echo();
  b.listen("b:1", echo);
  return { sim, network, a, b, echo };
}

function listen(stream: ByteStream): { got: string[]; ends: StreamEnd[]; drains: number } {
  const seen = { got: [] as string[], ends: [] as StreamEnd[], drains: 0 };
  stream.attach({
    onMessage: (data) => seen.got.push(Buffer.from(data).toString()),
    onDrain: () => (seen.drains += 1),
    onClose: (end) => seen.ends.push(end),
  });
  return seen;
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

describe("test/support/memory-rpc", () => {
  it("answers a unary call after two delays, and carries a refusal's code", async () => {
    const { sim, a } = world();
    const channel = a.dial("b:1", { peer: PEER });
    const answer = await sim.resolve(channel.unary("/echo", bytes("hi"), { deadlineMs: 100 }), {
      timeoutMs: 50,
      what: "answer",
    });
    expect(Buffer.from(answer).toString()).to.equal("hi");
    const refused = channel.unary("/refuse", bytes("hi"), { deadlineMs: 100 }).catch((error: unknown) => error);
    expect(isAppError(await sim.resolve(refused, { timeoutMs: 50, what: "refusal" }), "denied")).to.equal(true);
  });

  it("keeps the order of a stream, both ways, and ends both sides once", async () => {
    const { sim, a, echo } = world();
    const stream = a.dial("b:1", { peer: PEER }).stream("/talk", {});
    const client = listen(stream);
    for (const text of ["1", "2", "3"]) stream.write(bytes(text));
    await sim.run(10);
    const server = echo.streams[0]!;
    expect(server.got).to.deep.equal(["1", "2", "3"]);
    expect(server.caller).to.deep.equal(manager("a"));
    server.stream.write(bytes("x"));
    stream.end();
    await sim.run(10);
    server.stream.end();
    await sim.run(10);
    expect(server.got.at(-1)).to.equal("<end>");
    expect(client.got).to.deep.equal(["x"]);
    expect(client.ends).to.deep.equal([{ error: null, reset: false }]);
    expect(server.ends).to.deep.equal([{ error: null, reset: false }]);
  });

  it("holds back what a cut link carries until it heals, and meets the deadline of a call meanwhile", async () => {
    const { sim, network, a, echo } = world();
    const channel = a.dial("b:1", { peer: PEER });
    const stream = channel.stream("/talk", {});
    listen(stream);
    await sim.run(10);
    network.cut("a", "b");
    stream.write(bytes("late"));
    const call = channel.unary("/echo", bytes("hi"), { deadlineMs: 100 }).catch((error: unknown) => error);
    expect(isAppError(await sim.resolve(call, { timeoutMs: 200, what: "deadline" }), "deadline")).to.equal(true);
    expect(echo.streams[0]!.got).to.deep.equal([]);
    network.heal();
    await sim.run(10);
    expect(echo.streams[0]!.got).to.deep.equal(["late"]);
  });

  it("resets the peers of a killed process at once, refuses new calls, and says nothing for a dark machine", async () => {
    const { sim, a, b } = world();
    const channel = a.dial("b:1", { peer: PEER });
    const client = listen(channel.stream("/talk", {}));
    await sim.run(10);
    b.kill();
    await sim.run(10);
    expect(client.ends.map((end) => end.reset)).to.deep.equal([true]);
    const refused = listen(channel.stream("/talk", {}));
    await sim.run(10);
    expect(refused.ends.map((end) => end.reset)).to.deep.equal([false]);

    const dark = world();
    const unheard = listen(dark.a.dial("b:1", { peer: PEER }).stream("/talk", {}));
    await dark.sim.run(10);
    dark.b.kill({ silent: true });
    await dark.sim.run(10_000);
    expect(unheard.ends).to.deep.equal([]);
    dark.network.node("b", { env: dark.sim.env("b2"), identity: manager("b") });
    await dark.sim.run(10);
    expect(unheard.ends.map((end) => end.reset)).to.deep.equal([true]);
  });

  it("pushes back on a writer whose reader is paused, and drains later", async () => {
    const { sim, a, echo } = world();
    const stream = a.dial("b:1", { peer: PEER }).stream("/talk", {});
    const client = listen(stream);
    await sim.run(10);
    echo.streams[0]!.stream.pause();
    let written = 0;
    while (stream.write(new Uint8Array(16 * 1024))) written += 1;
    expect(written).to.equal(PIPE_BYTES_MAX / (16 * 1024));
    await sim.run(1000);
    expect(client.drains).to.equal(0);
    echo.streams[0]!.stream.resume();
    await sim.run(10);
    expect(client.drains).to.equal(1);
    expect(echo.streams[0]!.got).to.have.length(written + 1);
  });

  it("refuses a peer that proves another identity", async () => {
    const { sim, a } = world();
    const client = listen(a.dial("b:1", { peer: { kind: "node", nodeId: "z" } }).stream("/talk", {}));
    await sim.run(10);
    expect(client.ends[0]?.error?.message).to.include("another identity");
  });

  it("delivers to a paused process only when it resumes", async () => {
    const sim = new Sim(1);
    const network = new MemoryNetwork(sim.env("net"));
    const env = sim.env("b");
    const a = network.node("a", { env: sim.env("a"), identity: manager("a") });
    const b = network.node("b", { env, identity: manager("b") });
    const echo = new Echo();
    b.listen("b:1", echo);
    const stream = a.dial("b:1", { peer: PEER }).stream("/talk", {});
    listen(stream);
    await sim.run(10);
    env.pause();
    stream.write(bytes("1"));
    await sim.run(10);
    stream.write(bytes("2"));
    await sim.run(10);
    expect(echo.streams[0]!.got).to.deep.equal([]);
    env.resume();
    await sim.run(10);
    expect(echo.streams[0]!.got).to.deep.equal(["1", "2"]);
  });
});
