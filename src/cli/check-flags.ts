/** `--startup-*`, `--ready-*` and `--live-*`: the checks that the agent makes. Pure. */
import type { Check, TaskChecks } from "../model/index.ts";
import { parseDurationMs } from "../util/units.ts";
import { usage } from "./exit.ts";
import { count, integer } from "./value-syntax.ts";

/** Of one check; `Check` off is `--no-…-check`. */
type Flags<P extends string> = {
  readonly [K in `${P}Cmd` | `${P}Http` | `${P}Tcp` | `${P}Opts`]?: string;
} & { readonly [K in `${P}HttpHeader`]?: readonly string[] } & { readonly [K in `${P}Check`]?: boolean };

export type CheckFlags = Flags<"startup"> & Flags<"ready"> & Flags<"live">;

type Given = {
  readonly name: string;
  readonly cmd: string | undefined;
  readonly http: string | undefined;
  readonly tcp: string | undefined;
  readonly opts: string | undefined;
  readonly headers: readonly string[] | undefined;
  readonly isKept: boolean;
};

export function withChecks(before: TaskChecks | null, flags: CheckFlags): TaskChecks | null {
  const { startupCmd, startupHttp, startupTcp, startupOpts, startupHttpHeader, startupCheck } = flags;
  const { readyCmd, readyHttp, readyTcp, readyOpts, readyHttpHeader, readyCheck } = flags;
  const { liveCmd, liveHttp, liveTcp, liveOpts, liveHttpHeader, liveCheck } = flags;
  const startup = {
    cmd: startupCmd,
    http: startupHttp,
    tcp: startupTcp,
    opts: startupOpts,
    headers: startupHttpHeader,
  };
  const readiness = { cmd: readyCmd, http: readyHttp, tcp: readyTcp, opts: readyOpts, headers: readyHttpHeader };
  const liveness = { cmd: liveCmd, http: liveHttp, tcp: liveTcp, opts: liveOpts, headers: liveHttpHeader };
  const after = {
    startup: withCheck(before?.startup ?? null, { name: "startup", isKept: startupCheck !== false, ...startup }),
    readiness: withCheck(before?.readiness ?? null, { name: "ready", isKept: readyCheck !== false, ...readiness }),
    liveness: withCheck(before?.liveness ?? null, { name: "live", isKept: liveCheck !== false, ...liveness }),
  };
  return after.startup === null && after.readiness === null && after.liveness === null ? null : after;
}

function withCheck(before: Check | null, given: Given): Check | null {
  const { name, cmd, http, tcp, opts, headers, isKept } = given;
  const probes = [cmd, http, tcp].filter((text) => text !== undefined).length;
  if (!isKept) {
    if (probes > 0 || opts !== undefined || headers !== undefined)
      throw usage(`--no-${name}-check: goes with no other --${name} flag`);
    return null;
  }
  if (probes > 1) throw usage(`--${name}-cmd, --${name}-http, --${name}-tcp: a check has one of them`);
  const probed = probes === 0 ? before : { ...NO_CHECK, ...cadenceOf(before), ...probeOf(given, before) };
  const headed = headers === undefined ? probed : withHeaders(probed, headers, `--${name}-http`);
  if (opts === undefined) return headed;
  if (headed === null) {
    throw usage(
      `--${name}-opts: there is no such check`,
      `say what it asks with --${name}-cmd, --${name}-http or --${name}-tcp`,
    );
  }
  return { ...headed, ...parseOpts(opts, `--${name}-opts`) };
}

type Cadence = Pick<Check, "initialDelayMs" | "intervalMs" | "timeoutMs" | "failures" | "successes">;

const NO_CHECK: Cadence = { initialDelayMs: 0, intervalMs: 0, timeoutMs: 0, failures: 0, successes: 0 };

/** Another probe of the same check keeps its times. */
function cadenceOf(before: Check | null): Partial<Cadence> {
  if (before === null) return {};
  const { initialDelayMs, intervalMs, timeoutMs, failures, successes } = before;
  return { initialDelayMs, intervalMs, timeoutMs, failures, successes };
}

function probeOf({ name, cmd, http, tcp }: Given, before: Check | null): Partial<Check> {
  // As with --health-cmd: a text for the shell.
  if (cmd !== undefined) return { probe: "command", command: { command: ["/bin/sh", "-c", cmd] } };
  if (tcp !== undefined) return { probe: "tcp", tcp: { port: integer(tcp, `--${name}-tcp`) } };
  // Another address of the same check keeps its headers, as it keeps its times.
  return { probe: "http", http: { ...parseHttp(http ?? "", `--${name}-http`), headers: before?.http?.headers ?? {} } };
}

/** @param flag of the probe they go with */
function withHeaders(check: Check | null, headers: readonly string[], flag: string): Check {
  if (!check?.http) throw usage(`${flag}-header: the check asks by no HTTP`, `say which address with ${flag}`);
  // Names of headers are the same in capitals.
  const all = new Map(Object.entries(check.http.headers).map(([name, value]) => [name.toLowerCase(), { name, value }]));
  for (const text of headers) {
    const { name = "", value = "" } = /^(?<name>[^:=\s]+)\s*[:=]\s*(?<value>.*)$/s.exec(text)?.groups ?? {};
    if (name === "") throw usage(`${flag}-header: "${text}" is not NAME=VALUE`, "write it like Host=shop.example");
    if (value === "") all.delete(name.toLowerCase());
    else all.set(name.toLowerCase(), { name, value });
  }
  const headed = Object.fromEntries([...all.values()].map(({ name, value }) => [name, value]));
  return { ...check, http: { ...check.http, headers: headed } };
}

/** `8080`, `8080/ready?deep=1`, `:8080/ready`. */
function parseHttp(text: string, flag: string): NonNullable<Check["http"]> {
  const groups = /^:?(?<port>\d+)(?<path>\/.*)?$/s.exec(text)?.groups;
  if (groups === undefined) throw usage(`${flag}: "${text}" is not PORT[/PATH]`, "write it like 8080/ready");
  return { port: integer(groups["port"] ?? "", flag), path: groups["path"] ?? "/", headers: {} };
}

const KEYS = "delay, interval, timeout, failures, successes";

/** `interval=5s,timeout=1s,failures=3`. */
function parseOpts(text: string, flag: string): Partial<Cadence> {
  const cadence: { -readonly [K in keyof Cadence]?: number } = {};
  for (const part of text.split(",")) {
    const at = part.indexOf("=");
    const key = (at < 0 ? part : part.slice(0, at)).trim();
    const value = at < 0 ? "" : part.slice(at + 1).trim();
    const where = `${flag}: ${key}`;
    if (key === "delay") cadence.initialDelayMs = parseDurationMs(value, where);
    else if (key === "interval") cadence.intervalMs = parseDurationMs(value, where);
    else if (key === "timeout") cadence.timeoutMs = parseDurationMs(value, where);
    else if (key === "failures") cadence.failures = count(value, where);
    else if (key === "successes") cadence.successes = count(value, where);
    else throw usage(`${flag}: unknown key "${key}" in "${text}"`, `use ${KEYS}`);
  }
  return cadence;
}
