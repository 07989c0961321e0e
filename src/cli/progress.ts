/**
 * Waits until a service is what it should be, showing how far it is on standard error: redrawn on a
 * terminal, plain lines when something changed otherwise.
 */
import type { Service, Task } from "../model/index.ts";
import { slotName } from "../model/naming.ts";
import { isFinished } from "../model/rollout.ts";
import { isReady, isTerminal, isWanted, observedState } from "../model/task-state.ts";
import { AppError } from "../util/errors.ts";
import { sleep } from "../util/env.ts";
import { realEnv } from "../util/real-env.ts";
import { formatSpan } from "../util/units.ts";
import type { Session } from "./command.ts";
import { EXIT } from "./exit.ts";
import { oneLine, type Output } from "./output.ts";
import { allPages } from "./pages.ts";
import { shown } from "./read-change-write.ts";
import { taskError, title } from "./render.ts";
import { rolloutPatienceMs, viewRollout } from "./rollout-progress.ts";
import { WAIT_TIMEOUT_MS } from "./service-flags.ts";

export const POLL_MS = 150;
/** Longer than what fails at its start takes to fail: only then is it believed to run. */
const STABLE_MS = 1000;
/** Of a terminal's line; a wrapped one cannot be redrawn. */
const WIDTH_DEFAULT = 80;

export type Convergence = {
  readonly running: number;
  readonly wanted: number;
  /** What the first of the others says. */
  readonly worst: string;
  readonly isDone: boolean;
};

export type Awaited = {
  /** Null waits as long as something changes: a rollout ends by itself. */
  readonly timeoutMs: number | null;
  /** The number of replicas is what was changed. */
  readonly isForReplicas?: boolean;
};

/** @param service as the change left it */
export async function waitForService(session: Session, service: Service, awaited: Awaited): Promise<void> {
  const name = service.spec?.name ?? service.id;
  let note = "";
  await withProgressLine(session, name, async (line) => {
    note = await converge(session, service, { name, line, ...awaited });
  });
  if (note !== "") session.out.note(note);
}

/** Ctrl-C ends the waiting, not what is waited for. */
export async function withProgressLine(
  session: Session,
  name: string,
  work: (line: ProgressLine) => Promise<void>,
): Promise<void> {
  const line = new ProgressLine(session.out, name);
  const onInterrupt = (): void => {
    line.end();
    session.out.note(`The change goes on. Look with: shoal service ps ${name}`);
    process.exit(EXIT.interrupted);
  };
  process.once("SIGINT", onInterrupt);
  try {
    await work(line);
  } finally {
    line.end();
    process.removeListener("SIGINT", onInterrupt);
  }
}

type Wait = Awaited & { readonly name: string; readonly line: ProgressLine };

/** @returns what is left to say. */
async function converge(session: Session, changed: Service, wait: Wait): Promise<string> {
  const { name, timeoutMs, line, isForReplicas = false } = wait;
  const begun = changed.rollout !== null && !isFinished(changed.rollout.state) ? changed.rollout : null;
  const patienceMs = begun === null ? WAIT_TIMEOUT_MS : rolloutPatienceMs(changed);
  const startedAt = realEnv.now();
  let said = "";
  let saidAt = startedAt;
  let stableSince: number | null = null;
  for (;;) {
    const { service, state } = await look(session, changed.id);
    if (isForReplicas) refuseOvertaken(changed, service);
    const view = viewRollout(service, begun);
    if (view.kind === "failed") throw view.error;
    if (view.kind === "canary") return view.note;
    const now = realEnv.now();
    const text = view.kind === "going" ? withWorst(view.text, state) : describe(state);
    line.show(text);
    if (text !== said) saidAt = now;
    said = text;
    stableSince = view.kind === "done" && state.isDone ? (stableSince ?? now) : null;
    const stableMs = state.wanted === 0 || begun !== null ? 0 : STABLE_MS;
    if (stableSince !== null && now - stableSince >= stableMs) return view.kind === "done" ? view.note : "";
    const waitedMs = now - (timeoutMs === null && begun !== null ? saidAt : startedAt);
    if (waitedMs >= (timeoutMs ?? patienceMs)) {
      throw new AppError("deadline", `${name}: ${text}, after ${formatSpan(now - startedAt)}`, {
        next: `shoal why ${name}`,
      });
    }
    await sleep(realEnv, POLL_MS);
  }
}

/** Somebody else's number came before this one was reached: that their number runs is no success of this change. */
export function refuseOvertaken(changed: Service, now: Service): void {
  const [asked, found] = [changed.spec?.replicated?.replicas, now.spec?.replicated?.replicas];
  if (asked === undefined || found === undefined || asked === found) return;
  const name = now.spec?.name ?? now.id;
  const by = now.cause === null ? "" : `, by ${now.cause.actor}`;
  throw new AppError("conflict", `${name}: its replicas were changed to ${found} before ${asked} ran${by}`, {
    next: `shoal events --filter service=${name}`,
  });
}

async function look(
  { client }: Session,
  id: string,
): Promise<{ readonly service: Service; readonly state: Convergence }> {
  const { service, desired } = await client.call("Control.GetService", { id });
  const tasks = await allPages(
    (request) => client.call("Control.ListTasks", request),
    (page) => page.tasks,
    [`service=${id}`],
  );
  return { service: shown(service, "service"), state: convergence(desired, tasks) };
}

export function describe(state: Convergence): string {
  return withWorst(`${state.running} of ${state.wanted} tasks running`, state);
}

function withWorst(text: string, { worst }: Convergence): string {
  return worst === "" ? text : `${text}: ${worst}`;
}

/** Done: every slot has a ready task, and nothing else is wanted. */
export function convergence(wanted: number, tasks: readonly Task[]): Convergence {
  const live = tasks.filter(isWanted);
  const good = new Set(live.filter(isReady).map(slotName));
  const waiting = live.find((task) => !good.has(slotName(task))) ?? live.find((task) => !isReady(task));
  const worst = waiting === undefined ? "" : oneLine(trouble(waiting, tasks));
  const isOverfull = new Set(live.map(slotName)).size > wanted;
  return { running: Math.min(good.size, wanted), wanted, worst, isDone: good.size === wanted && !isOverfull };
}

/** A replacement that waits for its turn says nothing itself: what its slot's last attempt ended with does. */
function trouble(task: Task, tasks: readonly Task[]): string {
  const own = taskError(task);
  if (own !== "") return own;
  const failed = tasks
    .filter((other) => other.serviceId === task.serviceId && slotName(other) === slotName(task))
    // What an earlier revision failed of says nothing of this one.
    .filter((other) => other.revision === task.revision)
    .filter((other) => other !== task && isTerminal(observedState(other)) && taskError(other) !== "")
    .toSorted((a, b) => (b.meta?.createdAtMs ?? 0) - (a.meta?.createdAtMs ?? 0))[0];
  const state = title(observedState(task));
  return failed === undefined ? state : `${state}, the last one failed: ${taskError(failed)}`;
}

/** One line of progress on standard error. */
export class ProgressLine {
  readonly #out: Output;
  readonly #prefix: string;
  readonly #isRedrawn: boolean;
  #shown = "";
  #isOpen = false;

  constructor(out: Output, name: string) {
    this.#out = out;
    this.#prefix = `${name}: `;
    this.#isRedrawn = out.err.isTTY === true;
  }

  show(text: string): void {
    if (this.#out.isJson || this.#out.isQuiet || text === this.#shown) return;
    this.#shown = text;
    const line = this.#prefix + text;
    if (!this.#isRedrawn) {
      this.#out.err.write(`${line}\n`);
      return;
    }
    // A terminal that does not know its width says 0.
    const columns = this.#out.err.columns || WIDTH_DEFAULT;
    const cut = line.length < columns ? line : `${line.slice(0, Math.max(0, columns - 2))}…`;
    this.#out.err.write(`\r\u001b[2K${cut}`);
    this.#isOpen = true;
  }

  /** Leaves a redrawn line behind. Idempotent. */
  end(): void {
    if (this.#isOpen) this.#out.err.write("\n");
    this.#isOpen = false;
  }
}
