/**
 * When a cron expression fires: the one door to croner. Pure: a schedule is asked for the times
 * around a given one and never looks at a clock. Times are local to its time zone, and where that
 * changes its offset:
 * - a fixed time that the change leaves out (02:30 in spring) fires at the first moment after it, one
 *   that comes twice (in autumn) fires the first time only;
 * - with a `*` or a step in minutes or hours, times left out are left out, and what comes twice fires
 *   twice: the interval stays what it is.
 */
import { Cron } from "croner";
import { shown } from "./checks.ts";
import { invalid } from "../util/errors.ts";

export const SCHEDULE_LENGTH_MAX = 256;
/** Where a schedule lives that names no time zone. */
export const DEFAULT_TIME_ZONE = "UTC";

const NEXT = "write minute hour day month weekday, like */5 * * * *; a sixth field before them is seconds";
/** Expressions have no year, so what never fires after this never fires. */
const SOME_DAY_MS = Date.UTC(2000, 0, 1);
/** croner reads dates, and words of its own, as other things than schedules. */
const FORM = /^(?:\S+ \S+ \S+ \S+ \S+(?: \S+)?|@[a-z]+)$/i;

export type Schedule = {
  /** Unix ms of the first time after `ms`; null if there is none. About 0.2 ms of work. */
  next(ms: number): number | null;
  /** Unix ms of the last time before `ms`; null if there is none. */
  previous(ms: number): number | null;
};

export type ScheduleText = { readonly schedule: string; readonly timeZone: string };

/** Compiling takes a millisecond, and a cron service is planned at every change of its tasks. */
const COMPILED_MAX = 256;
const compiled = new Map<string, Schedule>();

/** Of a stored spec, which was validated. */
export function scheduleOf(text: ScheduleText): Schedule {
  const key = `${text.timeZone} ${text.schedule}`;
  const known = compiled.get(key);
  if (known !== undefined) return known;
  if (compiled.size >= COMPILED_MAX) compiled.clear();
  const schedule = parseSchedule(text);
  compiled.set(key, schedule);
  return schedule;
}

/** One space between fields. */
export function normalSchedule(text: string): string {
  return text.trim().split(/\s+/).join(" ");
}

/** @param path of the message that has both fields. @throws AppError invalid */
export function parseSchedule({ schedule, timeZone }: ScheduleText, path = "spec.cron"): Schedule {
  const timezone = checkTimeZone(timeZone, `${path}.timeZone`);
  const cron = compile(normalSchedule(schedule), timezone, `${path}.schedule`);
  const parsed: Schedule = {
    next: (ms) => cron.nextRun(new Date(ms))?.getTime() ?? null,
    previous: (ms) => cron.previousRuns(1, new Date(ms))[0]?.getTime() ?? null,
  };
  if (parsed.next(SOME_DAY_MS) === null)
    throw invalid(`${path}.schedule`, `"${schedule}" never comes`, "look at its day and month");
  return parsed;
}

function compile(schedule: string, timezone: string, path: string): Cron {
  if (schedule === "") throw invalid(path, "a schedule is needed", NEXT);
  if (schedule.length > SCHEDULE_LENGTH_MAX || !FORM.test(schedule))
    throw invalid(path, `"${shown(schedule)}" is not a cron expression`, NEXT);
  try {
    // As Vixie cron has it, `30 2,14 * * *` is two fixed times a day.
    return new Cron(schedule, { timezone, mode: "5-or-6-parts", fixedTimeRule: "no-wildcard", paused: true });
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^CronPattern: /, "") : String(error);
    throw invalid(path, `"${schedule}" is not a cron expression: ${why}`, NEXT);
  }
}

function checkTimeZone(name: string, path: string): string {
  if (name === "") return DEFAULT_TIME_ZONE;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    throw invalid(
      path,
      `"${shown(name)}" is not a time zone`,
      "use a name like Europe/Berlin, or leave it out for UTC",
    );
  }
}
