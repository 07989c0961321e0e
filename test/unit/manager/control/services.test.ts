import { expect } from "chai";
import type { ServiceSpecInput } from "../../../../src/proto/gen/ServiceSpec.ts";
import { aStatus } from "../../../support/agent-fixtures.ts";
import { TASK_BYTES_INLINE_MAX, TASKS_INLINE_MAX } from "../../../../src/manager/control/inline-tasks.ts";
import { REVISIONS_KEPT } from "../../../../src/store/revisions.ts";
import { AssertionFailure } from "../../../../src/util/assert.ts";
import { AppError } from "../../../../src/util/errors.ts";
import { ControlRig } from "../../../support/control/control-rig.ts";
import { aTask } from "../../../support/store/objects.ts";

const SPEC: ServiceSpecInput = {
  name: "web",
  labels: { tier: "front" },
  replicated: { replicas: 2 },
  task: { container: { image: "nginx:1.27" } },
};

const withImage = (image: string): ServiceSpecInput => ({ ...SPEC, task: { container: { image } } });

async function created(rig: ControlRig, spec: ServiceSpecInput = SPEC): Promise<{ id: string; version: number }> {
  const { service } = await rig.call("Control.CreateService", { spec });
  return { id: service?.id ?? "", version: service?.meta?.version ?? 0 };
}

describe("manager/control/services: create", () => {
  it("stores the service and its first revision in one entry and answers the stored object", async () => {
    const rig = new ControlRig();
    const { service } = await rig.call("Control.CreateService", { spec: SPEC });
    const tx = rig.store.view();
    expect(tx.version).to.equal(1);
    expect(service).to.deep.equal(tx.get("service", service?.id ?? ""));
    expect(service?.cause).to.deep.equal({ actor: "user:ada", reason: "service created" });
    expect(tx.get("revision", `${service?.id}/1`)?.spec).to.deep.equal(service?.spec?.task);
  });

  it("fills in the defaults that decide what happens", async () => {
    const rig = new ControlRig();
    const { service } = await rig.call("Control.CreateService", {
      spec: { name: "web", task: { container: { image: "a" } } },
    });
    expect(service?.spec?.replicated?.replicas).to.equal(1);
    expect(service?.spec?.task?.restart).to.include({ condition: "ANY", delayMs: 0, backoffMaxMs: 300_000 });
    expect(service?.spec?.task?.container?.stopGraceMs).to.equal(10_000);
    expect(service?.spec?.update).to.include({
      parallelism: 1,
      order: "START_FIRST",
      monitorMs: 5000,
      failureAction: "ROLLBACK",
      progressDeadlineMs: 600_000,
      canary: 0,
    });
    expect(service?.spec?.rollback).to.equal(null);
  });

  it("refuses a name that is taken, whatever its case, and says by whom", async () => {
    const rig = new ControlRig();
    const { id } = await created(rig);
    const error = await rig.failure("Control.CreateService", { spec: { ...SPEC, name: "WEB" } });
    expect(error.code).to.equal("exists");
    expect(error.message).to.include(id);
    expect(error.details.path).to.equal("spec.name");
  });

  it("refuses a bad field by its path without storing anything", async () => {
    const rig = new ControlRig();
    const error = await rig.failure("Control.CreateService", { spec: withImage("Not An Image") });
    expect(error.code).to.equal("invalid");
    expect(error.details.path).to.equal("spec.task.container.image");
    expect(rig.store.view().version).to.equal(0);
  });

  it("stores the largest spec it accepts, and refuses one larger by its size", async () => {
    const rig = new ControlRig();
    const big = (bytes: number): ServiceSpecInput => ({
      ...SPEC,
      task: { container: { image: "a", env: [`A=${"x".repeat(bytes)}`] } },
    });
    await rig.call("Control.CreateService", { requestId: "r1", spec: big(499 * 1024) });
    const error = await rig.failure("Control.CreateService", { spec: { ...big(501 * 1024), name: "other" } });
    expect(error.code).to.equal("invalid");
    expect(error.message).to.include("500KiB");
  });
});

describe("manager/control/services: request ids", () => {
  it("makes a repeated request once and answers the first result", async () => {
    const rig = new ControlRig();
    const first = await rig.call("Control.CreateService", { requestId: "r1", spec: SPEC });
    const second = await rig.call("Control.CreateService", { requestId: "r1", spec: SPEC });
    expect(second).to.deep.equal(first);
    expect(rig.store.view().count("service")).to.equal(1);
  });

  it("lets a repetition join the one in flight", async () => {
    const rig = new ControlRig();
    rig.log.isHeld = true;
    const first = rig.call("Control.CreateService", { requestId: "r1", spec: SPEC });
    const second = rig.call("Control.CreateService", { requestId: "r1", spec: SPEC });
    await Promise.resolve();
    rig.log.release();
    expect(await second).to.deep.equal(await first);
    expect(rig.store.view().version).to.equal(1);
  });

  it("answers a repetition after the first manager's memory is gone only once the first is committed", async () => {
    const rig = new ControlRig();
    const first = await rig.call("Control.CreateService", { requestId: "r1", spec: SPEC });
    const other = new ControlRig();
    other.store.leadershipLost();
    other.store.restore(iterate(rig.store.snapshot()), 1);
    other.log.last = 1;
    other.store.leadershipGained(1);
    const second = await other.call("Control.CreateService", { requestId: "r1", spec: SPEC });
    expect(second).to.deep.equal(first);
  });

  it("takes the same content with labels in another order for the same", async () => {
    const rig = new ControlRig();
    const first = await rig.call("Control.CreateService", {
      requestId: "r1",
      spec: { ...SPEC, labels: { a: "1", b: "2" } },
    });
    const second = await rig.call("Control.CreateService", {
      requestId: "r1",
      spec: { ...SPEC, labels: { b: "2", a: "1" } },
    });
    expect(second).to.deep.equal(first);
  });

  it("refuses the same id with other content, in flight and afterwards", async () => {
    const rig = new ControlRig();
    const other = { requestId: "r1", spec: { ...SPEC, name: "other" } };
    rig.log.isHeld = true;
    const first = rig.call("Control.CreateService", { requestId: "r1", spec: SPEC });
    expect((await rig.failure("Control.CreateService", other)).code).to.equal("conflict");
    rig.log.release();
    await first;
    expect((await rig.failure("Control.CreateService", other)).code).to.equal("conflict");
    expect((await rig.failure("Control.RemoveService", { requestId: "r1", id: "web" })).code).to.equal("conflict");
  });

  it("keeps the ids of different callers apart", async () => {
    const rig = new ControlRig();
    await rig.call("Control.CreateService", { requestId: "r1", spec: SPEC });
    const caller = { kind: "admin", name: "bob", clusterId: "c1" } as const;
    const error = await rig.failure("Control.CreateService", { requestId: "r1", spec: SPEC }, { caller });
    expect(error.code).to.equal("exists");
  });

  it("forgets a request after an hour", async () => {
    const rig = new ControlRig();
    await rig.call("Control.CreateService", { requestId: "r1", spec: SPEC });
    rig.env.advance(3_600_000);
    expect((await rig.failure("Control.CreateService", { requestId: "r1", spec: SPEC })).code).to.equal("exists");
  });

  it("does not remember a refusal", async () => {
    const rig = new ControlRig();
    await created(rig);
    expect((await rig.failure("Control.CreateService", { requestId: "r1", spec: SPEC })).code).to.equal("exists");
    await rig.call("Control.RemoveService", { id: "web" });
    await rig.call("Control.CreateService", { requestId: "r1", spec: SPEC });
    expect(rig.store.view().count("service")).to.equal(1);
  });

  it("answers outcome unknown when the log does not confirm in the caller's time", async () => {
    const rig = new ControlRig();
    rig.log.isHeld = true;
    const failure = rig.failure("Control.CreateService", { spec: SPEC }, { deadlineMs: 1_000 });
    await Promise.resolve();
    rig.env.advance(1_000);
    expect((await failure).code).to.equal("unknown-outcome");
    rig.log.release();
    expect(rig.store.view().count("service")).to.equal(1);
  });
});

describe("manager/control/services: refusals", () => {
  it("refuses for a change that is only proposed once that is committed", async () => {
    const rig = new ControlRig();
    rig.log.isHeld = true;
    const first = rig.call("Control.CreateService", { spec: SPEC });
    let isRefused = false;
    const second = rig.failure("Control.CreateService", { spec: SPEC }).finally(() => (isRefused = true));
    await turns();
    expect(isRefused).to.equal(false);
    rig.log.release();
    await first;
    expect((await second).code).to.equal("exists");
  });

  it("does not refuse for a change that is then lost with the leadership", async () => {
    const rig = new ControlRig();
    rig.log.isHeld = true;
    const first = rig.failure("Control.CreateService", { requestId: "r1", spec: SPEC });
    const second = rig.failure("Control.CreateService", { requestId: "r2", spec: SPEC });
    await turns();
    rig.store.leadershipLost();
    rig.replica.isLeading = false;
    rig.log.inFlight.length = 0;
    rig.log.last = 0;
    rig.store.leadershipGained(2);
    expect([(await first).code, (await second).code]).to.deep.equal(["not-leader", "not-leader"]);
  });

  it("does not refuse what a manager deposed unheard finds in its state", async () => {
    const rig = new ControlRig();
    rig.replica.barrierFailure = new AppError("unavailable", "No quorum");
    for (const error of [
      await rig.failure("Control.RemoveService", { id: "created by its successor" }),
      await rig.failure("Control.RemoveNode", { requestId: "r1", id: "joined at its successor" }),
    ]) {
      expect(error.code).to.equal("not-leader");
      expect(error.details.next).to.equal("ask again");
    }
    // What is wrong by itself is refused by anybody.
    expect((await rig.failure("Control.CreateService", { spec: { ...SPEC, name: "-no-" } })).code).to.equal("invalid");
  });

  it("does not take a broken assertion for a leadership that is lost", async () => {
    const rig = new ControlRig();
    rig.replica.readBarrier = () => Promise.reject(new AssertionFailure("a bug"));
    const outcome = await rig.call("Control.RemoveService", { id: "web" }).catch((error: unknown) => error);
    expect(outcome).to.be.instanceOf(AssertionFailure);
  });

  it("does not refuse in a term that ended while it was confirmed", async () => {
    const rig = new ControlRig();
    rig.replica.readBarrier = () => {
      rig.replica.term += 2;
      return Promise.resolve();
    };
    expect((await rig.failure("Control.RemoveService", { id: "web" })).code).to.equal("not-leader");
  });
});

/** Promises of a few turns settle. */
async function turns(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe("manager/control/services: update", () => {
  it("refuses a version that is not the stored one with the words Swarm's clients look for", async () => {
    const rig = new ControlRig();
    const { id, version } = await created(rig);
    await rig.call("Control.UpdateService", { id, version, spec: withImage("nginx:1.28") });
    const error = await rig.failure("Control.UpdateService", { id, version, spec: SPEC });
    expect(error.code).to.equal("conflict");
    expect(error.message).to.include("update out of sequence");
    expect(error.details.path).to.equal("version");
  });

  it("refuses settings that contradict each other, at the making and at a change, but no scale for a canary", async () => {
    const rig = new ControlRig();
    const nodeLoss = { replaceAfterMs: 5000 };
    const made = await rig.failure("Control.CreateService", {
      spec: { ...SPEC, replicated: {}, single: true, nodeLoss },
    });
    expect(made.details.path).to.equal("spec.nodeLoss.replaceAfterMs");
    const { id, version } = await created(rig, { ...SPEC, update: { canary: 2 } });
    const change = { id, version, spec: { ...SPEC, update: { canary: 3 } } };
    expect((await rig.failure("Control.UpdateService", change)).details.path).to.equal("spec.update.canary");
    const scaled = { ...SPEC, update: { canary: 2 }, replicated: { replicas: 1 } };
    const { service } = await rig.call("Control.UpdateService", { id, version, spec: scaled });
    expect(service?.spec?.replicated?.replicas).to.equal(1);
  });

  it("makes a revision when the task spec changes", async () => {
    const rig = new ControlRig();
    const { id, version } = await created(rig);
    const { service } = await rig.call("Control.UpdateService", { id, version, spec: withImage("nginx:1.28") });
    expect(service?.revision).to.equal(2);
    expect(rig.store.view().get("revision", `${id}/1`)?.spec?.container?.image).to.equal("nginx:1.27");
    expect(rig.store.view().get("revision", `${id}/2`)?.spec?.container?.image).to.equal("nginx:1.28");
  });

  it("makes none when only the number of replicas or the order of a map changes", async () => {
    const rig = new ControlRig();
    const task = (labels: Record<string, string>): ServiceSpecInput => ({
      ...SPEC,
      task: { container: { image: "a", labels } },
    });
    const { id, version } = await created(rig, task({ a: "1", b: "2" }));
    const spec = { ...task({ b: "2", a: "1" }), replicated: { replicas: 5 } };
    const { service } = await rig.call("Control.UpdateService", { id, version, spec });
    expect(service?.revision).to.equal(1);
    expect(service?.spec?.replicated?.replicas).to.equal(5);
    expect(rig.store.view().count("revision")).to.equal(1);
  });

  it("refuses to rename", async () => {
    const rig = new ControlRig();
    const { id, version } = await created(rig);
    const error = await rig.failure("Control.UpdateService", { id, version, spec: { ...SPEC, name: "shop" } });
    expect(error.code).to.equal("unsupported");
    expect(error.details.path).to.equal("spec.name");
  });

  it("drops old revisions that no task has, and keeps those in use and the newest", async () => {
    const rig = new ControlRig();
    let { id, version } = await created(rig);
    await rig.write((tx) => tx.put("task", aTask({ id: "t1", serviceId: id, revision: 2 })));
    for (let n = 2; n <= 14; n += 1) {
      const { service } = await rig.call("Control.UpdateService", { id, version, spec: withImage(`nginx:${n}`) });
      version = service?.meta?.version ?? 0;
    }
    const numbers = rig.store
      .view()
      .find("revision", "service", id)
      .map(({ number }) => number);
    const newest = Array.from({ length: REVISIONS_KEPT }, (_, at) => 14 - at);
    // 1 is what it would go back to: none since was rolled out to its end.
    expect(numbers).to.have.members([1, 2, ...newest]);
  });
});

describe("manager/control/services: remove", () => {
  it("removes the service and tells its tasks to go, ending those no agent has", async () => {
    const rig = new ControlRig();
    const { id } = await created(rig);
    const status = (state: "RUNNING" | "PENDING"): NonNullable<ReturnType<typeof aTask>["status"]> =>
      ({ state }) as never;
    await rig.write((tx) => {
      tx.put(
        "task",
        aTask({ id: "t1", serviceId: id, revision: 1, nodeId: "n1", desired: "RUNNING", status: status("RUNNING") }),
      );
      tx.put("task", aTask({ id: "t2", serviceId: id, revision: 1, desired: "RUNNING", status: status("PENDING") }));
    });
    expect(await rig.call("Control.RemoveService", { id: "web" })).to.deep.equal({ id, warnings: [] });
    const tx = rig.store.view();
    expect(tx.get("service", id)).to.equal(undefined);
    expect(tx.get("task", "t1")?.desired).to.equal("REMOVE");
    expect(tx.get("task", "t1")?.status?.state).to.equal("RUNNING");
    expect(tx.get("task", "t2")?.status?.state).to.equal("SHUTDOWN");
    expect(tx.get("task", "t1")?.cause).to.deep.equal({ actor: "user:ada", reason: "service removed" });
    expect(tx.count("revision"), "the tasks still need their revision").to.equal(1);
  });

  it("leaves the tasks of a large service to the orchestrator, but for some", async () => {
    const rig = new ControlRig();
    const { id } = await created(rig);
    await rig.write((tx) => {
      for (let n = 0; n < TASKS_INLINE_MAX + 5; n += 1) {
        tx.put("task", aTask({ id: `t${n}`, serviceId: id, desired: "RUNNING" }));
      }
    });
    await rig.call("Control.RemoveService", { id });
    expect(rig.store.view().get("service", id)).to.equal(undefined);
    expect([...rig.store.view().all("task")].filter(({ desired }) => desired === "RUNNING")).to.have.length(5);
  });

  it("removes a service whatever its tasks hold", async () => {
    const rig = new ControlRig();
    const { id } = await created(rig);
    const bytes = TASK_BYTES_INLINE_MAX / 8;
    for (let n = 0; n < 50; n += 1) {
      const long = aStatus({ state: "RUNNING", message: "x".repeat(bytes) });
      await rig.write((tx) => {
        tx.put("task", aTask({ id: `t${n}`, serviceId: id, nodeId: "n1", desired: "RUNNING", status: long }));
      });
    }
    await rig.call("Control.RemoveService", { id });
    expect(rig.store.view().get("service", id)).to.equal(undefined);
    expect([...rig.store.view().all("task")].filter(({ desired }) => desired === "REMOVE")).to.have.length(7);
  });

  it("removes the revisions of a service without tasks with it", async () => {
    const rig = new ControlRig();
    await created(rig);
    await rig.call("Control.RemoveService", { id: "web" });
    expect(rig.store.view().count("revision")).to.equal(0);
  });

  it("says how to find one that is not there", async () => {
    const error = await new ControlRig().failure("Control.RemoveService", { id: "nope" });
    expect(error.code).to.equal("not-found");
    expect(error.details.next).to.include("shoal service ls");
  });
});

describe("manager/control/services: get and list", () => {
  it("finds by id, by name in any case and by the unique start of an id", async () => {
    const rig = new ControlRig();
    const { id } = await created(rig);
    for (const ref of [id, "web", "WEB", id.slice(0, 6)]) {
      expect((await rig.call("Control.GetService", { id: ref })).service?.id, ref).to.equal(id);
    }
  });

  it("refuses the start of several ids and names them", async () => {
    const rig = new ControlRig();
    await rig.write((tx) => {
      tx.put("task", aTask({ id: "abc1" }));
      tx.put("task", aTask({ id: "abc2" }));
    });
    const error = await rig.failure("Control.GetTask", { id: "abc" });
    expect(error.code).to.equal("invalid");
    expect(error.message).to.include("abc1, abc2");
  });

  it("counts running and desired tasks", async () => {
    const rig = new ControlRig();
    const { id } = await created(rig);
    await rig.write((tx) => {
      tx.put("task", aTask({ id: "t1", serviceId: id, desired: "RUNNING", status: { state: "RUNNING" } as never }));
      tx.put("task", aTask({ id: "t2", serviceId: id, desired: "SHUTDOWN", status: { state: "RUNNING" } as never }));
      tx.put("task", aTask({ id: "t3", serviceId: id, desired: "RUNNING", status: { state: "STARTING" } as never }));
    });
    const { services } = await rig.call("Control.ListServices", {});
    expect(services.map(({ running, desired }) => [running, desired])).to.deep.equal([[1, 2]]);
  });

  it("pages in the order of names, without gaps or repeats when rows come and go between", async () => {
    const rig = new ControlRig();
    for (const name of ["delta", "alpha", "charlie", "bravo", "echo"]) await created(rig, { ...SPEC, name });
    const names: string[] = [];
    let pageToken = "";
    do {
      const page = await rig.call("Control.ListServices", { pageSize: 2, pageToken });
      names.push(...page.services.map(({ service }) => service?.spec?.name ?? ""));
      pageToken = page.nextPageToken;
      if (names.length === 2) await rig.call("Control.RemoveService", { id: "bravo" });
    } while (pageToken !== "");
    expect(names).to.deep.equal(["alpha", "bravo", "charlie", "delta", "echo"]);
  });

  it("answers the version the list was read at", async () => {
    const rig = new ControlRig();
    const { version } = await created(rig);
    expect((await rig.call("Control.ListServices", {})).version).to.equal(version);
  });

  it("takes values of one filter as alternatives and all keys together", async () => {
    const rig = new ControlRig();
    await created(rig, { ...SPEC, name: "a1", labels: { tier: "front", zone: "x" } });
    await created(rig, { ...SPEC, name: "a2", labels: { tier: "back" } });
    await created(rig, { ...SPEC, name: "b1", labels: { tier: "front" } });
    const list = async (...filters: string[]): Promise<string[]> =>
      (await rig.call("Control.ListServices", { filters })).services.map(({ service }) => service?.spec?.name ?? "");
    expect(await list("name=a")).to.deep.equal(["a1", "a2"]);
    expect(await list("name=a", "name=b")).to.deep.equal(["a1", "a2", "b1"]);
    expect(await list("name=a", "label=tier=front")).to.deep.equal(["a1"]);
    expect(await list("label=zone")).to.deep.equal(["a1"]);
    expect(await list("mode=replicated", "label=tier=none")).to.deep.equal([]);
  });

  it("refuses unknown filters with those there are, empty ones, and wrong pages", async () => {
    const rig = new ControlRig();
    const unknown = await rig.failure("Control.ListServices", { filters: ["node=n1"] });
    expect(unknown.code).to.equal("invalid");
    expect(unknown.details.next).to.equal("filter by name, id, label, mode");
    expect((await rig.failure("Control.ListServices", { filters: ["name="] })).details.path).to.equal("filters[0]");
    expect((await rig.failure("Control.ListServices", { filters: ["mode=everywhere"] })).code).to.equal("invalid");
    expect((await rig.failure("Control.ListServices", { pageToken: "%%" })).details.path).to.equal("pageToken");
    expect((await rig.failure("Control.ListServices", { pageSize: 1_001 })).details.path).to.equal("pageSize");
  });
});

function* iterate(body: Iterator<Uint8Array>): Generator<Uint8Array> {
  for (let piece = body.next(); piece.done !== true; piece = body.next()) yield piece.value;
}
