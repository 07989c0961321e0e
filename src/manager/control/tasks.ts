/** Control's tasks: reading only, tasks are changed by what they belong to. */
import type { Task } from "../../model/index.ts";
import type { Router } from "../../proto/router.ts";
import { revisionId } from "../../store/revisions.ts";
import type { ReadTx } from "../../store/types.ts";
import { FILTER_KEYS, parseFilters, taskFilter, type ParsedFilters } from "./filters.ts";
import { findTask } from "./lookup.ts";
import { pageOf } from "./pages.ts";
import type { Reads } from "./reads.ts";

export function registerTasks(router: Router, reads: Reads): void {
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

/** By service and slot, the newest attempt of a slot first. */
function orderOf(task: Task): string {
  const age = String(Number.MAX_SAFE_INTEGER - (task.meta?.createdAtMs ?? 0)).padStart(16, "0");
  return `${task.serviceName}\0${String(task.slot).padStart(16, "0")}\0${task.pinnedNodeId}\0${age}\0${task.id}`;
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
