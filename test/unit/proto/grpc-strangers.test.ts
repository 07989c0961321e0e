import { EventEmitter } from "node:events";
import { expect } from "chai";
import {
  HANDSHAKES_MAX,
  STRANGER_BYTES_MAX,
  STRANGER_MS_MAX,
  Strangers,
  STRANGERS_MAX,
  type Stranger,
} from "../../../src/proto/grpc-strangers.ts";
import { silentLogger } from "../../../src/util/log.ts";
import { Sim } from "../../support/sim-env.ts";

class Peer extends EventEmitter {
  readonly remoteAddress = "192.0.2.1";
  readonly remotePort: number;
  bytesRead = 0;
  isDestroyed = false;

  constructor(port: number) {
    super();
    this.remotePort = port;
  }

  destroy(): void {
    this.isDestroyed = true;
    this.emit("close");
  }
}

describe("proto/grpc-strangers", () => {
  let sim: Sim;
  let strangers: Strangers;

  beforeEach(() => {
    sim = new Sim(1);
    strangers = new Strangers({ env: sim.env("node"), log: silentLogger });
  });

  function add(port: number): Stranger & { readonly socket: Peer } {
    const stranger: Stranger & { readonly socket: Peer } = { socket: new Peer(port), closedBecause: null };
    strangers.add(stranger);
    return stranger;
  }

  it("has so many at once: the oldest goes, and is told why", () => {
    const all = Array.from({ length: STRANGERS_MAX + 2 }, (_, at) => add(at));
    expect(all.map(({ socket }) => socket.isDestroyed)).to.deep.equal(all.map((_, at) => at < 2));
    expect(all[0]?.closedBecause?.code).to.equal("exhausted");
  });

  it("gives each so long and so many bytes", async () => {
    const quiet = add(1);
    const loud = add(2);
    loud.socket.bytesRead = STRANGER_BYTES_MAX + 1;
    await sim.run(STRANGER_MS_MAX - 1000);
    expect([quiet.socket.isDestroyed, loud.socket.isDestroyed]).to.deep.equal([false, true]);
    await sim.run(2000);
    expect(quiet.socket.isDestroyed).to.equal(true);
  });

  it("stops looking when there is nobody", async () => {
    const { socket } = add(1);
    socket.emit("close");
    await sim.run(STRANGER_MS_MAX);
    expect(sim.eventsRun).to.equal(1);
  });

  it("has so many handshakes at once, and forgets those that are done", () => {
    const done = Array.from({ length: 10 }, (_, at) => new Peer(at));
    for (const socket of done) strangers.begin(socket);
    for (const socket of done) strangers.end(socket);
    const all = Array.from({ length: HANDSHAKES_MAX + 1 }, (_, at) => new Peer(100 + at));
    for (const socket of all) strangers.begin(socket);
    expect([...done, ...all].filter(({ isDestroyed }) => isDestroyed)).to.deep.equal(all.slice(0, 1));
  });
});
