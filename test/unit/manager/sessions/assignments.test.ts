import { expect } from "chai";
import type { AssignmentSet, TaskState } from "../../../../src/model/index.ts";
import { ASSIGNMENTS_PER_SET_MAX, AssignmentTracker } from "../../../../src/manager/sessions/assignments.ts";
import { AgentSession, CHUNK_BYTES_MAX } from "../../../../src/manager/sessions/session.ts";
import type { SessionDownInput } from "../../../../src/proto/gen/SessionDown.ts";
import { codec } from "../../../../src/proto/load.ts";
import type { Store } from "../../../../src/store/store.ts";
import { leadingStore } from "../../../support/leading-store.ts";
import { node, spec, task } from "../../../support/loops/objects.ts";
import { aRevision } from "../../../support/store/objects.ts";
import { ManualEnv } from "../../../support/store/fake-log.ts";

describe("manager/sessions/assignments", () => {
  let store: Store;
  let tracker: AssignmentTracker;

  beforeEach(async () => {
    store = leadingStore(new ManualEnv());
    tracker = new AssignmentTracker("n1");
    await store.update((tx) => {
      tx.put("revision", aRevision({ id: "web/1", spec: spec({ image: "web:1" }) }));
      tx.put("revision", aRevision({ id: "web/2", spec: spec({ image: "web:2" }) }));
    });
  });

  async function put(id: string, part: Parameters<typeof task>[1] = {}): Promise<void> {
    await store.update((tx) => {
      tx.put("task", task(id, { nodeId: "n1", status: { state: "ASSIGNED" }, ...part }));
    });
    tracker.markDirty(id);
  }

  function next(): AssignmentSet | null {
    return tracker.next(store.view(), "inc-1");
  }

  function ids(set: AssignmentSet | null): (string | undefined)[] | undefined {
    return set?.assigned.map((assignment) => assignment.task?.id);
  }

  it("begins with everything the node should know, and the committed version it was made from", async () => {
    await put("t1");
    await put("t2", { desired: "SHUTDOWN", status: { state: "FAILED" } });
    await put("t3", { nodeId: "n2" });
    await put("t4", { status: { state: "PENDING" } });
    const set = next();
    expect(ids(set)).to.deep.equal(["t1", "t2"]);
    expect(set).to.include({ complete: true, appliesTo: 0, resultsIn: 1, clusterIncarnation: "inc-1" });
    expect(set?.version).to.equal(store.view().version);
    expect(set?.assigned[0]?.spec?.container?.image).to.equal("web:1");
    expect(tracker.hasWork).to.equal(false);
  });

  it("says which session of the node its state knows of, also when only that changes", async () => {
    const known = node("n1");
    const write = (sessionId: string): Promise<unknown> =>
      store.update((tx) => tx.put("node", { ...known, status: { ...known.status!, sessionId } }));
    await write("s1");
    await put("t1");
    expect(next()?.sessionId).to.equal("s1");
    tracker.noteSession("s1");
    expect(tracker.hasWork).to.equal(false);
    await write("s2");
    tracker.noteSession("s2");
    expect(tracker.hasWork).to.equal(true);
    expect(next()).to.include({ sessionId: "s2", complete: false, appliesTo: 1 });
    expect([tracker.hasWork, next()]).to.deep.equal([false, null]);
  });

  it("goes on with what changed, chained one set to the next", async () => {
    await put("t1");
    next();
    await put("t2", { revision: 2 });
    await put("t1", { desired: "SHUTDOWN" });
    const second = next();
    expect(ids(second)).to.deep.equal(["t2", "t1"]);
    expect(second?.assigned[0]?.spec?.container?.image).to.equal("web:2");
    expect(second).to.include({ complete: false, appliesTo: 1, resultsIn: 2 });
    await store.update((tx) => {
      tx.remove("task", "t1");
    });
    tracker.markDirty("t1");
    const third = next();
    expect(third).to.deep.include({ assigned: [], removed: ["t1"], appliesTo: 2, resultsIn: 3 });
  });

  it("does not echo a node's own reports, nor tell of what it never knew", async () => {
    await put("t1");
    next();
    const states: TaskState[] = ["PREPARING", "RUNNING", "FAILED"];
    for (const state of states) await put("t1", { status: { state, message: "of its own" } });
    expect(next()).to.equal(null);
    await store.update((tx) => {
      tx.remove("task", "t1");
      tx.put("task", task("t9", { nodeId: "n1", status: { state: "PENDING" } }));
      tx.remove("task", "t9");
    });
    tracker.markDirty("t9");
    expect(next()).to.equal(null);
    // An empty result makes no gap in the chain.
    await put("t2");
    expect(next()).to.include({ appliesTo: 1, resultsIn: 2 });
  });

  it("tells when a restart delay changes, and takes back a task that moved", async () => {
    await put("t1");
    next();
    await put("t1", { startAfterMs: 5000 });
    expect(ids(next())).to.deep.equal(["t1"]);
    await put("t1", { nodeId: "n2" });
    expect(next()?.removed).to.deep.equal(["t1"]);
  });

  it("splits a flood into sets of bounded size", async () => {
    next();
    for (let at = 0; at < ASSIGNMENTS_PER_SET_MAX + 10; at += 1) await put(`t${at}`);
    expect(next()?.assigned).to.have.length(ASSIGNMENTS_PER_SET_MAX);
    expect(tracker.hasWork).to.equal(true);
    expect(next()?.assigned).to.have.length(10);
    expect(tracker.hasWork).to.equal(false);
  });
});

describe("manager/sessions/session", () => {
  it("cuts sets into chunks below 64 KiB, stops at a full stream and goes on where it stopped", async () => {
    const store = leadingStore(new ManualEnv());
    const env = { big: "x".repeat(9000) };
    await store.update((tx) => {
      const { container, ...rest } = spec();
      const withEnv = { ...rest, container: { ...container!, labels: env } };
      tx.put("revision", aRevision({ id: "web/1", spec: withEnv }));
      for (let at = 0; at < 40; at += 1)
        tx.put("task", task(`t${at}`, { nodeId: "n1", status: { state: "ASSIGNED" } }));
    });
    const written: SessionDownInput[] = [];
    let room = 2;
    const stream = {
      write: (message: SessionDownInput) => {
        written.push(message);
        room -= 1;
        return room > 0;
      },
      attach: () => undefined,
      end: () => undefined,
      cancel: () => undefined,
      pause: () => undefined,
      resume: () => undefined,
    };
    const { description } = node("n1");
    const session = new AgentSession("n1", "s1", stream, { description: description!, address: "", agentEpoch: 1 });
    session.flush(store.view(), "inc-1");
    expect(written).to.have.length(2);
    session.flush(store.view(), "inc-1");
    session.answerHeartbeat(1);
    expect(written, "a full stream gets nothing more").to.have.length(2);
    room = 1000;
    session.drained();
    session.flush(store.view(), "inc-1");
    const chunks = written.map(({ assignments }) => assignments!);
    expect(chunks.length).to.be.above(5);
    expect(chunks.map(({ last }) => last)).to.deep.equal([...chunks.slice(1).map(() => false), true]);
    for (const message of written) {
      expect(codec("SessionDown").encode(message).length).to.be.below(64 * 1024);
    }
    const bytes = Buffer.concat(chunks.map(({ data }) => Buffer.from(data as Uint8Array)));
    expect(bytes.length).to.be.above(5 * CHUNK_BYTES_MAX);
    expect(codec("AssignmentSet").decode(bytes).assigned).to.have.length(40);
  });
});
