/**
 * Health of a plain process, by Docker's rules: the first probe one interval after the start, `retries` failures in a
 * row make it unhealthy, failures within the start period count only after a first success.
 */
import { spawn } from "node:child_process";
import type { HealthCheck } from "../../../model/index.ts";
import { sleep, type Env } from "../../../util/env.ts";
import type { RuntimeState } from "../executor.ts";
import { sendSignal } from "./proc.ts";
import { closedStdio } from "./stdio.ts";

export type Health = RuntimeState["health"];

/** Docker's own where the spec says nothing. */
export const HEALTH_DEFAULTS = { intervalMs: 30_000, timeoutMs: 30_000, retries: 3 };

export function hasHealthCheck(health: HealthCheck | null): health is HealthCheck {
  const kind = health?.test[0];
  return kind !== undefined && kind !== "NONE";
}

/** A CMD-SHELL is run by sh; a test without either word is a CMD. */
export function probeCommand({ test }: HealthCheck): readonly string[] {
  const [kind = "", ...rest] = test;
  if (kind === "CMD-SHELL") return ["/bin/sh", "-c", rest.join(" ")];
  return kind === "CMD" ? rest : test;
}

export type Streak = { readonly health: Health; readonly failures: number };

/** One probe's outcome. Pure. */
export function afterProbe(
  { health, failures }: Streak,
  { isOk, isStarting, retries }: { isOk: boolean; isStarting: boolean; retries: number },
): Streak {
  if (isOk) return { health: "healthy", failures: 0 };
  if (isStarting && health === "starting") return { health, failures };
  const next = failures + 1;
  return { health: next >= retries ? "unhealthy" : health, failures: next };
}

export type ProbeTarget = {
  readonly health: HealthCheck;
  readonly startedAtMs: number;
  readonly env: Record<string, string>;
  readonly dir: string;
  readonly first: Health;
};

/** Runs until the signal aborts. */
export async function probeForever(
  env: Env,
  { health: check, startedAtMs, env: variables, dir, first }: ProbeTarget,
  { signal, onHealth }: { signal: AbortSignal; onHealth: (health: Health) => void },
): Promise<void> {
  const intervalMs = check.intervalMs || HEALTH_DEFAULTS.intervalMs;
  const timeoutMs = check.timeoutMs || HEALTH_DEFAULTS.timeoutMs;
  const retries = check.retries || HEALTH_DEFAULTS.retries;
  let streak: Streak = { health: first, failures: 0 };
  for (;;) {
    await sleep(env, intervalMs, signal);
    const isStarting = env.wallNow() - startedAtMs < check.startPeriodMs;
    const isOk = await probe(env, probeCommand(check), { variables, dir, timeoutMs, signal });
    signal.throwIfAborted();
    const next = afterProbe(streak, { isOk, isStarting, retries });
    if (next.health !== streak.health) onHealth(next.health);
    streak = next;
  }
}

async function probe(
  env: Env,
  [file = "", ...args]: readonly string[],
  {
    variables,
    dir,
    timeoutMs,
    signal,
  }: { variables: Record<string, string>; dir: string; timeoutMs: number; signal: AbortSignal },
): Promise<boolean> {
  // Its own group, so that a probe that hangs is killed with everything it started.
  const child = spawn(file, args, { cwd: dir, env: variables, stdio: closedStdio(), detached: true });
  return await new Promise((resolve) => {
    const kill = (): void => {
      if (child.pid !== undefined) sendSignal(-child.pid, 9);
      done(false);
    };
    const timer = env.setTimer(timeoutMs, kill);
    const done = (isOk: boolean): void => {
      timer.cancel();
      signal.removeEventListener("abort", kill);
      resolve(isOk);
    };
    signal.addEventListener("abort", kill, { once: true });
    child.once("error", () => done(false));
    child.once("exit", (code) => done(code === 0));
  });
}
