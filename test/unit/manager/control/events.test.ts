import { expect } from "chai";
import type { Event } from "../../../../src/model/index.ts";
import type { RequestInput, Response } from "../../../../src/proto/load.ts";
import { AppError } from "../../../../src/util/errors.ts";
import { ControlRig } from "../../../support/control/control-rig.ts";
import { settle } from "../../../support/sim-env.ts";
import { aCluster, aNode, aNodeSpec, aTask } from "../../../support/store/objects.ts";

async function openRig(): Promise<ControlRig> {
  const rig = new ControlRig();
  await rig.history.open();
  return rig;
}

const made = async (rig: ControlRig, ...ids: string[]): Promise<void> => {
  await rig.write((tx) => {
    for (const id of ids) tx.put("task", aTask({ id, serviceId: "s1", serviceName: "web", slot: 1, nodeId: "n1" }));
  });
};

const read = async (rig: ControlRig, request: RequestInput<"Events.Read"> = {}): Promise<Response<"Events.Read">> =>
  await rig.call("Events.Read", request);
/** The disk's time passes meanwhile. */
async function settled<T>(rig: ControlRig, work: Promise<T>): Promise<T> {
  let isOver = false;
  const watched = work.finally(() => (isOver = true));
  for (let tries = 0; !isOver && tries < 1000; tries += 1) {
    await settle();
    rig.env.advance(1);
    rig.env.turn();
  }
  return await watched;
}
const ids = (events: readonly Event[]): string => events.map(({ id }) => id).join(" ");

describe("manager/control/events", () => {
  it("gives pages that follow each other, the oldest first", async () => {
    const rig = await openRig();
    await made(rig, "a", "b", "c");
    await made(rig, "d");
    const first = await read(rig, { pageSize: 2 });
    expect([ids(first.events), first.hasMore]).to.deep.equal(["a b", true]);
    const second = await read(rig, { pageSize: 2, after: first.next });
    expect([ids(second.events), second.hasMore]).to.deep.equal(["c d", false]);
    const third = await read(rig, { pageSize: 2, after: second.next });
    expect([ids(third.events), third.hasMore]).to.deep.equal(["", false]);
  });

  it("takes what all filters want, names and beginnings of ids alike, and levels from the one that is named", async () => {
    const rig = await openRig();
    await rig.write((tx) => {
      tx.put("node", aNode({ id: "n1", spec: aNodeSpec({ name: "west" }) }));
      tx.put("task", aTask({ id: "t1", serviceId: "s1", serviceName: "web", slot: 1, nodeId: "n1" }));
      tx.put("task", aTask({ id: "t2", serviceId: "s2", serviceName: "api", slot: 1, pendingReason: "no room" }));
    });
    const shown = async (...filters: string[]): Promise<string> => {
      const { events } = await read(rig, { filters });
      return events.map(({ action, name }) => `${action}:${name}`).join(" ");
    };
    expect(await shown("type=node")).to.equal("joined:west");
    expect(await shown("node=WEST", "type=task")).to.equal("created:web.1");
    expect(await shown("service=web", "service=s2")).to.equal("created:web.1 created:api.1 pending:api.1");
    expect(await shown("task=api.1", "event=created")).to.equal("created:api.1");
    expect(await shown("level=warning")).to.equal("pending:api.1");
    expect(await shown("actor=scheduler")).to.equal("pending:api.1");
    const unknown = await rig.failure("Events.Read", { filters: ["colour=red"] });
    expect(unknown.message).to.include('unknown filter "colour"');
    const level = await rig.failure("Events.Read", { filters: ["level=loud"] });
    expect(level).to.include({ code: "invalid" });
    expect(level.details["next"]).to.equal("use level=info or warning or error");
  });

  it("begins and ends at times, or begins now", async () => {
    const rig = await openRig();
    await made(rig, "a");
    const [first] = (await read(rig)).events;
    rig.env.advance(5_000);
    await made(rig, "b");
    rig.env.advance(5_000);
    await made(rig, "c");
    const startMs = first?.timeMs ?? 0;
    expect(ids((await read(rig, { sinceMs: startMs + 1 })).events)).to.equal("b c");
    expect(ids((await read(rig, { sinceMs: startMs + 1, untilMs: startMs + 6_000 })).events)).to.equal("b");
    const now = await read(rig, { fromNow: true });
    expect(ids(now.events)).to.equal("");
    await made(rig, "d");
    expect(ids((await read(rig, { after: now.next })).events)).to.equal("d");
    expect(await rig.failure("Events.Read", { fromNow: true, sinceMs: 5 })).to.include({ code: "invalid" });
  });

  it("waits for the next event that is wanted, and no longer than it was told to", async () => {
    const rig = await openRig();
    await made(rig, "a");
    const { next: after } = await read(rig);
    const waiting = read(rig, { after, waitMs: 10_000, filters: ["task=c"] });
    await made(rig, "b");
    await made(rig, "c");
    expect(ids((await waiting).events)).to.equal("c");
    const idle = read(rig, { after: { version: 3, n: 0 }, waitMs: 10_000 });
    await settle();
    rig.env.advance(10_000);
    const answer = await idle;
    expect([ids(answer.events), answer.next?.version]).to.deep.equal(["", 3]);
    expect(await rig.failure("Events.Read", { waitMs: 60_000 })).to.include({ code: "invalid" });
  });

  it("says once what is missing, where it is missing", async () => {
    const rig = await openRig();
    await made(rig, "a");
    rig.history.ring.replaced(40, 5_000);
    const first = await read(rig);
    expect(ids(first.events)).to.equal("a");
    expect(first.gaps).to.deep.equal([{ afterVersion: 1, upToVersion: 40, upToMs: 5_000, expired: false }]);
    expect((await read(rig, { after: first.next })).gaps).to.deep.equal([]);
  });

  it("keeps as many as the cluster is set to, and none that is older, and says that the others were dropped", async () => {
    const rig = await openRig();
    const set = async (part: { eventsKept?: number; eventsKeptMs?: number }): Promise<void> => {
      const { cluster } = await rig.call("Control.GetCluster", {});
      const spec = { ...cluster?.spec, ...part };
      await rig.call("Control.UpdateCluster", { version: cluster?.meta?.version ?? 0, spec });
    };
    await rig.write((tx) => tx.put("cluster", aCluster({ id: "c1" })));
    await set({});
    expect((await rig.call("Control.GetCluster", {})).cluster?.spec).to.include({
      eventsKept: 100_000,
      eventsKeptMs: 7 * 24 * 3_600_000,
    });
    await made(rig, ...Array.from({ length: 1500 }, (_, at) => `t${at}`));
    await settled(rig, rig.history.ring.flush());
    expect(rig.history.ring.count).to.be.above(1500);
    await set({ eventsKept: 1000 });
    await settled(rig, rig.history.ring.flush());
    const { events, gaps } = await settled(rig, read(rig, { pageSize: 1000 }));
    expect([rig.history.ring.count, events.length, gaps.map(({ expired }) => expired)]).to.deep.equal([
      1000,
      1000,
      [true],
    ]);
    expect(events.at(-1)).to.include({ type: "cluster", action: "updated" });
    await set({ eventsKeptMs: 3_600_000 });
    rig.env.advance(3_700_000);
    // Each write drops a part of what is too old.
    for (let at = 0; at < 5; at += 1) {
      await made(rig, `late${at}`);
      await settled(rig, rig.history.ring.flush());
    }
    const { events: kept } = await settled(rig, read(rig, { filters: ["type=task"] }));
    expect(ids(kept)).to.equal("late0 late1 late2 late3 late4");
  });

  it("needs a quorum unless stale events will do, and a manager that has a state", async () => {
    const rig = await openRig();
    expect(await rig.failure("Events.Read", {})).to.include({ code: "unavailable" });
    await made(rig, "a");
    rig.replica.barrierFailure = new AppError("unavailable", "no quorum");
    expect((await rig.failure("Events.Read", {})).message).to.include("No quorum");
    expect(ids((await read(rig, { consistency: "STALE" })).events)).to.equal("a");
  });
});
