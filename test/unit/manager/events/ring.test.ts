import { expect } from "chai";
import { EVENT_STORE, EventRing, WRITE_AFTER_MS } from "../../../../src/manager/events/ring.ts";
import { LAST_N } from "../../../../src/manager/events/position.ts";
import type { EventLimits } from "../../../../src/model/event-limits.ts";
import type { Event } from "../../../../src/model/index.ts";
import { codec } from "../../../../src/proto/load.ts";
import type { AppError } from "../../../../src/util/errors.ts";
import { AppError as Failure } from "../../../../src/util/errors.ts";
import { MemoryDisk } from "../../../support/memory-kv.ts";
import { Sim } from "../../../support/sim-env.ts";

const START = { version: 0, n: 0 };
const END = { version: Number.MAX_SAFE_INTEGER, n: LAST_N };
const eventCodec = codec("Event");

function anEvent(version: number, n: number): Event {
  return eventCodec.decode(eventCodec.encode({ version, n, timeMs: version * 1_000, type: "task", action: "running" }));
}

class Rig {
  readonly sim = new Sim(1);
  readonly disk = new MemoryDisk();
  readonly failures: AppError[] = [];
  limits: EventLimits = { keptMs: 1e9, kept: 100 };
  ring = this.#make();

  static async open(): Promise<Rig> {
    const rig = new Rig();
    await rig.ring.open();
    return rig;
  }

  /** Versions `from` to `to`, each with that many events. */
  note(from: number, to: number, each = 1): void {
    for (let version = from; version <= to; version += 1) {
      const events = Array.from({ length: each }, (_, n) => anEvent(version, n));
      this.ring.note(version, version * 1_000, events);
    }
  }

  async written(): Promise<void> {
    await this.sim.run(WRITE_AFTER_MS + 1);
  }

  async settled<T>(work: Promise<T>): Promise<T> {
    return await this.sim.resolve(work, { timeoutMs: 10_000, what: "the ring has done it" });
  }

  /** `3.0 3.1 4.0` */
  async shown(after = START, limit = 1_000): Promise<string> {
    const { events } = await this.ring.page(after, limit);
    return events.map(({ version, n }) => `${version}.${n}`).join(" ");
  }

  async restart(kind: "power" | "process"): Promise<void> {
    this.disk.crash({ kind });
    this.ring = this.#make();
    await this.ring.open();
  }

  #make(): EventRing {
    const env = this.sim.env("m1");
    return new EventRing({
      env,
      kvFactory: this.disk.factory(env),
      limits: () => this.limits,
      onFatal: (error) => void this.failures.push(error),
    });
  }
}

describe("manager/events/ring", () => {
  it("gives events in order, page by page, whether they are on disk or not", async () => {
    const rig = await Rig.open();
    rig.note(1, 2, 2);
    await rig.written();
    rig.note(3, 4, 2);
    expect(await rig.shown()).to.equal("1.0 1.1 2.0 2.1 3.0 3.1 4.0 4.1");
    const first = await rig.ring.page(START, 3);
    expect(first).to.deep.include({ end: { version: 2, n: 0 }, hasMore: true });
    expect(await rig.shown(first.end, 3)).to.equal("2.1 3.0 3.1");
    const last = await rig.ring.page({ version: 3, n: 1 }, 2);
    expect(last).to.deep.include({ end: { version: 4, n: LAST_N }, hasMore: false });
  });

  it("shows nothing twice and leaves nothing out while it is written", async () => {
    const rig = await Rig.open();
    rig.disk.faults = { writeDelayMs: () => 50 };
    rig.note(1, 3);
    await rig.sim.run(WRITE_AFTER_MS + 10);
    const pages = [rig.shown()];
    rig.note(4, 4);
    await rig.sim.run(100);
    expect(await Promise.all(pages)).to.deep.equal(["1.0 2.0 3.0"]);
    expect(await rig.shown()).to.equal("1.0 2.0 3.0 4.0");
  });

  it("has what was on disk after a crash, and takes the same entries again without doubling them", async () => {
    const rig = await Rig.open();
    rig.note(1, 3, 2);
    await rig.written();
    rig.note(4, 5, 2);
    await rig.restart("power");
    expect(await rig.shown()).to.equal("1.0 1.1 2.0 2.1 3.0 3.1");
    rig.note(2, 5, 2);
    await rig.written();
    expect(await rig.shown()).to.equal("1.0 1.1 2.0 2.1 3.0 3.1 4.0 4.1 5.0 5.1");
    expect(rig.ring.count).to.equal(10);
  });

  it("has everything up to a version on disk once that is settled, entries without an event included", async () => {
    const rig = await Rig.open();
    rig.note(1, 3);
    await rig.settled(rig.ring.settle(7));
    await rig.restart("power");
    expect([rig.ring.version, await rig.shown()]).to.deep.equal([7, "1.0 2.0 3.0"]);
    rig.ring.replaced(7, 7_000);
    expect(rig.ring.gaps).to.deep.equal([]);
  });

  it("keeps the newest of the number that is asked for, also when it is lowered", async () => {
    const rig = await Rig.open();
    rig.limits = { keptMs: 1e9, kept: 5 };
    rig.note(1, 4, 2);
    await rig.written();
    rig.note(5, 5);
    await rig.written();
    expect(await rig.shown()).to.equal("3.0 3.1 4.0 4.1 5.0");
    expect(rig.ring.expired).to.deep.equal({ afterVersion: 0, upToVersion: 2, upToMs: 2_000, expired: true });
    rig.limits = { keptMs: 1e9, kept: 2 };
    rig.note(6, 6);
    await rig.written();
    expect(await rig.shown()).to.equal("5.0 6.0");
    expect(rig.ring.count).to.equal(2);
  });

  it("drops what is older than asked for", async () => {
    const rig = await Rig.open();
    rig.limits = { keptMs: 3_000, kept: 100 };
    rig.note(1, 3);
    await rig.written();
    rig.note(6, 6);
    await rig.written();
    expect(await rig.shown()).to.equal("3.0 6.0");
    expect(rig.ring.expired?.upToVersion).to.equal(2);
  });

  it("finds the place of a time", async () => {
    const rig = await Rig.open();
    rig.note(2, 4, 2);
    rig.note(9, 9);
    await rig.written();
    const from = async (sinceMs: number): Promise<string> => await rig.shown(await rig.ring.placeBefore(sinceMs));
    expect(await from(0)).to.equal("2.0 2.1 3.0 3.1 4.0 4.1 9.0");
    expect(await from(3_000)).to.equal("3.0 3.1 4.0 4.1 9.0");
    expect(await from(3_001)).to.equal("4.0 4.1 9.0");
    expect(await from(4_001)).to.equal("9.0");
    expect(await from(9_001)).to.equal("");
  });

  it("remembers that a state came as a snapshot, until the gap is filled from its beginning", async () => {
    const rig = await Rig.open();
    rig.note(1, 2);
    rig.ring.replaced(9, 9_000);
    rig.note(10, 10);
    const gap = { afterVersion: 2, upToVersion: 9, upToMs: 9_000, expired: false };
    expect(rig.ring.gaps).to.deep.equal([gap]);
    await rig.written();
    await rig.restart("power");
    expect(rig.ring.gaps).to.deep.equal([gap]);
    const some = { events: [anEvent(3, 0), anEvent(5, 0)], upTo: 6, gaps: [] };
    expect(await rig.settled(rig.ring.fill(gap, some))).to.equal(true);
    expect(rig.ring.gaps).to.deep.equal([{ ...gap, afterVersion: 6 }]);
    const theirs = { afterVersion: 7, upToVersion: 8, upToMs: 8_000, expired: false };
    const rest = { events: [anEvent(7, 0), anEvent(9, 0)], upTo: 9, gaps: [theirs] };
    expect(await rig.settled(rig.ring.fill(gap, rest))).to.equal(true);
    expect(rig.ring.gaps).to.deep.equal([theirs]);
    expect(await rig.shown()).to.equal("1.0 2.0 3.0 5.0 7.0 9.0 10.0");
    expect(rig.ring.count).to.equal(7);
    expect(await rig.settled(rig.ring.fill(gap, some))).to.equal(false);
  });

  it("tells those who wait of news, and of its end", async () => {
    const rig = await Rig.open();
    let told = 0;
    const stop = rig.ring.onNews(() => void (told += 1));
    rig.note(1, 1);
    rig.ring.note(2, 2_000, []);
    expect(told).to.equal(1);
    stop();
    rig.ring.onNews(() => void (told += 10));
    await rig.settled(rig.ring.close());
    expect(told).to.equal(11);
    const after = await rig.ring.page(START, 1).catch((error: unknown) => error);
    expect(after).to.be.instanceOf(Failure).and.include({ code: "unavailable" });
  });

  it("stops the manager when its disk fails", async () => {
    const rig = await Rig.open();
    rig.disk.faults = { failWrite: (store) => (store === EVENT_STORE ? new Failure("exhausted", "no space") : null) };
    rig.note(1, 1);
    await rig.written();
    expect(rig.failures.map(({ code }) => code)).to.deep.equal(["exhausted"]);
    const settled = await rig.settled(rig.ring.settle(1).catch((error: unknown) => error));
    expect(settled).to.include({ code: "exhausted" });
    expect(await rig.shown(END)).to.equal("");
  });
});
