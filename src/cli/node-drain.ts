/** `shoal node drain`: tasks leave in turns, each once another one serves elsewhere; `--wait` looks until they are gone. */
import type { Command } from "commander";
import { DEFAULT_DRAIN_DEADLINE_MS } from "../model/drain.ts";
import type { Node, NodeSpec, Task } from "../model/index.ts";
import { nodeName, taskName } from "../model/naming.ts";
import { isTerminal, observedState } from "../model/task-state.ts";
import { AppError } from "../util/errors.ts";
import { sleep } from "../util/env.ts";
import { realEnv } from "../util/real-env.ts";
import { formatSpan, parseDurationMs } from "../util/units.ts";
import { action, type Session } from "./command.ts";
import { changeNode } from "./node-change.ts";
import { allPages } from "./pages.ts";
import { count } from "./value-syntax.ts";

export type DrainFlags = {
  readonly deadline?: string;
  readonly parallelism?: string;
  readonly wait?: boolean;
  readonly waitTimeout?: string;
};

const POLL_MS = 300;
/** Beyond the deadline, for what then is stopped to stop. */
const STOP_MS = 60_000;

export function registerDrain(node: Command): void {
  node
    .command("drain <node...>")
    .description("Move every task off nodes: each stops when another one serves elsewhere")
    .option("--deadline <duration>", "stop then what still runs, though it runs nowhere else (10m)")
    .option("--parallelism <n>", "tasks that leave a node at once (4)")
    .option("--wait", "until no task is left on them")
    .option("--wait-timeout <duration>", "how long to wait (a minute longer than the deadline)")
    .action(action<DrainFlags>(drain));
}

async function drain(session: Session, flags: DrainFlags, words: readonly string[]): Promise<void> {
  const change = parseDrain(flags);
  const timeoutMs = flags.waitTimeout === undefined ? null : parseDurationMs(flags.waitTimeout, "--wait-timeout");
  const drained: Node[] = [];
  await session.each(words, async (id) => {
    const { node, warnings } = await changeNode(session, id, change);
    drained.push(node);
    session.out.changed(node, nodeName(node), warnings);
  });
  if (drained.length === 0) return;
  if (flags.wait === true) for (const node of drained) await waitUntilEmpty(session, node, timeoutMs);
  else session.out.note("Next: shoal node ls, or drain again with --wait to see when it is empty");
}

/** What no flag names stays as it was asked for last. */
export function parseDrain({ deadline, parallelism }: DrainFlags): (spec: NodeSpec) => NodeSpec {
  const drainDeadlineMs = deadline === undefined ? 0 : parseDurationMs(deadline, "--deadline");
  const drainParallelism = parallelism === undefined ? 0 : count(parallelism, "--parallelism");
  return (spec) => ({
    ...spec,
    availability: "DRAIN",
    drainDeadlineMs: drainDeadlineMs || spec.drainDeadlineMs,
    drainParallelism: drainParallelism || spec.drainParallelism,
  });
}

async function waitUntilEmpty({ client, out }: Session, node: Node, timeoutMs: number | null): Promise<void> {
  const startedAt = realEnv.now();
  const patienceMs = timeoutMs ?? (node.spec?.drainDeadlineMs || DEFAULT_DRAIN_DEADLINE_MS) + STOP_MS;
  let said = "";
  for (;;) {
    const tasks = await allPages(
      (request) => client.call("Control.ListTasks", request),
      (page) => page.tasks,
      [`node=${node.id}`],
    );
    const left = tasks.filter((task) => !isTerminal(observedState(task)));
    if (left.length === 0) {
      out.note(`${nodeName(node)} is empty`);
      return;
    }
    const text = leftText(left);
    if (text !== said) out.note(`${nodeName(node)}: ${text}`);
    said = text;
    if (realEnv.now() - startedAt >= patienceMs) {
      throw new AppError("deadline", `${nodeName(node)}: ${text}, after ${formatSpan(patienceMs)}`, {
        next: `shoal why ${nodeName(node)}`,
      });
    }
    await sleep(realEnv, POLL_MS);
  }
}

export function leftText(left: readonly Task[]): string {
  const names = left.slice(0, 3).map(taskName).join(", ");
  const more = left.length > 3 ? ` and ${left.length - 3} more` : "";
  return `${left.length} ${left.length === 1 ? "task" : "tasks"} left: ${names}${more}`;
}
