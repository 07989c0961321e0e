/**
 * Waits until a service is what it should be, showing how far it is on standard error: redrawn on a
 * terminal, plain lines when something changed otherwise.
 */
import type { Service, Task, TaskSpec } from "../model/index.ts";
import { slotName } from "../model/naming.ts";
import { specDifference } from "../model/revision-diff.ts";
import { isHealthy, isTerminal, isWanted, observedState } from "../model/task-state.ts";
import { AppError } from "../util/errors.ts";
import { sleep } from "../util/env.ts";
import { realEnv } from "../util/real-env.ts";
import type { Session } from "./command.ts";
import { EXIT } from "./exit.ts";
import { oneLine, type Output } from "./output.ts";
import { allPages } from "./pages.ts";
import { taskError, title } from "./render.ts";

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
  /** Tasks of older revisions still run: what is counted is the ones that replace them. */
  readonly isUpdate: boolean;
};

export async function waitForService(session: Session, service: Service, timeoutMs: number): Promise<void> {
  const name = service.spec?.name ?? service.id;
  await withProgressLine(session, name, async (line) => await converge(session, service.id, { name, timeoutMs, line }));
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

type Wait = { readonly name: string; readonly timeoutMs: number; readonly line: ProgressLine };

async function converge(session: Session, id: string, { name, timeoutMs, line }: Wait): Promise<void> {
  const startedAt = realEnv.now();
  let stableSince: number | null = null;
  for (;;) {
    const state = await look(session, id);
    const now = realEnv.now();
    line.show(describe(state));
    stableSince = state.isDone ? (stableSince ?? now) : null;
    if (stableSince !== null && now - stableSince >= (state.wanted === 0 ? 0 : STABLE_MS)) return;
    if (now - startedAt >= timeoutMs) {
      const text = `${name}: ${describe(state)}, after ${timeoutMs < 1000 ? `${timeoutMs} ms` : `${Math.round(timeoutMs / 1000)} s`}`;
      throw new AppError("deadline", text, { next: `shoal why ${name}` });
    }
    await sleep(realEnv, POLL_MS);
  }
}

async function look({ client }: Session, id: string): Promise<Convergence> {
  const { service, desired } = await client.call("Control.GetService", { id });
  const tasks = await allPages(
    (request) => client.call("Control.ListTasks", request),
    (page) => page.tasks,
    [`service=${id}`],
  );
  const current = service?.revision ?? 0;
  const kept = await keptRevisions(client, service?.spec?.task ?? null, current, tasks);
  const asCurrent = tasks.map((task) => (kept.has(task.revision) ? { ...task, revision: current } : task));
  return convergence(desired, current, asCurrent);
}

/**
 * Older revisions that ask for the same: an update back to what some tasks still run leaves those
 * alone, and they count as up to date.
 */
async function keptRevisions(
  client: Session["client"],
  wanted: TaskSpec | null,
  current: number,
  tasks: readonly Task[],
): Promise<ReadonlySet<number>> {
  const kept = new Set<number>();
  const examples = new Map(tasks.filter(isWanted).map((task) => [task.revision, task]));
  for (const [revision, task] of examples) {
    if (revision === current || wanted === null) continue;
    const { spec } = await client.call("Control.GetTask", { id: task.id });
    if (spec !== null && specDifference(spec, wanted) !== "other") kept.add(revision);
  }
  return kept;
}

export function describe({ running, wanted, worst, isUpdate }: Convergence): string {
  return `${running} of ${wanted} tasks ${isUpdate ? "updated" : "running"}${worst === "" ? "" : `: ${worst}`}`;
}

/** Done: every slot has a healthy task of this revision, and nothing else is wanted or still stopping. */
export function convergence(wanted: number, revision: number, tasks: readonly Task[]): Convergence {
  const live = tasks.filter(isWanted);
  const good = new Set(live.filter((task) => task.revision === revision && isHealthy(task)).map(slotName));
  const waiting = live.find((task) => !good.has(slotName(task)));
  const worst = waiting === undefined ? "" : oneLine(trouble(waiting, tasks));
  const isUpdate = live.some((task) => task.revision !== revision);
  const isOverfull = isUpdate || new Set(live.map(slotName)).size > wanted;
  return { running: Math.min(good.size, wanted), wanted, worst, isDone: good.size === wanted && !isOverfull, isUpdate };
}

/** A replacement that waits for its turn says nothing itself: what its slot's last attempt ended with does. */
function trouble(task: Task, tasks: readonly Task[]): string {
  const own = taskError(task);
  if (own !== "") return own;
  const failed = tasks
    .filter((other) => other.serviceId === task.serviceId && slotName(other) === slotName(task))
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
