/** Control's tasks. They are changed by what they belong to, but for one that somebody wants replaced. */
import { REMOVED_BY_HAND } from "../../model/hand-removal.ts";
import type { Task } from "../../model/index.ts";
import { slotName, taskName } from "../../model/naming.ts";
import { isTerminal, isWanted, observedState } from "../../model/task-state.ts";
import { describeCaller, type Router } from "../../proto/router.ts";
import { endTask } from "../../store/end-task.ts";
import { revisionId } from "../../store/revisions.ts";
import type { ReadTx, WriteTx } from "../../store/types.ts";
import { must } from "../../util/assert.ts";
import { AppError } from "../../util/errors.ts";
import { FILTER_KEYS, parseFilters, taskFilter, type ParsedFilters } from "./filters.ts";
import { findTask } from "./lookup.ts";
import { pageOf } from "./pages.ts";
import type { Reads } from "./reads.ts";
import type { Requests } from "./requests.ts";

export function registerTasks(router: Router, { reads, requests }: { reads: Reads; requests: Requests }): void {
  router.unary("Control.RemoveTask", async (request, context) => {
    const actor = describeCaller(context.caller);
    const change = (tx: WriteTx): { task: Task } => ({ task: removeByHand(tx, request.id, actor) });
    return await requests.run({ key: "Control.RemoveTask", request, context, change });
  });

  router.unary("Control.GetTask", async (request, context) => {
    const tx = await reads.view(request.consistency, context);
    const task = findTask(tx, request.id);
    return { task, spec: tx.get("revision", revisionId(task.serviceId, task.revision))?.spec ?? null };
  });

  router.unary("Control.ListTasks", async (request, context) => {
    const filters = parseFilters(request.filters, FILTER_KEYS.task);
    const accepts = taskFilter(filters);
    const tx = await reads.view(request.consistency, context);
    const matching: Task[] = [];
    for (const task of candidates(tx, filters)) if (accepts(task, tx)) matching.push(task);
    const page = pageOf(matching, orderOf, request);
    return {
      tasks: [...page.rows],
      nextPageToken: page.nextPageToken,
      version: tx.version,
      labels: labels(tx, page.rows),
    };
  });
}

/** Its slot's next task is the orchestrator's, as after any end that is nobody's fault. */
function removeByHand(tx: WriteTx, ref: string, actor: string): Task {
  const task = findTask(tx, ref);
  const name = `task ${taskName(task)} (${task.id})`;
  const next = `shoal service ps ${task.serviceName}`;
  const state = observedState(task);
  if (isTerminal(state)) throw refused(`${name} has ended already: ${state.toLowerCase()}`, next);
  if (!isWanted(task)) throw refused(`${name} is being stopped already: ${task.cause?.reason ?? ""}`, next);
  endTask(tx, task, "SHUTDOWN", { actor, reason: REMOVED_BY_HAND });
  return must(tx.get("task", task.id), "the task was put in this transaction");
}

function refused(why: string, next: string): AppError {
  return new AppError("precondition", `id: ${why}`, { path: "id", next });
}

/** By service and slot, the newest attempt of a slot first. */
function orderOf(task: Task): string {
  const age = String(Number.MAX_SAFE_INTEGER - (task.meta?.createdAtMs ?? 0)).padStart(16, "0");
  return `${task.serviceName}\0${String(task.slot).padStart(16, "0")}\0${slotName(task)}\0${age}\0${task.id}`;
}

/** The tasks of one service or node come from their index; the filter still decides. */
function candidates(tx: ReadTx, filters: ParsedFilters): Iterable<Task> {
  const [service, ...services] = filters.get("service") ?? [];
  if (service !== undefined && services.length === 0 && tx.get("service", service) !== undefined) {
    return tx.find("task", "service", service);
  }
  const [node, ...nodes] = filters.get("node") ?? [];
  if (node !== undefined && nodes.length === 0 && tx.get("node", node) !== undefined)
    return tx.find("task", "node", node);
  return tx.all("task");
}

function labels(tx: ReadTx, tasks: readonly Task[]): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const { serviceId, revision } of tasks) {
    const id = revisionId(serviceId, revision);
    if (texts[id] !== undefined) continue;
    const spec = tx.get("revision", id)?.spec;
    texts[id] = spec?.container?.image ?? spec?.process?.command.join(" ") ?? "";
  }
  return texts;
}
