/**
 * Waits until a service is what it should be, showing how far it is: redrawn on a terminal, plain
 * lines when something changed otherwise.
 */
import type { Task } from "../model/index.ts";
import { AppError } from "../util/errors.ts";
import { sleep } from "../util/env.ts";
import { realEnv } from "../util/real-env.ts";
import type { Session } from "./command.ts";
import { allPages } from "./pages.ts";
import { taskError, title } from "./render.ts";

const POLL_MS = 150;
/** A converged service must stay so for this long before the command believes it. */
const STABLE_MS = 300;

export type Convergence = { readonly running: number; readonly wanted: number; readonly worst: string };

export async function waitForService(session: Session, id: string, timeoutMs: number): Promise<void> {
  const { client, out } = session;
  const until = realEnv.now() + timeoutMs;
  let shown = "";
  let stableSince: number | null = null;
  for (;;) {
    const { service } = await client.call("Control.GetService", { id });
    if (service === null) return;
    const tasks = await allPages(
      (request) => client.call("Control.ListTasks", request),
      (page) => page.tasks,
      [`service=${service.id}`],
    );
    const now = realEnv.now();
    const state = convergence(service.spec?.replicated?.replicas ?? 0, service.revision, tasks);
    const text = `${state.running} of ${state.wanted} tasks running${state.worst === "" ? "" : `: ${state.worst}`}`;
    if (text !== shown && !out.isJson) show(out.isTerminal, text);
    shown = text;
    stableSince = state.running === state.wanted && isQuiet(tasks, service.revision) ? (stableSince ?? now) : null;
    if (stableSince !== null && now - stableSince >= (state.wanted === 0 ? 0 : STABLE_MS)) break;
    if (now >= until) {
      throw new AppError("deadline", `${service.spec?.name ?? id}: ${text} after ${Math.round(timeoutMs / 1000)} s`, {
        next: `shoal why ${service.spec?.name ?? id}`,
      });
    }
    await sleep(realEnv, POLL_MS);
  }
  if (out.isTerminal && !out.isJson) process.stdout.write("\n");
}

/** How many slots run the wanted revision, and what the worst of the others says. */
export function convergence(wanted: number, revision: number, tasks: readonly Task[]): Convergence {
  const live = tasks.filter((task) => task.desired === "RUNNING" || task.desired === "READY");
  const good = new Set(
    live.filter((task) => task.status?.state === "RUNNING" && task.revision === revision).map((task) => task.slot),
  );
  const waiting = live.find((task) => !good.has(task.slot));
  const worst = waiting === undefined ? "" : taskError(waiting) || title(waiting.status?.state ?? "NEW");
  return { running: Math.min(good.size, wanted), wanted, worst };
}

/** Nothing of another revision is still on its way out of service. */
function isQuiet(tasks: readonly Task[], revision: number): boolean {
  return !tasks.some((task) => task.desired === "RUNNING" && task.revision !== revision);
}

function show(isTerminal: boolean, text: string): void {
  process.stdout.write(isTerminal ? `\r\u001b[2K${text}` : `${text}\n`);
}
