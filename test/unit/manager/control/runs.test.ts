import { expect } from "chai";
import type { ServiceSpecInput } from "../../../../src/proto/gen/ServiceSpec.ts";
import type { Run, Task } from "../../../../src/model/index.ts";
import { newRun, RUNS_OPEN_MAX } from "../../../../src/model/run.ts";
import { node } from "../../../support/loops/objects.ts";
import { ControlRig } from "../../../support/control/control-rig.ts";
import { aTask } from "../../../support/store/objects.ts";

const TASK = { container: { image: "tool:1" } };
const JOB: ServiceSpecInput = { name: "migrate", replicatedJob: { totalCompletions: 5, maxConcurrent: 2 }, task: TASK };
const CRON: ServiceSpecInput = { name: "backup", cron: { schedule: "0 3 * * *" }, task: TASK };

describe("manager/control: jobs and their runs", () => {
  let rig: ControlRig;
  beforeEach(() => {
    rig = new ControlRig();
  });

  const create = async (spec: ServiceSpecInput): Promise<string> =>
    (await rig.call("Control.CreateService", { spec })).service!.id;

  /** As the orchestrator starts one. */
  async function start(serviceId: string, part: Partial<Run> = {}): Promise<Run> {
    const { value } = await rig.write((tx) => {
      const service = tx.get("service", serviceId)!;
      const runs = tx.find("run", "service", serviceId);
      const fresh = newRun({ service, runs, cause: { actor: "cron", reason: "" }, scheduledAtMs: 0, nowMs: tx.timeMs });
      tx.put("run", { ...fresh, ...part });
      return { ...fresh, ...part };
    });
    return value;
  }

  const task = (serviceId: string, part: Omit<Partial<Task>, "status"> & { id: string }, state: string): Task =>
    aTask({ serviceId, run: 1, desired: "COMPLETE", ...part, status: { state } as never });

  describe("what is accepted", () => {
    it("is completed: all at once, three retries, five runs remembered of each kind", async () => {
      const id = await create({ name: "once", replicatedJob: {}, task: TASK });
      const { spec } = rig.store.view().get("service", id)!;
      expect(spec?.replicatedJob).to.deep.include({ totalCompletions: 1, maxConcurrent: 0 });
      expect(spec?.replicatedJob?.policy).to.deep.include({ runsSucceededKept: 5, runsFailedKept: 5, deadlineMs: 0 });
      expect(spec?.task?.restart).to.deep.include({ condition: "ON_FAILURE", maxAttempts: 3, delayMs: 5000 });
      expect(spec?.update).to.equal(null);
    });

    it("keeps what was said of restarts, except that nothing completed is run again", async () => {
      const restart = { condition: "ANY", maxAttempts: 0, delayMs: 0 } as const;
      const id = await create({ ...JOB, task: { ...TASK, restart } });
      const stored = rig.store.view().get("service", id)?.spec?.task?.restart;
      expect(stored).to.deep.include({ condition: "ON_FAILURE", maxAttempts: 0, delayMs: 0 });
    });

    it("of cron is a job in UTC that may be late by five minutes", async () => {
      const id = await create({ ...CRON, cron: { schedule: "  0   3 * * * " } });
      const cron = rig.store.view().get("service", id)?.spec?.cron;
      expect(cron).to.deep.include({
        schedule: "0 3 * * *",
        timeZone: "UTC",
        overlap: "SKIP",
        startingDeadlineMs: 300_000,
      });
      expect(cron?.replicated).to.deep.include({ totalCompletions: 1 });
      expect(rig.store.view().get("service", id)?.scheduledFromMs).to.equal(rig.store.view().timeMs);
    });
  });

  const refused: readonly (readonly [string, ServiceSpecInput, string])[] = [
    ["a rollout", { ...JOB, update: { parallelism: 1 } }, "spec.update"],
    [
      "negative completions",
      { ...JOB, replicatedJob: { totalCompletions: -1 } },
      "spec.replicatedJob.totalCompletions",
    ],
    ["too many at once", { ...JOB, replicatedJob: { maxConcurrent: 10_001 } }, "spec.replicatedJob.maxConcurrent"],
    [
      "a negative deadline",
      { ...JOB, replicatedJob: { policy: { deadlineMs: -1 } } },
      "spec.replicatedJob.policy.deadlineMs",
    ],
    [
      "too long a memory",
      { name: "g", globalJob: { policy: { runsFailedKept: 101 } }, task: TASK },
      "spec.globalJob.policy.runsFailedKept",
    ],
    [
      "a limit per node of a job on every node",
      { name: "g", globalJob: {}, task: { ...TASK, placement: { maxReplicasPerNode: 1 } } },
      "spec.task.placement.maxReplicasPerNode",
    ],
    ["no schedule", { ...CRON, cron: {} }, "spec.cron.schedule"],
    ["an odd schedule", { ...CRON, cron: { schedule: "every day" } }, "spec.cron.schedule"],
    ["an odd time zone", { ...CRON, cron: { schedule: "@daily", timeZone: "Nowhere" } }, "spec.cron.timeZone"],
    [
      "too short a starting deadline",
      { ...CRON, cron: { schedule: "@daily", startingDeadlineMs: 10 } },
      "spec.cron.startingDeadlineMs",
    ],
    [
      "a template's timeout",
      { ...CRON, cron: { schedule: "@daily", replicated: { policy: { taskTimeoutMs: -5 } } } },
      "spec.cron.replicated.policy.taskTimeoutMs",
    ],
  ];
  for (const [what, spec, path] of refused) {
    it(`refuses ${what} by its path`, async () => {
      const error = await rig.failure("Control.CreateService", { spec });
      expect([error.code, error.details.path]).to.deep.equal(["invalid", path]);
      expect(rig.store.view().version).to.equal(0);
    });
  }

  it("goes on from now when a schedule changes or is resumed, and not when something else does", async () => {
    const id = await create(CRON);
    const change = async (cron: ServiceSpecInput["cron"], labels = {}): Promise<boolean> => {
      const before = rig.store.view().get("service", id)!;
      rig.env.advance(1000);
      const spec = { ...CRON, cron: cron ?? null, labels };
      const { service } = await rig.call("Control.UpdateService", { id, version: before.meta!.version, spec });
      return service!.scheduledFromMs === before.scheduledFromMs;
    };
    expect(await change({ schedule: "0 3 * * *", overlap: "ALLOW" }, { a: "b" }), "another overlap").to.equal(true);
    expect(await change({ schedule: "0 4 * * *" }), "another time").to.equal(false);
    expect(await change({ schedule: "0 4 * * *", suspended: true }), "suspended").to.equal(false);
    expect(await change({ schedule: "0 4 * * *" }), "resumed").to.equal(false);
    expect(await change({ schedule: "0 4 * * *", timeZone: "Asia/Tokyo" }), "another zone").to.equal(false);
  });

  describe("a run by hand", () => {
    it("is stored as open, under the caller's name, and answered", async () => {
      await create(CRON);
      const { run } = await rig.call("Control.RunService", { id: "backup" });
      expect(run).to.deep.include({ number: 1, state: "RUNNING", serviceName: "backup", scheduledAtMs: 0, wanted: 1 });
      expect(run?.cause).to.deep.equal({ actor: "user:ada", reason: "run by hand" });
      expect(rig.store.view().get("run", run!.id)).to.deep.equal(run);
    });

    it("is made once for one request", async () => {
      await create({ ...CRON, cron: { schedule: "@daily", overlap: "ALLOW" } });
      const first = await rig.call("Control.RunService", { requestId: "r1", id: "backup" });
      const again = await rig.call("Control.RunService", { requestId: "r1", id: "backup" });
      expect(again.run?.number).to.equal(first.run?.number);
      expect(rig.store.view().count("run")).to.equal(1);
    });

    it("is refused while one is open that it may not run beside, by number", async () => {
      const id = await create(CRON);
      await start(id);
      const error = await rig.failure("Control.RunService", { id: "backup" });
      expect([error.code, error.details.path]).to.deep.equal(["precondition", "id"]);
      expect(error.message).to.include("run 1");
      const job = await create(JOB);
      await start(job);
      expect((await rig.failure("Control.RunService", { id: job })).details.next).to.include("shoal service restart");
    });

    it("may overlap where that is allowed, up to a bound", async () => {
      await create({ ...CRON, cron: { schedule: "@daily", overlap: "ALLOW" } });
      for (let at = 0; at < RUNS_OPEN_MAX; at += 1) await rig.call("Control.RunService", { id: "backup" });
      expect((await rig.failure("Control.RunService", { id: "backup" })).code).to.equal("exhausted");
    });

    it("takes the place of an open one where it is told to", async () => {
      const id = await create({ ...CRON, cron: { schedule: "@daily", overlap: "REPLACE" } });
      await start(id);
      expect((await rig.call("Control.RunService", { id })).run?.number).to.equal(2);
    });

    it("is nothing for what runs all the time", async () => {
      await create({ name: "web", replicated: { replicas: 1 }, task: TASK });
      expect((await rig.failure("Control.RunService", { id: "web" })).code).to.equal("precondition");
    });
  });

  describe("numbers", () => {
    it("of a job say what runs, what may, and what completed of all", async () => {
      const id = await create(JOB);
      await start(id);
      await rig.write((tx) => {
        tx.put("task", task(id, { id: "t1", slot: 1 }, "COMPLETE"));
        tx.put("task", task(id, { id: "t2", slot: 2 }, "COMPLETE"));
        tx.put("task", task(id, { id: "t3", slot: 3 }, "RUNNING"));
        tx.put("task", task(id, { id: "t4", slot: 4, desired: "SHUTDOWN" }, "FAILED"));
      });
      const { services } = await rig.call("Control.ListServices", {});
      expect(services[0]).to.deep.include({ running: 1, desired: 2, completed: 2, total: 5 });
      expect(services[0]?.lastRun).to.deep.include({ number: 1, state: "RUNNING", completed: 2, failures: 1 });
    });

    it("of a job that is over say so", async () => {
      const id = await create(JOB);
      await start(id, { state: "SUCCEEDED", finishedAtMs: 5, completed: 5, wanted: 5 });
      const status = await rig.call("Control.GetService", { id });
      expect(status).to.deep.include({ running: 0, desired: 0, completed: 5, total: 5 });
    });

    it("of cron name its next time", async () => {
      const id = await create(CRON);
      const { nextRunAtMs } = await rig.call("Control.GetService", { id });
      expect(new Date(nextRunAtMs).toISOString()).to.match(/T03:00:00.000Z$/);
      expect(nextRunAtMs).to.be.greaterThan(rig.store.view().timeMs);
    });

    it("of a job on every node count its nodes", async () => {
      const id = await create({ name: "scan", globalJob: {}, task: TASK });
      await start(id);
      await rig.write((tx) => {
        for (const name of ["n1", "n2", "n3"]) tx.put("node", node(name));
        tx.put("task", task(id, { id: "t1", pinnedNodeId: "n1", nodeId: "n1" }, "COMPLETE"));
      });
      expect(await rig.call("Control.GetService", { id })).to.deep.include({ desired: 2, completed: 1, total: 3 });
    });
  });

  describe("the history", () => {
    it("is listed newest first, in pages, by service and state", async () => {
      const job = await create(JOB);
      const cron = await create(CRON);
      for (const state of ["SUCCEEDED", "FAILED", "TIMED_OUT", "RUNNING"] as const) await start(job, { state });
      await start(cron, { state: "MISSED", times: 3 });
      const list = async (filters: string[], pageToken = "", pageSize = 3) =>
        await rig.call("Control.ListRuns", { filters, pageToken, pageSize });
      const first = await list(["service=migrate"]);
      expect(first.runs.map(({ number }) => number)).to.deep.equal([4, 3, 2]);
      expect((await list(["service=migrate"], first.nextPageToken)).runs.map(({ number }) => number)).to.deep.equal([
        1,
      ]);
      expect(
        (await list(["state=timed-out", "state=missed"])).runs.map(({ serviceName }) => serviceName),
      ).to.deep.equal(["backup", "migrate"]);
      expect((await rig.failure("Control.ListRuns", { filters: ["state=odd"] })).details.next).to.include("timed-out");
    });

    it("is watched by its own kind", async () => {
      const id = await create(JOB);
      const watch = rig.watch({ kinds: ["run"], filters: ["service=migrate"] });
      await start(id);
      await rig.write((tx) => tx.put("task", task(id, { id: "t1" }, "RUNNING")));
      expect(watch.lines().slice(1)).to.deep.equal([`2 CREATED run ${id}/1`]);
    });
  });
});
