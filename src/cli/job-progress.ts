/** Waits until a run of a job is over, showing how far it is on standard error. */
import { isGap, isOpen, runStateText } from "../model/run.ts";
import { jobOf } from "../model/service-mode.ts";
import type { Run, Service } from "../model/index.ts";
import { AppError } from "../util/errors.ts";
import { sleep } from "../util/env.ts";
import { realEnv } from "../util/real-env.ts";
import { formatSpan } from "../util/units.ts";
import type { Session } from "./command.ts";
import { WAIT_TIMEOUT_MS } from "./service-flags.ts";
import { POLL_MS, withProgressLine, type Awaited, type ProgressLine } from "./progress.ts";

/** A job that was created or changed: its run is the newest of what was asked for. */
export async function waitForJob(session: Session, service: Service, { timeoutMs }: Awaited): Promise<void> {
  const name = service.spec?.name ?? service.id;
  if (service.spec?.cron) {
    session.out.note(`${name} runs by its schedule`);
    return;
  }
  const total = jobOf(service.spec)?.replicated?.total;
  const isIt = (run: Run): boolean =>
    run.revision === service.revision && (total === undefined || run.wanted === total);
  await waitForRun(session, { serviceId: service.id, name, isIt }, timeoutMs);
}

export type AwaitedRun = {
  readonly serviceId: string;
  readonly name: string;
  readonly isIt: (run: Run) => boolean;
};

/** @throws AppError when it ends otherwise than in success, and `deadline` when it does not end in time */
export async function waitForRun(session: Session, awaited: AwaitedRun, askedMs: number | null): Promise<void> {
  const timeoutMs = askedMs ?? WAIT_TIMEOUT_MS;
  await withProgressLine(session, awaited.name, async (line) => await follow(session, awaited, { timeoutMs, line }));
}

async function follow(
  { client }: Session,
  { serviceId, name, isIt }: AwaitedRun,
  { timeoutMs, line }: { readonly timeoutMs: number; readonly line: ProgressLine },
): Promise<void> {
  const startedAt = realEnv.now();
  for (;;) {
    const { runs } = await client.call("Control.ListRuns", { filters: [`service=${serviceId}`] });
    const run = runs.find((one) => !isGap(one) && isIt(one));
    const hasFailed = run !== undefined && !isOpen(run) && run.state !== "SUCCEEDED";
    if (hasFailed) {
      throw new AppError("precondition", `${name}: ${describeRun(run)}`, { next: `shoal why ${name}` });
    }
    line.show(run === undefined ? "waiting for its run" : describeRun(run));
    if (run?.state === "SUCCEEDED") return;
    if (realEnv.now() - startedAt >= timeoutMs) {
      const text = run === undefined ? "has no run" : describeRun(run);
      throw new AppError("deadline", `${name}: ${text}, after ${formatSpan(timeoutMs)}`, { next: `shoal why ${name}` });
    }
    await sleep(realEnv, POLL_MS);
  }
}

/** `run 3: 2 of 5 tasks completed, 1 failed`; and how it ended. */
export function describeRun({ number, state, message, completed, wanted, failures }: Run): string {
  const failed = failures === 0 ? "" : `, ${failures} failed`;
  const progress = `run ${number}: ${completed} of ${wanted} tasks completed${failed}`;
  if (state === "RUNNING") return progress;
  return `run ${number} ${runStateText(state)}${message === "" ? "" : `: ${message}`}`;
}
