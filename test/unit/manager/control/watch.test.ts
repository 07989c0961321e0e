import { expect } from "chai";
import { codec } from "../../../../src/proto/load.ts";
import { EMPTY_STATUS } from "../../../../src/agent/worker.ts";
import { PROGRESS_MS } from "../../../../src/manager/control/watch.ts";
import type { StoreOptions } from "../../../../src/store/store.ts";
import { ControlRig, WatchRig } from "../../../support/control/control-rig.ts";
import { aNode, aService, aServiceSpec, aTask } from "../../../support/store/objects.ts";

const put = async (rig: ControlRig, ...ids: string[]): Promise<void> => {
  await rig.write((tx) => {
    for (const id of ids) tx.put("task", aTask({ id, serviceId: "s1", serviceName: "web" }));
  });
};

/** At version 1. */
async function rigWithState(options: StoreOptions = {}): Promise<ControlRig> {
  const rig = new ControlRig(options);
  await put(rig, "t0");
  return rig;
}

describe("manager/control/watch", () => {
  it("sends established first, then all changes of one entry in one message", async () => {
    const rig = new ControlRig();
    await put(rig, "t0");
    const watch = rig.watch({});
    await put(rig, "t1", "t2");
    await rig.write((tx) => {
      tx.put("task", aTask({ id: "t1", slot: 2 }));
      tx.remove("task", "t2");
    });
    const messages = watch.take();
    expect(messages.map(({ version, changes }) => [version, changes.length])).to.deep.equal([
      [1, 0],
      [2, 2],
      [3, 2],
    ]);
    expect(messages[0]?.established).to.equal(true);
    expect(messages[2]?.changes.map(({ action, object }) => [action, object?.task?.id])).to.deep.equal([
      ["UPDATED", "t1"],
      ["REMOVED", "t2"],
    ]);
  });

  it("resumes after a version without a gap", async () => {
    const rig = new ControlRig();
    for (const id of ["t1", "t2", "t3"]) await put(rig, id);
    expect(rig.watch({ resumeFrom: 1 }).lines()).to.deep.equal([
      "1 established",
      "2 CREATED task t2",
      "3 CREATED task t3",
    ]);
  });

  it("ends with compacted when the version is not kept any more", async () => {
    const rig = new ControlRig({ watch: { setsMax: 2 } });
    for (const id of ["t1", "t2", "t3", "t4"]) await put(rig, id);
    expect(rig.watch({ resumeFrom: 2 }).lines().at(-1)).to.equal("4 CREATED task t4");
    const watch = rig.watch({ resumeFrom: 1 });
    expect(watch.lines()).to.deep.equal(["1 established", "1 compacted"]);
    expect(watch.stream.end_).to.deep.equal({ error: null, reset: false });
  });

  it("stops at a caller that does not read and goes on where it stopped", async () => {
    const rig = await rigWithState();
    const watch = new WatchRig(rig, {}, 2);
    for (const id of ["t1", "t2", "t3"]) await put(rig, id);
    expect(watch.lines()).to.deep.equal(["1 established", "2 CREATED task t1"]);
    watch.stream.drain(10);
    expect(watch.lines()).to.deep.equal(["3 CREATED task t2", "4 CREATED task t3"]);
  });

  it("tells a caller that fell out of the ring that it has to read again", async () => {
    const rig = await rigWithState({ watch: { setsMax: 2 } });
    const watch = new WatchRig(rig, {}, 1);
    for (const id of ["t1", "t2", "t3"]) await put(rig, id);
    watch.lines();
    watch.stream.drain(10);
    expect(watch.lines()).to.deep.equal(["1 compacted"]);
    expect(watch.stream.end_).to.not.equal(null);
  });

  it("sends the state as it is, its end, and then changes, when asked for", async () => {
    const rig = new ControlRig();
    await rig.write((tx) => {
      tx.put("node", aNode({ id: "n1" }));
      tx.put("service", aService({ id: "s1", spec: aServiceSpec({ name: "web" }) }));
    });
    await put(rig, "t1");
    const watch = new WatchRig(rig, { initial: true }, 1);
    await put(rig, "t2");
    watch.stream.drain(100);
    expect(watch.lines()).to.deep.equal([
      "2 established",
      "2 CREATED node n1",
      "2 CREATED service s1",
      "2 CREATED task t1",
      "2 -",
      "3 CREATED task t2",
    ]);
  });

  it("sends only the kinds and rows asked for, and tells when one ceases to match", async () => {
    const rig = await rigWithState();
    const watch = rig.watch({ kinds: ["task"], filters: ["desired-state=running", "service=web"] });
    await rig.write((tx) => {
      tx.put("node", aNode({ id: "n1" }));
      tx.put("task", aTask({ id: "t1", serviceName: "web", desired: "RUNNING" }));
      tx.put("task", aTask({ id: "t2", serviceName: "db", desired: "RUNNING" }));
    });
    await rig.write((tx) => tx.put("task", aTask({ id: "t1", serviceName: "web", desired: "SHUTDOWN" })));
    await rig.write((tx) => tx.put("task", aTask({ id: "t1", serviceName: "web", desired: "REMOVE" })));
    expect(watch.lines()).to.deep.equal(["1 established", "2 CREATED task t1", "3 UPDATED task t1"]);
  });

  it("never sends the cluster's secrets, nor revisions and request records", async () => {
    const rig = await rigWithState();
    const type = codec("Cluster");
    const cluster = type.decode(type.encode({ id: "c1", rootKeyPem: "SECRET", workerTokenSecret: "SECRET" }));
    const watch = rig.watch({});
    await rig.write((tx) => tx.put("cluster", cluster));
    await rig.write((tx) => tx.remove("cluster", "c1"));
    await rig.write((tx) => tx.put("cluster", cluster));
    await rig.call("Control.CreateService", {
      requestId: "r",
      spec: { name: "web", task: { container: { image: "a" } } },
    });
    const initial = rig.watch({ initial: true });
    for (const bytes of [...watch.stream.written, ...initial.stream.written]) {
      expect(Buffer.from(bytes).includes("SECRET")).to.equal(false);
    }
    const kinds = [...watch.take(), ...initial.take()].flatMap(({ changes }) =>
      changes.map(({ object }) => object?.object),
    );
    expect(new Set(kinds)).to.deep.equal(new Set(["cluster", "service", "task"]));
  });

  it("tells its version from time to time when nothing matches", async () => {
    const rig = await rigWithState();
    const watch = rig.watch({ kinds: ["node"] });
    await put(rig, "t1");
    expect(watch.lines()).to.deep.equal(["1 established"]);
    rig.env.advance(PROGRESS_MS);
    expect(watch.lines()).to.deep.equal(["2 -"]);
    rig.env.advance(PROGRESS_MS);
    expect(watch.lines()).to.deep.equal([]);
    watch.stream.hangUp();
    expect(rig.env.timers).to.equal(0);
  });

  it("refuses as long as it has no state: nobody could resume from nothing", () => {
    const { end_ } = new ControlRig().watch({ initial: true }).stream;
    expect(end_?.error?.code).to.equal("unavailable");
  });

  it("refuses unknown kinds and filters", async () => {
    const rig = await rigWithState();
    expect(rig.watch({ kinds: ["secret"] }).stream.end_?.error?.details.path).to.equal("kinds[0]");
    const error = rig.watch({ kinds: ["service"], filters: ["node=n1"] }).stream.end_?.error;
    expect(error?.details.next).to.equal("filter by name, id, label, mode");
  });

  it("leaves out kinds for which a filter's value is nothing, and refuses what is nothing for all of them", async () => {
    const rig = await rigWithState();
    const watch = rig.watch({ filters: ["state=running"] });
    await rig.write((tx) => {
      tx.put("node", aNode({ id: "n1" }));
      tx.put("task", aTask({ id: "t1", status: { ...EMPTY_STATUS, state: "RUNNING" } }));
    });
    expect(watch.lines()).to.deep.equal(["1 established", "2 CREATED task t1"]);
    const refusal = rig.watch({ filters: ["state=runing"] }).stream.end_?.error;
    expect(refusal?.code).to.equal("invalid");
    expect(refusal?.message).to.match(/state=runing is unknown/);
  });

  it("refuses two beginnings", async () => {
    const refusal = (await rigWithState()).watch({ initial: true, resumeFrom: 1 }).stream.end_?.error;
    expect(refusal?.details).to.include({ path: "resumeFrom", next: "give one of the two" });
  });

  it("ends every stream when the manager stops", async () => {
    const rig = await rigWithState();
    const watch = rig.watch({});
    rig.control.stop();
    expect(watch.stream.end_?.error?.code).to.equal("unavailable");
    expect(rig.env.timers).to.equal(0);
  });
});
