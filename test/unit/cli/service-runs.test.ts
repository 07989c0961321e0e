import { expect } from "chai";
import { describeRun } from "../../../src/cli/job-progress.ts";
import { replicas, serviceMode } from "../../../src/cli/render.ts";
import { stateOf } from "../../../src/cli/service-runs.ts";
import { newSpec, type SpecFlags } from "../../../src/cli/spec-flags.ts";
import type { Run } from "../../../src/model/index.ts";
import type { ServiceSummary } from "../../../src/proto/gen/ServiceSummary.ts";
import { aRun, aService } from "../../support/store/objects.ts";

const NOW = 1_700_000_000_000;

function summary(flags: SpecFlags, part: Partial<ServiceSummary> = {}): ServiceSummary {
  const service = aService({ id: "s", spec: newSpec({ name: "x", ...flags }, ["app:1"]) });
  const counts = { running: 1, ready: 1, desired: 2, completed: 3, total: 5 };
  return { service, ...counts, nextRunAtMs: 0, lastRun: null, ...part };
}

describe("cli: how jobs are shown", () => {
  it("shows replicas as docker does, and when a schedule comes next", () => {
    const text = (flags: SpecFlags, part: Partial<ServiceSummary> = {}): string => replicas(summary(flags, part), NOW);
    expect(text({})).to.equal("1/2");
    expect(text({ mode: "global" })).to.equal("1/2");
    expect(text({}, { running: 2 }), "what runs and is not ready is not counted").to.equal("1/2 (1 not ready)");
    expect(text({ mode: "replicated-job" })).to.equal("1/2 (3/5 completed)");
    expect(text({ cron: "@daily" }, { nextRunAtMs: NOW + 250_000 })).to.equal("1/2 (next in 4 minutes)");
    const spec = newSpec({ name: "x", cron: "@daily" }, ["app:1"]);
    const suspended = aService({ id: "s", spec: { ...spec, cron: { ...spec.cron!, suspended: true } } });
    expect(text({}, { service: suspended })).to.equal("1/2 (suspended)");
  });

  it("names modes as docker does", () => {
    expect(serviceMode(summary({ mode: "global-job" }).service!)).to.equal("global job");
    expect(serviceMode(summary({ cron: "@daily" }).service!)).to.equal("cron");
  });

  const run = (part: Partial<Run>): Run => aRun({ id: "s/4", number: 4, wanted: 5, completed: 2, ...part });

  it("says how far a run is, and how it ended", () => {
    expect(describeRun(run({}))).to.equal("run 4: 2 of 5 tasks completed");
    expect(describeRun(run({ failures: 3 }))).to.equal("run 4: 2 of 5 tasks completed, 3 failed");
    expect(describeRun(run({ state: "TIMED_OUT", message: "too late" }))).to.equal("run 4 timed-out: too late");
    expect(describeRun(run({ state: "SUCCEEDED" }))).to.equal("run 4 succeeded");
  });

  it("counts times that were skipped in a row", () => {
    expect(stateOf(run({ state: "SKIPPED", times: 3 }))).to.equal("Skipped (3)");
    expect(stateOf(run({ state: "MISSED", times: 1 }))).to.equal("Missed");
    expect(stateOf(run({ state: "TIMED_OUT" }))).to.equal("Timed-out");
  });
});
