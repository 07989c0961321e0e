/** The health check of a plain process, by Docker's rules, as a check among others (../check.ts). */
import type { HealthCheck } from "../../../model/index.ts";
import { sleep, type Env } from "../../../util/env.ts";
import { isAppError } from "../../../util/errors.ts";
import { afterProbe, beginCheck, postponed, type CheckRule, type CheckState } from "../check.ts";
import type { RuntimeState } from "../executor.ts";
import { probeCommand, type CommandTarget } from "./command-probe.ts";

export type Health = RuntimeState["health"];

/** Docker's own where the spec says nothing. */
export const HEALTH_DEFAULTS = { intervalMs: 30_000, timeoutMs: 30_000, retries: 3, startIntervalMs: 5_000 };

export function hasHealthCheck(health: HealthCheck | null): health is HealthCheck {
  const kind = health?.test[0];
  return kind !== undefined && kind !== "NONE";
}

/** A CMD-SHELL is run by sh; a test without either word is a CMD. */
export function healthCommand({ test }: HealthCheck): readonly string[] {
  const [kind = "", ...rest] = test;
  if (kind === "CMD-SHELL") return ["/bin/sh", "-c", rest.join(" ")];
  return kind === "CMD" ? rest : test;
}

/** The first probe comes one interval after the start, in a start period one of its own. */
export function healthRule(check: HealthCheck): CheckRule {
  const intervalMs = check.intervalMs || HEALTH_DEFAULTS.intervalMs;
  const startIntervalMs = check.startIntervalMs || Math.min(HEALTH_DEFAULTS.startIntervalMs, intervalMs);
  const { startPeriodMs } = check;
  return {
    initialDelayMs: startPeriodMs > 0 ? startIntervalMs : intervalMs,
    intervalMs,
    failures: check.retries || HEALTH_DEFAULTS.retries,
    successes: 1,
    startPeriodMs,
    startIntervalMs,
  };
}

export type ProbeTarget = CommandTarget & {
  readonly health: HealthCheck;
  /** Since the process started, which may have been before this agent. */
  readonly ranMs: number;
  readonly first: Health;
};

/** Runs until the signal aborts. */
export async function probeForever(
  env: Env,
  { health: check, ranMs, first, ...target }: ProbeTarget,
  { signal, onHealth }: { signal: AbortSignal; onHealth: (health: Health) => void },
): Promise<void> {
  const rule = healthRule(check);
  const timeoutMs = check.timeoutMs || HEALTH_DEFAULTS.timeoutMs;
  const now = env.now();
  let state: CheckState = { ...beginCheck(rule, now, toVerdict(first)), beganAtMs: now - ranMs };
  for (;;) {
    await sleep(env, Math.max(0, state.dueAtMs - env.now()), signal);
    const outcome = await probeCommand(env, healthCommand(check), { target, limits: { timeoutMs, signal } }).catch(
      (error: unknown) => {
        if (isAppError(error, "unavailable")) return null;
        throw error;
      },
    );
    if (outcome === null) {
      state = postponed(rule, state, env.now());
      continue;
    }
    const next = afterProbe(rule, state, outcome, env.now());
    if (next.verdict !== state.verdict) onHealth(toHealth(next.verdict));
    state = next;
  }
}

function toVerdict(health: Health): CheckState["verdict"] {
  return health === "healthy" ? "passing" : health === "unhealthy" ? "failing" : "pending";
}

function toHealth(verdict: CheckState["verdict"]): Health {
  return verdict === "passing" ? "healthy" : verdict === "failing" ? "unhealthy" : "starting";
}
