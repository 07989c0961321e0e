/** `shoal events`: what happened, from any manager, and with --follow what happens. */
import type { Command } from "commander";
import type { Event, EventGap, EventLevel, EventPosition } from "../model/index.ts";
import type { ReadEventsResponse } from "../proto/gen/ReadEventsResponse.ts";
import { realEnv } from "../util/real-env.ts";
import { action, many, staleFlag, type Session } from "./command.ts";
import { parseSince } from "./logs.ts";
import { oneLine, type Output, type Painter, type Style } from "./output.ts";
import { shortId } from "./render.ts";

export type EventFlags = {
  readonly since?: string;
  readonly until?: string;
  readonly follow?: boolean;
  readonly filter?: readonly string[];
  readonly trunc?: boolean;
};

const DEFAULT_SINCE = "24h";
const PAGE_SIZE = 500;
/** Of one call that waits for news; shorter than one attempt of a call. */
const WAIT_MS = 5_000;

const FILTERS = `
Filters: type (service, task, node, run, cluster), event (running, failed, moved, ...), level (info, warning, error; that
one or worse), service, node, task, actor`;

export function registerEvents(command: Command): void {
  staleFlag(command)
    .option("--since <when>", `only newer: a duration (10m), a date, or Unix seconds (${DEFAULT_SINCE})`)
    .option("--until <when>", "only older")
    .option("--follow", "go on as they come; without --since only those to come")
    .option("-f, --filter <key=value>", "only what matches (repeatable)", many)
    .option("--no-trunc", "whole ids")
    .addHelpText("after", FILTERS)
    .action(action<EventFlags>(showEvents));
}

export async function showEvents(session: Session, flags: EventFlags): Promise<void> {
  const { client, out } = session;
  const { filter: filters = [], follow = false, since, until } = flags;
  const nowMs = realEnv.wallNow();
  const untilMs = until === undefined ? 0 : parseSince(until, nowMs, "--until");
  const sinceMs = since === undefined && follow ? 0 : parseSince(since ?? DEFAULT_SINCE, nowMs);
  const asked = { filters: [...filters], untilMs, pageSize: PAGE_SIZE, consistency: "LINEARIZABLE" as const };
  const read = async (where: object): Promise<ReadEventsResponse> =>
    await client.call("Events.Read", { ...asked, ...where });
  // What is to come begins at a place that every manager knows, also when the next call goes to another one.
  let answer = await read(sinceMs === 0 ? { fromNow: true } : { sinceMs });
  for (;;) {
    show(out, answer, flags);
    const after: EventPosition = answer.next ?? { version: 0, n: 0 };
    const isOver = untilMs > 0 && realEnv.wallNow() > untilMs;
    if (!answer.hasMore && (!follow || isOver)) return;
    answer = await read(answer.hasMore ? { after, sinceMs } : { after, sinceMs, waitMs: WAIT_MS });
  }
}

function show(out: Output, { events: found, gaps }: ReadEventsResponse, flags: EventFlags): void {
  const paint = out.painter(out.out);
  const missing = gaps.toSorted((a, b) => a.upToVersion - b.upToVersion);
  for (const event of found) {
    while (missing[0] !== undefined && missing[0].upToVersion < event.version) showGap(out, missing.shift());
    if (out.isJson) out.json({ time: timeText(event.timeMs), ...event });
    else out.line(eventLine(event, { paint, isShort: flags.trunc !== false }));
  }
  for (const gap of missing) showGap(out, gap);
}

function showGap(out: Output, gap: EventGap | undefined): void {
  if (gap === undefined) return;
  if (out.isJson) out.json({ time: timeText(gap.upToMs), type: "gap", ...gap });
  else out.note(gapText(gap));
}

export function gapText({ upToMs, expired }: EventGap): string {
  const time = timeText(upToMs);
  if (expired)
    return `Events up to ${time} are kept no longer (shoal cluster update --events-kept-for, --events-kept).`;
  return `Some events up to ${time} are missing: the manager that was asked got its state as a snapshot. Another one may have them.`;
}

const STYLES: Readonly<Record<EventLevel, Style | null>> = { INFO: null, WARNING: "yellow", ERROR: "red" };

/** `2026-03-01T12:00:00.000Z task failed web.1 3k9x… (node=worker1, exitCode=1, actor=node:worker1) exit code 1`. */
export function eventLine(
  event: Event,
  { paint, isShort }: { readonly paint: Painter; readonly isShort: boolean },
): string {
  const { type, action: what, level, id, name, nodeName, nodeId, cause, message, exitCode } = event;
  const actor = cause?.actor === `node:${nodeId}` && nodeName !== "" ? `node:${nodeName}` : (cause?.actor ?? "");
  const attributes = [
    ["name", name],
    ["node", type === "node" ? "" : nodeName],
    ["exitCode", exitCode === undefined ? "" : String(exitCode)],
    ["actor", actor],
  ].filter(([, value]) => value !== "");
  const shown = attributes.map(([key, value]) => `${key}=${value}`).join(", ");
  const head = `${timeText(event.timeMs)} ${type} ${paint(STYLES[level], what)} ${isShort ? shortId(id) : id} (${shown})`;
  const words = [message, cause?.reason ?? ""].filter((text) => text !== "");
  return oneLine([head, words.join(": ")].join(" ").trimEnd());
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
