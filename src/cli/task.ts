/** `shoal task ...`, and the table of tasks `service ps` shares. */
import type { Command } from "commander";
import type { Task } from "../model/index.ts";
import { realEnv } from "../util/real-env.ts";
import { action, listFlags, type Session } from "./command.ts";
import { allPages } from "./pages.ts";
import { nodeName, ports, shortId, taskError, taskState, title } from "./render.ts";

type ListFlags = { readonly filter?: readonly string[] };

export function registerTask(program: Command): void {
  const task = program.command("task").description("Look at tasks");
  listFlags(task.command("ls").description("List tasks")).action(
    action<ListFlags>((session, { filter }) => listTasks(session, filter ?? [])),
  );
  task.command("inspect <task...>").description("Show tasks in full").action(action(inspect));
}

async function inspect({ client, out }: Session, _: object, words: readonly string[]): Promise<void> {
  for (const id of words) {
    const answer = await client.call("Control.GetTask", { id });
    const value = { ...answer.task, spec: answer.spec };
    out.line(out.isJson ? JSON.stringify(value) : JSON.stringify(value, null, 2));
  }
}

export async function listTasks({ client, out }: Session, filters: readonly string[]): Promise<void> {
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
  const newestFirst = tasks.toSorted(
    (a, b) =>
      a.serviceName.localeCompare(b.serviceName) ||
      a.slot - b.slot ||
      (b.meta?.createdAtMs ?? 0) - (a.meta?.createdAtMs ?? 0),
  );
  const now = realEnv.wallNow();
  out.list<Task>(
    newestFirst,
    [
      { title: "ID", value: (task) => shortId(task.id) },
      { title: "NAME", value: (task) => `${task.serviceName}.${task.slot}` },
      { title: "IMAGE", value: (task) => labels[`${task.serviceId}/${task.revision}`] ?? "" },
      { title: "NODE", value: (task) => names.get(task.nodeId) ?? shortId(task.nodeId) },
      { title: "DESIRED STATE", value: (task) => title(task.desired) },
      { title: "CURRENT STATE", value: (task) => taskState(task, now) },
      { title: "PORTS", value: (task) => ports(task.status?.ports ?? []) },
      { title: "ERROR", value: taskError },
    ],
    (task) => task.id,
    (task) => ({
      ...task,
      node: names.get(task.nodeId) ?? "",
      image: labels[`${task.serviceId}/${task.revision}`] ?? "",
    }),
  );
}
