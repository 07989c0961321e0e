import { expect } from "chai";
import type { ChangeSet } from "../../../src/store/types.ts";
import { WatchHub, type Watcher } from "../../../src/store/watch.ts";
import { aTask } from "../../support/store/objects.ts";

function aSet(version: number, ...ids: string[]): ChangeSet {
  const changes = ids.map((id) => ({ table: "task" as const, id, before: undefined, after: aTask({ id }) }));
  return { version, timeMs: 0, changes, restored: false, origin: null };
}

function versions(watcher: Watcher): (number | string)[] {
  const seen: (number | string)[] = [];
  for (let next = watcher.next(); next !== undefined; next = watcher.next()) {
    seen.push(next === "compacted" ? next : next.version);
  }
  return seen;
}

describe("store/watch", () => {
  it("gives each watcher every set after its version, once, at its own pace", () => {
    const hub = new WatchHub();
    hub.append(aSet(1, "a"), 10);
    const now = hub.watch();
    const resumed = hub.watch({ resumeFrom: 0 });
    hub.append(aSet(4, "b"), 10);
    expect(versions(resumed)).to.deep.equal([1, 4]);
    hub.append(aSet(5, "c"), 10);
    expect(versions(now)).to.deep.equal([4, 5]);
    expect(versions(resumed)).to.deep.equal([5]);
  });

  it("is told of new sets in the turn they are committed", () => {
    const hub = new WatchHub();
    let calls = 0;
    const watcher = hub.watch({ onReady: () => (calls += 1) });
    hub.append(aSet(1, "a"), 10);
    expect(calls).to.equal(1);
    watcher.close();
    hub.append(aSet(2, "b"), 10);
    expect(calls).to.equal(1);
    expect(versions(watcher)).to.deep.equal([]);
  });

  it("passes over what does not match and still knows how far it read", () => {
    const hub = new WatchHub();
    const watcher = hub.watch({ filter: (change) => change.id === "b" });
    hub.append(aSet(1, "a"), 10);
    hub.append(aSet(2, "a", "b"), 10);
    hub.append(aSet(3, "a"), 10);
    hub.advance(9);
    const set = watcher.next();
    expect(set !== "compacted" && set?.changes.map(({ id }) => id)).to.deep.equal(["b"]);
    expect(watcher.next()).to.equal(undefined);
    expect(watcher.version).to.equal(9);
  });

  it("tells a watcher that fell out of the ring once, and then nothing more", () => {
    const hub = new WatchHub({ setsMax: 3 });
    const slow = hub.watch();
    for (let version = 1; version <= 4; version += 1) hub.append(aSet(version, "a"), 10);
    expect(versions(slow)).to.deep.equal(["compacted"]);
    hub.append(aSet(5, "a"), 10);
    expect(versions(slow)).to.deep.equal([]);
  });

  it("resumes from exactly the oldest version kept, and not from before", () => {
    const hub = new WatchHub({ setsMax: 3 });
    for (let version = 10; version <= 50; version += 10) hub.append(aSet(version, "a"), 10);
    expect(hub.floor).to.equal(20);
    expect(versions(hub.watch({ resumeFrom: 20 }))).to.deep.equal([30, 40, 50]);
    expect(versions(hub.watch({ resumeFrom: 35 }))).to.deep.equal([40, 50]);
    expect(versions(hub.watch({ resumeFrom: 19 }))).to.deep.equal(["compacted"]);
  });

  it("bounds its bytes, and keeps a single larger set all the same", () => {
    const hub = new WatchHub({ bytesMax: 100 });
    hub.append(aSet(1, "a"), 60);
    hub.append(aSet(2, "a"), 60);
    expect([hub.size, hub.floor]).to.deep.equal([1, 1]);
    hub.append(aSet(3, "a"), 500);
    expect(versions(hub.watch({ resumeFrom: 2 }))).to.deep.equal([3]);
  });

  it("waits for a version this replica has not reached, and passes over what comes before it", () => {
    const hub = new WatchHub();
    const watcher = hub.watch({ resumeFrom: 3 });
    hub.append(aSet(2, "a"), 10);
    hub.append(aSet(3, "a"), 10);
    hub.append(aSet(4, "a"), 10);
    expect(versions(watcher)).to.deep.equal([4]);
  });

  it("compacts every watcher when the state is replaced, and resumes from there on", () => {
    const hub = new WatchHub();
    hub.append(aSet(1, "a"), 10);
    const watcher = hub.watch({ resumeFrom: 0 });
    hub.reset(100);
    expect(versions(watcher)).to.deep.equal(["compacted"]);
    expect(versions(hub.watch({ resumeFrom: 99 }))).to.deep.equal(["compacted"]);
    const after = hub.watch({ resumeFrom: 100 });
    hub.append(aSet(101, "b"), 10);
    expect(versions(after)).to.deep.equal([101]);
  });
});
