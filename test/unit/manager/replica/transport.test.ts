import { expect } from "chai";
import {
  decodeFrame,
  encodeHello,
  encodeMessages,
  encodePing,
  type Hello,
} from "../../../../src/manager/replica/frame-codec.ts";
import { LOST_AFTER_MS, PING_BEATS, SILENT_BEATS_MAX, STREAM_PATH } from "../../../../src/manager/replica/peer-link.ts";
import { Transport } from "../../../../src/manager/replica/transport.ts";
import { Router } from "../../../../src/proto/router.ts";
import type { Caller, StreamEnd } from "../../../../src/proto/rpc.ts";
import type { Config, Message } from "../../../../src/raft/types.ts";
import { isSuperseded } from "../../../../src/model/incarnation.ts";
import { AppError } from "../../../../src/util/errors.ts";
import { silentLogger } from "../../../../src/util/log.ts";
import { MemoryNetwork, type MemoryNode } from "../../../support/memory-rpc.ts";
import { Sim, type SimEnv } from "../../../support/sim-env.ts";

const HEARTBEAT_MS = 100;

function manager(nodeId: string): Caller {
  return { kind: "node", nodeId, role: "manager", clusterId: "c" };
}

function config(...ids: string[]): Config {
  return { members: ids.map((id) => ({ id, address: `${id}:1`, role: "voter" as const })) };
}

type Site = {
  readonly id: string;
  readonly env: SimEnv;
  readonly node: MemoryNode;
  readonly transport: Transport;
  readonly got: Message[];
  readonly unreachable: string[];
  readonly lost: { peer: string; at: number }[];
  readonly fatal: AppError[];
  /** Its own disk's age, and what it knows of others'. */
  readonly disks: { writes: number; readonly known: Map<string, number> };
  readonly life: { incarnation: string };
  readonly clock: { known: number; readonly heard: number[] };
};

class World {
  readonly sim = new Sim(1);
  readonly network = new MemoryNetwork(this.sim.env("net"));
  #sites = 0;

  site(id: string, clusterId = "c"): Site {
    const fatal: AppError[] = [];
    const disks = { writes: 0, known: new Map<string, number>() };
    const life = { incarnation: "" };
    const clock = { known: 0, heard: [] as number[] };
    const env = this.sim.env(`${id}${this.#sites++}`);
    const node = this.network.node(id, { env, identity: manager(id) });
    const got: Message[] = [];
    const unreachable: string[] = [];
    const lost: { peer: string; at: number }[] = [];
    const transport = new Transport(
      {
        env,
        dialer: node.dialer,
        log: silentLogger,
        own: {
          disks: {
            get writes() {
              return disks.writes;
            },
            seen: (peer) => disks.known.get(peer) ?? 0,
            note: (peer, writes) => void disks.known.set(peer, Math.max(writes, disks.known.get(peer) ?? 0)),
          },
          protocols: { max: 1, cluster: () => 1 },
          incarnation: () => life.incarnation,
          addresses: { own: `${id}:1`, heard: () => undefined },
          time: { known: () => clock.known, heard: (timeMs) => void clock.heard.push(timeMs) },
        },
      },
      { clusterId, self: id, heartbeatMs: HEARTBEAT_MS },
      {
        onMessages: (messages) => got.push(...messages),
        onUnreachable: (peer) => unreachable.push(peer),
        onLost: (peer) => lost.push({ peer, at: this.sim.now }),
        onFatal: (error) => fatal.push(error),
      },
    );
    const router = new Router(silentLogger);
    router.rawStream("Raft.Stream", (stream, context) => transport.accept(stream, context));
    node.listen(`${id}:1`, router);
    transport.start();
    return { id, env, node, transport, got, unreachable, lost, fatal, disks, life, clock };
  }

  kill(site: Site, options: { silent?: boolean } = {}): void {
    site.env.kill();
    site.node.kill(options);
  }
}

function heartbeat(from: string, to: string, readSeq = 1): Message {
  return { type: "heartbeat", from, to, term: 1, commit: 0, readSeq };
}

function append(from: string, to: string, bytes: number): Message {
  const entry = { index: 1, term: 1, kind: "normal" as const, payload: Buffer.alloc(bytes) };
  return { type: "append", from, to, term: 1, prevIndex: 0, prevTerm: 0, entries: [entry], commit: 0 };
}

async function pair(): Promise<{ world: World; a: Site; b: Site }> {
  const world = new World();
  const a = world.site("a");
  const b = world.site("b");
  for (const { transport } of [a, b]) transport.setPeers(config("a", "b"));
  await world.sim.run(50);
  expect(a.transport.isConnected("b") && b.transport.isConnected("a")).to.equal(true);
  return { world, a, b };
}

describe("manager/replica/transport", () => {
  it("carries messages both ways, completed with sender and receiver", async () => {
    const { world, a, b } = await pair();
    a.transport.send("b", [heartbeat("a", "b", 1), heartbeat("a", "b", 2)]);
    b.transport.send("a", [heartbeat("b", "a", 3)]);
    await world.sim.run(10);
    expect(b.got).to.deep.equal([heartbeat("a", "b", 1), heartbeat("a", "b", 2)]);
    expect(a.got).to.deep.equal([heartbeat("b", "a", 3)]);
  });

  it("answers a peer that it does not know down the stream that peer dialled", async () => {
    const world = new World();
    const leader = world.site("a");
    const joiner = world.site("b");
    leader.transport.setPeers(config("a", "b"));
    await world.sim.run(50);
    joiner.transport.send("a", [heartbeat("b", "a")]);
    await world.sim.run(10);
    expect(leader.got).to.deep.equal([heartbeat("b", "a")]);
  });

  it("splits a turn's messages into frames of bounded size and keeps their order", async () => {
    const { world, a, b } = await pair();
    const sent = Array.from({ length: 12 }, (_, i) => ({ ...append("a", "b", 300_000), commit: i }));
    a.transport.send("b", sent);
    await world.sim.run(100);
    expect(b.got.map((message) => message.type === "append" && message.commit)).to.deep.equal([...sent.keys()]);
  });

  it("drops and reports instead of queueing without bound for a peer that does not read", async () => {
    const { world, a, b } = await pair();
    b.env.pause();
    for (let i = 0; i < 40; i++) a.transport.send("b", [append("a", "b", 500_000)]);
    expect(a.unreachable.length).to.be.above(25);
    b.env.resume();
    await world.sim.run(100);
    expect(b.got.length).to.be.within(2, 14);
  });

  it("reports a peer as unreachable when there is no stream to it", async () => {
    const world = new World();
    const a = world.site("a");
    a.transport.setPeers(config("a", "b"));
    a.transport.send("b", [heartbeat("a", "b")]);
    expect(a.unreachable).to.deep.equal(["b"]);
  });

  it("reconnects within half a second after a peer is back", async () => {
    const { world, a, b } = await pair();
    world.kill(b);
    await world.sim.run(5_000);
    world.site("b");
    const since = world.sim.now;
    await world.sim.runUntil(() => a.transport.isConnected("b"), { timeoutMs: 600, what: "reconnect" });
    expect(world.sim.now - since).to.be.below(600);
  });

  it("uses a changed address at the next dial", async () => {
    const world = new World();
    const a = world.site("a");
    a.transport.setPeers({ members: [{ id: "b", address: "wrong:1", role: "voter" }] });
    await world.sim.run(2_000);
    world.site("b");
    a.transport.setPeers(config("a", "b"));
    await world.sim.runUntil(() => a.transport.isConnected("b"), { timeoutMs: 1_600, what: "the new address" });
  });

  it("reports a killed peer lost after 100 ms, and not before", async () => {
    const { world, a, b } = await pair();
    const killedAt = world.sim.now;
    world.kill(b);
    await world.sim.run(1_000);
    expect(a.lost.map(({ peer }) => peer)).to.deep.equal(["b"]);
    expect(a.lost[0]!.at - killedAt).to.be.within(LOST_AFTER_MS, LOST_AFTER_MS + 10);
  });

  it("reports a peer lost when after a reset nobody answers at all", async () => {
    const { world, a, b } = await pair();
    world.kill(b);
    await world.sim.run(2);
    b.node.isDark = true;
    await world.sim.run(1_000);
    expect(a.lost.map(({ peer }) => peer)).to.deep.equal(["b"]);
  });

  it("does not report a reset that heals", async () => {
    const { world, a, b } = await pair();
    for (let i = 0; i < 3; i++) {
      world.network.reset("a", "b");
      await world.sim.run(500);
    }
    expect([...a.lost, ...b.lost]).to.deep.equal([]);
    expect(a.transport.isConnected("b") && b.transport.isConnected("a")).to.equal(true);
    a.transport.send("b", [heartbeat("a", "b")]);
    await world.sim.run(10);
    expect(b.got).to.have.length(1);
  });

  it("does not report a machine that went dark as lost: silence is the election timeout's business", async () => {
    const { world, a, b } = await pair();
    world.kill(b, { silent: true });
    await world.sim.run(5_000);
    expect(a.lost).to.deep.equal([]);
    expect(a.transport.isConnected("b")).to.equal(false);
  });

  it("gives a half-open stream up: a ping every other heartbeat, and four without an answer", async () => {
    const { world, a } = await pair();
    world.network.cut("b", "a");
    const since = world.sim.now;
    const beat = (): void => {
      a.transport.send("b", [heartbeat("a", "b")]);
      world.sim.schedule(HEARTBEAT_MS, beat);
    };
    beat();
    await world.sim.runUntil(() => !a.transport.isConnected("b"), { timeoutMs: 2_000, what: "recycling" });
    expect(world.sim.now - since).to.be.within(
      SILENT_BEATS_MAX * HEARTBEAT_MS,
      (SILENT_BEATS_MAX + PING_BEATS + 1) * HEARTBEAT_MS,
    );
    world.network.heal();
    await world.sim.runUntil(() => a.transport.isConnected("b"), { timeoutMs: 1_600, what: "reconnect" });
  });

  it("does not condemn a peer for a stall of its own", async () => {
    const { world, a } = await pair();
    a.transport.send("b", [heartbeat("a", "b")]);
    a.env.pause();
    await world.sim.run(5_000);
    a.env.resume();
    await world.sim.run(300);
    expect(a.transport.isConnected("b")).to.equal(true);
    expect(a.unreachable).to.deep.equal([]);
  });

  it("keeps the link to a peer that left for a while, then drops it", async () => {
    const { world, a, b } = await pair();
    a.transport.setPeers(config("a"));
    a.transport.send("b", [heartbeat("a", "b")]);
    await world.sim.run(100);
    expect(b.got).to.have.length(1);
    await world.sim.run(5_000);
    expect(a.transport.isConnected("b")).to.equal(false);
  });
});

describe("manager/replica/transport: who is let in", () => {
  async function dial(
    node: MemoryNode,
    world: World,
    frames: readonly Uint8Array[],
  ): Promise<{ got: Uint8Array[]; ends: StreamEnd[] }> {
    const seen = { got: [] as Uint8Array[], ends: [] as StreamEnd[] };
    const stream = node.dial("b:1", { peer: { kind: "manager" } }).stream(STREAM_PATH, {});
    stream.attach({ onMessage: (data) => seen.got.push(data), onClose: (end) => seen.ends.push(end) });
    for (const frame of frames) stream.write(frame);
    await world.sim.run(2_000);
    return seen;
  }

  function strangers(): { world: World; b: Site; a: MemoryNode } {
    const world = new World();
    const b = world.site("b");
    const a = world.network.node("a", { env: world.sim.env("a"), identity: manager("a") });
    return { world, b, a };
  }

  const hello = (change: Partial<Hello> = {}): Uint8Array =>
    encodeHello({
      protocolVersion: 1,
      clusterId: "c",
      from: "a",
      to: "b",
      writes: 0,
      seen: 0,
      protocolMax: 1,
      clusterProtocol: 1,
      incarnation: "",
      timeMs: 0,
      address: "",
      ...change,
    });

  it("tells the time where it is known, and takes it from who knows it", async () => {
    const { world, b, a } = strangers();
    b.clock.known = 5_000;
    const seen = await dial(a, world, [hello({ timeMs: 7_000 })]);
    await dial(a, world, [hello()]);
    const [answer] = seen.got.map((data) => decodeFrame(data, { from: "b", to: "a" }));
    expect(answer).to.have.nested.property("hello.timeMs", 5_000);
    expect(b.clock.heard).to.deep.equal([7_000]);
  });

  it("answers a right hello, then takes messages and pings", async () => {
    const { world, b, a } = strangers();
    const seen = await dial(a, world, [hello(), encodeMessages([heartbeat("a", "b")]), encodePing(7)]);
    const frames = seen.got.map((data) => decodeFrame(data, { from: "b", to: "a" }));
    expect(frames.map(({ kind }) => kind)).to.deep.equal(["hello", "pong"]);
    expect(b.got).to.deep.equal([heartbeat("a", "b")]);
    expect(seen.ends).to.deep.equal([]);
  });

  for (const [what, change, says] of [
    ["another cluster", { clusterId: "z" }, "belongs to cluster c, not z"],
    ["another receiver", { to: "z" }, "This is node b, not z"],
    ["a sender its certificate does not prove", { from: "z" }, "Node a may not speak as z"],
    ["another protocol", { protocolVersion: 9 }, "Raft protocol 9 is not spoken here"],
  ] as const) {
    it(`refuses a hello of ${what}`, async () => {
      const { world, b, a } = strangers();
      const seen = await dial(a, world, [hello(change), encodeMessages([heartbeat("a", "b")])]);
      expect(seen.ends[0]?.error?.message).to.include(says);
      expect(b.got).to.deep.equal([]);
    });
  }

  it("tells a peer how much of its disk was heard of, by hello, messages, pings and pongs", async () => {
    const { world, b, a } = strangers();
    for (const [frames, seen] of [
      [[hello({ writes: 9 })], 9],
      // Overtaken by frames of another stream: nothing falls.
      [[hello({ writes: 3 }), encodeMessages([heartbeat("a", "b")], 12)], 9],
      [[hello(), encodePing(1, 14)], 12],
      [[hello()], 14],
    ] as const) {
      const { got } = await dial(a, world, frames);
      const answer = decodeFrame(got[0]!, { from: "b", to: "a" });
      expect(answer.kind === "hello" && answer.hello.seen).to.equal(seen);
    }
    expect(b.fatal).to.deep.equal([]);
    const pair = { a: world.site("c"), b: world.site("d") };
    pair.b.disks.writes = 77;
    pair.a.transport.setPeers(config("c", "d"));
    await world.sim.run(2_000);
    expect(pair.a.disks.known.get("d")).to.equal(77);
  });

  it("learns from either hello that its own disk was rolled back", async () => {
    for (const isDialler of [true, false]) {
      const world = new World();
      const [a, b] = [world.site("a"), world.site("b")];
      a.disks.writes = 4;
      b.disks.known.set("a", 5);
      const dialler = isDialler ? a : b;
      dialler.transport.setPeers(config("a", "b"));
      await world.sim.run(100);
      expect(a.fatal[0]?.message).to.include("disk rolled back: wipe and rejoin");
      expect(b.fatal).to.deep.equal([]);
      expect(a.transport.isConnected("b") || b.transport.isConnected("a")).to.equal(false);
    }
  });

  it("lets no manager of an earlier life of the cluster in, which learns that it is over, whoever dials", async () => {
    for (const isOldDialling of [true, false]) {
      const world = new World();
      const [old, recovered] = [world.site("a"), world.site("b")];
      old.life.incarnation = "first";
      recovered.life.incarnation = "1700000000.second";
      // Heard of in the earlier life: a recovered log may hold fewer writes and is not rolled back for it.
      old.disks.known.set("b", 100);
      const [dialler, other] = isOldDialling ? [old, recovered] : [recovered, old];
      dialler.transport.setPeers(config("a", "b"));
      await world.sim.run(300);
      dialler.transport.send(other.id, [heartbeat(dialler.id, other.id)]);
      await world.sim.run(300);
      expect(old.fatal.map(({ details }) => details["incarnation"])).to.include("1700000000.second");
      expect(old.fatal.every(isSuperseded)).to.equal(true);
      expect(recovered.fatal).to.deep.equal([]);
      expect([...old.got, ...recovered.got]).to.deep.equal([]);
      expect(recovered.disks.known.size, "of another life's disks nothing is kept").to.equal(0);
    }
  });

  it("keeps two lives that began from the same one apart, and ends neither", async () => {
    const world = new World();
    const [a, b] = [world.site("a"), world.site("b")];
    a.life.incarnation = "1700000000.one";
    b.life.incarnation = "1700000000.two";
    for (const { transport } of [a, b]) transport.setPeers(config("a", "b"));
    await world.sim.run(1_000);
    expect(a.transport.isConnected("b") || b.transport.isConnected("a")).to.equal(false);
    expect([...a.fatal, ...b.fatal]).to.deep.equal([]);
  });

  it("takes a manager in that has no state yet, and one whose program does not tell its incarnation", async () => {
    const world = new World();
    const [a, b] = [world.site("a"), world.site("b")];
    a.life.incarnation = "1700000000.one";
    for (const { transport } of [a, b]) transport.setPeers(config("a", "b"));
    await world.sim.run(1_000);
    expect(a.transport.isConnected("b") && b.transport.isConnected("a")).to.equal(true);
    const wire = hello();
    // An older program's hello ends before the field, an empty text of one byte.
    const older = Buffer.from(wire.subarray(0, wire.byteLength - 1));
    older[1]! -= 1;
    const peers = strangers();
    peers.b.life.incarnation = "1700000000.one";
    const seen = await dial(peers.a, peers.world, [older, encodeMessages([heartbeat("a", "b")])]);
    expect(seen.ends).to.deep.equal([]);
    expect(peers.b.got).to.deep.equal([heartbeat("a", "b")]);
  });

  it("ends a manager that a router of a newer life refuses before any hello", async () => {
    const world = new World();
    const old = world.site("a");
    old.life.incarnation = "first";
    const refusing = world.network.node("b", { env: world.sim.env("b"), identity: manager("b") });
    const router = new Router(silentLogger);
    const incarnation = "1700000000.second";
    router.setIdentityCheck(() => new AppError("denied", "Node a is no manager of this cluster", { incarnation }));
    router.rawStream("Raft.Stream", () => expect.fail("it must not get so far"));
    refusing.listen("b:1", router);
    old.transport.setPeers(config("a", "b"));
    await world.sim.run(300);
    expect(old.fatal[0]?.details).to.include({ reason: "superseded", incarnation });
  });

  it("ends a manager whose program the cluster is beyond, and one that is sent an entry of an unknown kind", async () => {
    const { world, b, a } = strangers();
    await dial(a, world, [hello({ protocolMax: 2, clusterProtocol: 2 }), encodeMessages([heartbeat("a", "b")])]);
    expect(b.fatal[0]).to.include({ code: "unsupported" });
    expect(b.fatal[0]?.message).to.equal("The cluster is of protocol 2, this program speaks up to 1");
    expect(b.got).to.deep.equal([]);

    const later = strangers();
    const wire = encodeMessages([append("a", "b", 3)]);
    // The kind comes before the payload and its length.
    wire[wire.byteLength - 5] = 99;
    await dial(later.a, later.world, [hello(), wire]);
    expect(later.b.fatal[0]).to.include({ code: "unsupported" });
    expect(later.b.fatal[0]?.message).to.equal("Log entry 1 is of kind 99, which this program does not know");
    expect(later.b.got).to.deep.equal([]);
  });

  it("refuses messages before hello, garbage, silence, and whoever is no manager", async () => {
    const early = strangers();
    const first = await dial(early.a, early.world, [encodeMessages([heartbeat("a", "b")])]);
    expect(first.ends[0]?.error?.code).to.equal("invalid");
    expect(early.b.got).to.deep.equal([]);

    const garbage = strangers();
    const second = await dial(garbage.a, garbage.world, [hello(), Buffer.from("garbage")]);
    expect(second.ends[0]?.error?.message).to.include("Malformed Raft frame");

    const silent = strangers();
    const third = await dial(silent.a, silent.world, []);
    expect(third.ends[0]?.error?.code).to.equal("deadline");

    const foreign = strangers();
    const worker = foreign.world.network.node("w", {
      env: foreign.world.sim.env("w"),
      identity: { kind: "node", nodeId: "w", role: "worker", clusterId: "c" },
    });
    const fourth = await dial(worker, foreign.world, [hello({ from: "w" })]);
    expect(fourth.ends[0]?.error?.code).to.equal("denied");
  });

  it("replaces an older stream of the same peer and ignores what still comes on it", async () => {
    const { world, b, a } = strangers();
    const ends: StreamEnd[] = [];
    const older = a.dial("b:1", { peer: { kind: "manager" } }).stream(STREAM_PATH, {});
    older.attach({ onMessage: () => undefined, onClose: (end) => ends.push(end) });
    older.write(hello());
    await world.sim.run(10);
    await dial(a, world, [hello(), encodeMessages([heartbeat("a", "b", 5)])]);
    expect(ends[0]?.error?.message).to.include("Replaced by a newer stream");
    expect(b.got).to.deep.equal([heartbeat("a", "b", 5)]);
  });
});
