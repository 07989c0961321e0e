import { expect } from "chai";
import { withReplicas, withSuspended } from "../../../src/cli/mode-flags.ts";
import { applyFlags, newSpec, type SpecFlags } from "../../../src/cli/spec-flags.ts";
import type { ServiceSpec } from "../../../src/model/index.ts";
import { isAppError } from "../../../src/util/errors.ts";

const made = (flags: SpecFlags): ServiceSpec => newSpec({ name: "x", ...flags }, ["app:1"]);
const DAILY = "0 3 * * *";

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (isAppError(error, "invalid")) return error.message;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("cli: modes of services", () => {
  it("makes what --mode says, one replica where it says nothing", () => {
    expect(made({})).to.deep.include({ mode: "replicated", replicated: { replicas: 1 } });
    expect(made({ mode: "global" })).to.deep.include({ mode: "global", global: {} });
    expect(made({ mode: "global-job" }).globalJob?.policy).to.deep.include({ deadlineMs: 0 });
    expect(made({ mode: "replicated-job", replicas: "5", maxConcurrent: "2" }).replicatedJob).to.deep.include({
      totalCompletions: 5,
      maxConcurrent: 2,
    });
  });

  it("makes a cron service of --cron, with a job that runs once unless another is asked for", () => {
    const { mode, cron } = made({ cron: DAILY, tz: "Europe/Berlin", overlap: "replace", startingDeadline: "1m" });
    expect(mode).to.equal("cron");
    expect(cron).to.deep.include({
      schedule: DAILY,
      timeZone: "Europe/Berlin",
      overlap: "REPLACE",
      startingDeadlineMs: 60_000,
      suspended: false,
      job: "replicated",
    });
    expect(cron?.replicated?.totalCompletions).to.equal(1);
    expect(made({ cron: DAILY, mode: "global-job" }).cron).to.deep.include({ job: "global" });
    expect(made({ cron: DAILY, mode: "replicated-job", replicas: "3" }).cron?.replicated?.totalCompletions).to.equal(3);
  });

  it("limits runs and tasks of every kind of job", () => {
    const flags = { jobDeadline: "1h", jobTimeout: "10m", runsKept: "7", failedRunsKept: "9" };
    const policy = { deadlineMs: 3_600_000, taskTimeoutMs: 600_000, runsSucceededKept: 7, runsFailedKept: 9 };
    expect(made({ mode: "replicated-job", ...flags }).replicatedJob?.policy).to.deep.equal(policy);
    expect(made({ mode: "global-job", ...flags }).globalJob?.policy).to.deep.equal(policy);
    expect(made({ cron: DAILY, ...flags }).cron?.replicated?.policy).to.deep.equal(policy);
  });

  it("says retries in the words of the restart policy, none of them as no restart", () => {
    const restart = (flags: SpecFlags): object | null | undefined =>
      made({ mode: "replicated-job", ...flags }).task?.restart;
    expect(restart({})).to.equal(null);
    expect(restart({ retries: "2" })).to.deep.include({ condition: "ON_FAILURE", maxAttempts: 2 });
    expect(restart({ retries: "0" })).to.deep.include({ condition: "NONE", maxAttempts: 0 });
    expect(restart({ restartCondition: "none" })).to.deep.include({ condition: "NONE", maxAttempts: 0 });
    expect(restart({ restartDelay: "1s" }), "the delay alone leaves the number of retries").to.deep.include({
      condition: "ON_FAILURE",
      maxAttempts: 3,
      delayMs: 1000,
    });
  });

  const refused: readonly (readonly [SpecFlags, string])[] = [
    [{ mode: "everywhere" }, "--mode"],
    [{ mode: "global", replicas: "2" }, "--replicas is for replicated and replicated-job and cron services"],
    [{ maxConcurrent: "2" }, "--max-concurrent is for replicated-job and cron services, and this is replicated"],
    [{ retries: "2" }, "--retries is for"],
    [{ tz: "UTC" }, "--tz is for cron services"],
    [{ mode: "global", cron: DAILY }, "--cron runs a job"],
    [{ mode: "global-job", cron: DAILY, replicas: "2" }, "not for jobs that run on every node"],
    [{ mode: "replicated-job", replicas: "0" }, "--replicas: use at least 1"],
    [{ cron: DAILY, overlap: "wait" }, "--overlap"],
    [{ cron: DAILY, jobTimeout: "soon" }, "soon"],
  ];
  for (const [flags, text] of refused) {
    it(`refuses ${JSON.stringify(flags)}`, () => {
      expect(refusal(() => made(flags))).to.include(text);
    });
  }

  it("changes of a job and of a schedule only what it is told to", () => {
    const before = made({ cron: DAILY, tz: "Asia/Tokyo", replicas: "4", jobDeadline: "1h" });
    const after = applyFlags(before, { cron: "@hourly", maxConcurrent: "2" });
    expect(after.cron).to.deep.include({ schedule: "@hourly", timeZone: "Asia/Tokyo" });
    expect(after.cron?.replicated).to.deep.include({ totalCompletions: 4, maxConcurrent: 2 });
    expect(after.cron?.replicated?.policy?.deadlineMs).to.equal(3_600_000);
    expect(after.task?.forceUpdate).to.equal(0);
  });

  it("scales what has a number, and refuses the rest", () => {
    expect(withReplicas(made({}), 3)).to.deep.equal({ replicated: { replicas: 3 } });
    expect(withReplicas(made({ mode: "replicated-job" }), 3).replicatedJob?.totalCompletions).to.equal(3);
    expect(refusal(() => withReplicas(made({ mode: "global" }), 3))).to.include("this is global");
  });

  it("suspends and resumes what has a schedule", () => {
    const spec = made({ cron: DAILY });
    expect(withSuspended(spec, true).cron).to.deep.equal({ ...spec.cron, suspended: true });
    expect(refusal(() => withSuspended(made({}), true))).to.include("no schedule");
  });
});
