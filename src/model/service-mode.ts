/** What kind of service a spec makes, and what follows from that. */
import type { Cron, GlobalJob, JobPolicy, ReplicatedJob, ServiceSpec } from "./index.ts";

export const SERVICE_MODES = ["replicated", "global", "replicated-job", "global-job", "cron"] as const;
export type ServiceMode = (typeof SERVICE_MODES)[number];

const BY_FIELD: Readonly<Record<NonNullable<ServiceSpec["mode"]>, ServiceMode>> = {
  replicated: "replicated",
  global: "global",
  replicatedJob: "replicated-job",
  globalJob: "global-job",
  cron: "cron",
};

/** Of a spec, what says its mode. */
export type Moded = Pick<ServiceSpec, "mode" | "replicated" | "global" | "replicatedJob" | "globalJob" | "cron">;

/** A spec that names none is replicated. */
export function modeOf(spec: Pick<ServiceSpec, "mode"> | null): ServiceMode {
  return BY_FIELD[spec?.mode ?? "replicated"];
}

/** What one run of a job does. */
export type JobTemplate = {
  /** Null: one task on every node. */
  readonly replicated: { readonly total: number; readonly concurrent: number } | null;
  readonly policy: JobPolicy;
};

/** Null for what runs for good. */
export function jobOf(spec: Moded | null): JobTemplate | null {
  switch (modeOf(spec)) {
    case "replicated":
    case "global":
      return null;
    case "replicated-job":
      return replicatedTemplate(spec?.replicatedJob);
    case "global-job":
      return globalTemplate(spec?.globalJob);
    case "cron":
      return cronTemplate(spec?.cron);
  }
}

/** Its slots are nodes, so every change of a node may concern it. */
export function runsOnEveryNode(spec: Moded | null): boolean {
  return modeOf(spec) === "global" || jobOf(spec)?.replicated === null;
}

function cronTemplate(cron: Cron | null | undefined): JobTemplate {
  return cron?.global ? globalTemplate(cron.global) : replicatedTemplate(cron?.replicated);
}

function replicatedTemplate(job: ReplicatedJob | null | undefined): JobTemplate {
  const total = Math.max(1, job?.totalCompletions ?? 0);
  const concurrent = job?.maxConcurrent ?? 0;
  return { replicated: { total, concurrent: concurrent > 0 ? concurrent : total }, policy: job?.policy ?? NO_POLICY };
}

function globalTemplate(job: GlobalJob | null | undefined): JobTemplate {
  return { replicated: null, policy: job?.policy ?? NO_POLICY };
}

const NO_POLICY: JobPolicy = { deadlineMs: 0, taskTimeoutMs: 0 };
