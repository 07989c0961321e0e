/** The health half of validate.ts: a runtime's own health check, and the checks that the agent makes. */
import { checkDuration, checkInteger, checkLength, checkOneOf, checkText, checkTexts, shown } from "./checks.ts";
import type { Check, HealthCheck, TaskChecks } from "./index.ts";
import { invalid } from "../util/errors.ts";

export const HEALTH_RETRIES_MAX = 1_000;
/** More often than this a check costs the node more than it tells. */
export const CHECK_INTERVAL_MS_MIN = 100;
export const CHECK_TIMEOUT_MS_MAX = 300_000;
/** Of failures and successes in a row. */
export const CHECK_COUNT_MAX = 1_000;
const HEADERS_MAX = 64;
const PATH_LENGTH_MAX = 2_048;
/** RFC 9110, 5.6.2. */
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/;

/** @param ofImage without a test it is the image's own that is asked */
export function validateHealth(
  health: HealthCheck | null,
  path: string,
  { ofImage }: { readonly ofImage: boolean },
): void {
  if (health === null) return;
  checkTexts(health.test, `${path}.test`);
  const [kind = "", ...rest] = health.test;
  if (health.test.length > 0) {
    checkOneOf(kind, `${path}.test[0]`, ["CMD", "CMD-SHELL", "NONE"]);
    if (kind === "CMD" && (rest[0] ?? "") === "")
      throw invalid(`${path}.test`, "CMD has no command", 'write it like ["CMD", "curl", "-f", "…"]');
    if (kind === "CMD-SHELL" && rest.length !== 1) {
      throw invalid(`${path}.test`, `CMD-SHELL has ${rest.length} commands`, "give exactly one text for the shell");
    }
    if (kind === "NONE" && rest.length > 0) throw invalid(`${path}.test`, "NONE has a command", 'write it as ["NONE"]');
  }
  checkDuration(health.intervalMs, `${path}.intervalMs`);
  checkDuration(health.timeoutMs, `${path}.timeoutMs`);
  checkDuration(health.startPeriodMs, `${path}.startPeriodMs`);
  checkDuration(health.startIntervalMs, `${path}.startIntervalMs`);
  checkInteger(health.retries, `${path}.retries`, { min: 0, max: HEALTH_RETRIES_MAX });
  refuseIdleHealth(health, path, ofImage);
}

/** What says how a check is made where none is, or never for a start that has no time. */
function refuseIdleHealth(health: HealthCheck, path: string, ofImage: boolean): void {
  const { test, intervalMs, timeoutMs, retries, startPeriodMs, startIntervalMs } = health;
  const says = { intervalMs, timeoutMs, retries, startPeriodMs, startIntervalMs };
  const given = Object.entries(says).find(([, value]) => value > 0)?.[0];
  if (given !== undefined && test[0] === "NONE")
    throw invalid(`${path}.${given}`, "there is no health check: the test is NONE", "leave it out, or give a test");
  if (given !== undefined && test.length === 0 && !ofImage)
    throw invalid(`${path}.${given}`, "a process has no health check but its own test", `give it one: ${path}.test`);
  if (test.length > 0 && startIntervalMs > 0 && startPeriodMs === 0)
    throw invalid(`${path}.startIntervalMs`, "there is no start period", "give one: startPeriodMs");
}

export function validateTaskChecks(
  { startup, readiness, liveness }: TaskChecks,
  path: string,
  { isJob }: { isJob: boolean },
): void {
  if (isJob && readiness !== null) {
    throw invalid(`${path}.readiness`, "is set on a job, which takes no traffic", "leave it out, or use startup");
  }
  if (startup !== null) validateCheck(startup, `${path}.startup`, { successesMax: 1 });
  if (readiness !== null) validateCheck(readiness, `${path}.readiness`, { successesMax: CHECK_COUNT_MAX });
  if (liveness !== null) validateCheck(liveness, `${path}.liveness`, { successesMax: 1 });
}

function validateCheck(check: Check, path: string, { successesMax }: { successesMax: number }): void {
  validateProbe(check, path);
  checkDuration(check.initialDelayMs, `${path}.initialDelayMs`);
  checkDuration(check.intervalMs, `${path}.intervalMs`);
  if (check.intervalMs > 0 && check.intervalMs < CHECK_INTERVAL_MS_MIN) {
    throw invalid(
      `${path}.intervalMs`,
      `${check.intervalMs} ms is too often`,
      `use at least ${CHECK_INTERVAL_MS_MIN} ms, or 0 for the default`,
    );
  }
  checkInteger(check.timeoutMs, `${path}.timeoutMs`, { min: 0, max: CHECK_TIMEOUT_MS_MAX });
  checkInteger(check.failures, `${path}.failures`, { min: 0, max: CHECK_COUNT_MAX });
  if (successesMax === 1 && check.successes > 1) {
    throw invalid(`${path}.successes`, `is ${check.successes}`, "only a readiness check may ask for more than one");
  }
  checkInteger(check.successes, `${path}.successes`, { min: 0, max: successesMax });
}

function validateProbe({ command, http, tcp }: Check, path: string): void {
  const given = [command, http, tcp].filter((probe) => probe !== null && probe !== undefined);
  if (given.length !== 1) {
    const what = given.length === 0 ? "has no probe" : `has ${given.length} probes`;
    throw invalid(path, what, "give one of command, http and tcp");
  }
  if (command) {
    checkTexts(command.command, `${path}.command.command`);
    if ((command.command[0] ?? "") === "")
      throw invalid(`${path}.command.command`, "a program is needed", "give the program and its arguments");
  }
  if (http) {
    checkPort(http.port, `${path}.http.port`);
    checkPath(http.path, `${path}.http.path`);
    checkHeaders(http.headers, `${path}.http.headers`);
  }
  if (tcp) checkPort(tcp.port, `${path}.tcp.port`);
}

function checkPort(port: number, path: string): void {
  checkInteger(port, path, { min: 1, max: 65_535 });
}

/** What fits into the first line of a request. */
function checkPath(value: string, path: string): void {
  if (value === "") return;
  if (!value.startsWith("/") || !/^[\x21-\x7e]*$/.test(value) || value.length > PATH_LENGTH_MAX) {
    throw invalid(
      path,
      `"${shown(value)}" is not the path of a URL`,
      `start it with /, encode spaces and letters beyond ASCII, at most ${PATH_LENGTH_MAX} characters`,
    );
  }
}

function checkHeaders(headers: Readonly<Record<string, string>>, path: string): void {
  const entries = Object.entries(headers);
  checkLength(entries, path, HEADERS_MAX);
  for (const [name, value] of entries) {
    const here = `${path}.${shown(name)}`;
    if (!HEADER_NAME.test(name)) throw invalid(here, "is not the name of a header", "use a name like Host or X-Probe");
    checkText(value, here);
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
      throw invalid(here, "its value does not fit into one line of a request", "leave out line breaks");
  }
}
