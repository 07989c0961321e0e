/** `shoal service run`, `runs`, `suspend` and `resume`: jobs and cron services. */
import type { Command } from "commander";
import { isGap, isOpen, runStateText } from "../model/run.ts";
import type { Run } from "../model/index.ts";
import { realEnv } from "../util/real-env.ts";
import { formatAge, formatSpan } from "../util/units.ts";
import { action, listFlags, type ListFlags, type Session } from "./command.ts";
import { waitForRun } from "./job-progress.ts";
import { withSuspended } from "./mode-flags.ts";
import type { Style } from "./output.ts";
import { allPages } from "./pages.ts";
import { shown } from "./read-change-write.ts";
import { changeService } from "./service-change.ts";
import { waitFlags, waiting, type WaitFlags } from "./service-flags.ts";

export function registerRuns(service: Command): void {
  waitFlags(service.command("run <service>").description("Run a job or cron service now, and wait for its end")).action(
    action<WaitFlags>(run),
  );
  listFlags(service.command("runs <service...>").description("List what jobs and cron services ran, newest first"))
    .addHelpText("after", "\nFilters: state (running, succeeded, failed, timed-out, stopped, skipped, missed)")
    .action(action<ListFlags>(runs));
  service
    .command("suspend <service...>")
    .description("Let no time of a cron service come; runs in progress go on")
    .action(action((session, _, words) => suspend(session, words, true)));
  service
    .command("resume <service...>")
    .description("Let a suspended cron service go on from now")
    .action(action((session, _, words) => suspend(session, words, false)));
}

async function run(session: Session, flags: WaitFlags, [id = ""]: readonly string[]): Promise<void> {
  const { client, out } = session;
  const { detach, timeoutMs } = waiting(flags);
  const answer = await client.call("Control.RunService", { requestId: client.requestId(), id });
  const started = shown(answer.run, "run");
  out.say(`${started.serviceName} run ${started.number}`);
  if (out.isJson) out.json(started);
  if (detach) return;
  const { serviceId, serviceName: name, number } = started;
  await waitForRun(session, { serviceId, name, isIt: (one) => one.number === number }, timeoutMs);
}

async function runs(session: Session, flags: ListFlags, words: readonly string[]): Promise<void> {
  const { client, out } = session;
  const found: Run[] = [];
  await session.each(words, async (id) => {
    const { service } = await client.call("Control.GetService", { id });
    const filters = [`service=${shown(service, `service "${id}"`).id}`, ...(flags.filter ?? [])];
    const read = async (request: object) => await client.call("Control.ListRuns", request);
    found.push(...(await allPages(read, (page) => page.runs, filters)));
  });
  if (found.length === 0 && session.failures.length > 0) return;
  const nowMs = realEnv.wallNow();
  out.list<Run>(
    found,
    [
      { title: "RUN", value: ({ serviceName, number }) => `${serviceName} ${number}` },
      { title: "STATE", value: stateOf, style: styleOf },
      { title: "SCHEDULED", value: ({ scheduledAtMs }) => (scheduledAtMs === 0 ? "" : timeText(scheduledAtMs)) },
      { title: "STARTED", value: (one) => (one.startedAtMs === 0 ? "" : agoText(nowMs - one.startedAtMs)) },
      { title: "DURATION", value: (one) => durationOf(one, nowMs) },
      { title: "COMPLETED", value: (one) => (isGap(one) ? "" : `${one.completed}/${one.wanted}`) },
      { title: "FAILURES", value: (one) => (isGap(one) ? "" : String(one.failures)) },
      { title: "EXIT", value: ({ exitCode }) => (exitCode === undefined ? "" : String(exitCode)) },
      { title: "MESSAGE", value: ({ message }) => message },
    ],
    ({ id }) => id,
    (one) => one,
  );
}

async function suspend(session: Session, words: readonly string[], suspended: boolean): Promise<void> {
  const { out } = session;
  await session.each(words, async (id) => {
    const { service, warnings } = await changeService(session, id, (spec) => ({
      ...spec,
      ...withSuspended(spec, suspended),
    }));
    out.changed(service, `${service.spec?.name ?? id} ${suspended ? "suspended" : "resumed"}`, warnings);
  });
}

/** `Skipped (3)` for three times in a row. */
export function stateOf({ state, times }: Run): string {
  const text = runStateText(state);
  const title = text.charAt(0).toUpperCase() + text.slice(1);
  return times > 1 ? `${title} (${times})` : title;
}

function styleOf(run: Run): Style | null {
  switch (run.state) {
    case "RUNNING":
      return "yellow";
    case "SUCCEEDED":
      return "green";
    case "FAILED":
    case "TIMED_OUT":
      return "red";
    default:
      return "dim";
  }
}

function durationOf(run: Run, nowMs: number): string {
  if (isGap(run)) return "";
  return formatSpan((isOpen(run) ? nowMs : run.finishedAtMs) - run.startedAtMs);
}

function agoText(ms: number): string {
  return `${formatAge(ms).toLowerCase()} ago`;
}

/** To the second, in UTC as every time people see. */
function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
