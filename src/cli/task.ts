/** `shoal task ...`, and the table of tasks `service ps` shares. */
import type { Command } from "commander";
import type { Task } from "../model/index.ts";
import { nodeName, slotName, taskName } from "../model/naming.ts";
import { isTerminal, isWanted, observedState } from "../model/task-state.ts";
import { realEnv } from "../util/real-env.ts";
import { action, listFlags, staleFlag, type ListFlags, type Session } from "./command.ts";
import { allPages } from "./pages.ts";
import { waitForService } from "./progress.ts";
import { shown } from "./read-change-write.ts";
import { waitFlags, waiting, type WaitFlags } from "./service-flags.ts";
import { ports, shortError, shortId, taskError, taskState, taskStyle, title } from "./render.ts";

export function registerTask(task: Command): void {
  listFlags(task.command("ls").description("List tasks"))
    .addHelpText(
      "after",
      "\nFilters: service, node, name, id, label, run, desired-state, state (desired-state=running shows what shall run now)",
    )
    .action(action<ListFlags>((session, flags) => listTasks(session, flags.filter ?? [], flags)));
  waitFlags(
    task
      .command("rm <task...>")
      .description("End tasks; their services start others in their place, by their own rules"),
  )
    .addHelpText(
      "after",
      "\nA task is named by its id or its slot (web.2). No restart is charged for it.\nFor fewer of them: shoal service scale SERVICE=N",
    )
    .action(action<WaitFlags>(remove));
  staleFlag(task.command("inspect <task...>").description("Show tasks in full")).action(action(inspect));
}

async function inspect(session: Session, _: object, words: readonly string[]): Promise<void> {
  const { client, out } = session;
  await session.each(words, async (id) => {
    const { task, spec } = await client.call("Control.GetTask", { id });
    out.inspect({ ...task, spec });
  });
}

async function remove(session: Session, flags: WaitFlags, words: readonly string[]): Promise<void> {
  const { client, out } = session;
  const { detach, timeoutMs } = waiting(flags);
  const services = new Set<string>();
  await session.each(words, async (word) => {
    const answer = await client.call("Control.RemoveTask", { requestId: client.requestId(), id: word });
    const task = shown(answer.task, `task "${word}"`);
    out.say(taskName(task));
    if (out.isJson) out.json(task);
    if (task.run === 0) services.add(task.serviceId);
  });
  if (detach) return;
  await session.each([...services], async (id) => {
    const { service } = await client.call("Control.GetService", { id });
    // A rollout that is under way is nobody's to wait for here.
    await waitForService(session, { ...shown(service, `service "${id}"`), rollout: null }, { timeoutMs });
  });
}

export async function listTasks(
  { client, out }: Session,
  filters: readonly string[],
  { trunc = true }: ListFlags,
): Promise<void> {
  const labels: Record<string, string> = {};
  const read = async (request: object) => {
    const page = await client.call("Control.ListTasks", request);
    Object.assign(labels, page.labels);
    return page;
  };
  const [tasks, nodes] = await Promise.all([
    allPages(read, (page) => page.tasks, filters),
    allPages(
      (request) => client.call("Control.ListNodes", request),
      (page) => page.nodes,
    ),
  ]);
  const names = new Map(nodes.flatMap(({ node }) => (node === null ? [] : [[node.id, nodeName(node)] as const])));
  const what = (task: Task): string => labels[`${task.serviceId}/${task.revision}`] ?? "";
  // People know a node by its name, and a task that is known by its node with it.
  const named = (task: Task): string =>
    task.slot > 0 ? taskName(task) : `${task.serviceName}.${names.get(task.pinnedNodeId) ?? task.pinnedNodeId}`;
  const where = (task: Task): string => names.get(task.nodeId) ?? shortId(task.nodeId);
  const { sorted, older } = bySlot(tasks);
  const now = realEnv.wallNow();
  out.list<Task>(
    sorted,
    [
      { title: "ID", value: ({ id }) => (trunc ? shortId(id) : id) },
      // As in docker, what filled the slot before hangs below what fills it now.
      { title: "NAME", value: (task) => (older.has(task) ? ` \\_ ${named(task)}` : named(task)) },
      { title: "IMAGE", value: what },
      { title: "NODE", value: where },
      { title: "DESIRED STATE", value: ({ desired }) => title(desired) },
      { title: "CURRENT STATE", value: (task) => taskState(task, now), style: taskStyle },
      { title: "ERROR", value: (task) => (trunc ? shortError(taskError(task)) : taskError(task)) },
      // A port of a task that ended answers for nobody, or already for another one.
      { title: "PORTS", value: (task) => (isTerminal(observedState(task)) ? "" : ports(task.status?.ports ?? [])) },
    ],
    ({ id }) => id,
    (task) => ({ ...task, node: names.get(task.nodeId) ?? "", image: what(task) }),
  );
}

/** By service and slot, first what shall run, then the newest attempt of a slot; `older` are the others. */
export function bySlot(tasks: readonly Task[]): { readonly sorted: Task[]; readonly older: ReadonlySet<Task> } {
  const createdAt = (task: Task): number => task.meta?.createdAtMs ?? 0;
  const sorted = tasks.toSorted(
    (a, b) =>
      a.serviceName.localeCompare(b.serviceName) ||
      a.serviceId.localeCompare(b.serviceId) ||
      a.slot - b.slot ||
      // A number is a slot, whatever node a task in it is pinned to.
      (a.slot > 0 ? 0 : a.pinnedNodeId.localeCompare(b.pinnedNodeId)) ||
      Number(isWanted(b)) - Number(isWanted(a)) ||
      createdAt(b) - createdAt(a) ||
      (b.meta?.version ?? 0) - (a.meta?.version ?? 0),
  );
  const isSameSlot = (a: Task | undefined, b: Task): boolean =>
    a?.serviceId === b.serviceId && slotName(a) === slotName(b);
  return { sorted, older: new Set(sorted.filter((task, at) => isSameSlot(sorted[at - 1], task))) };
}
