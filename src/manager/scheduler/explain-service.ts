/** Why a service is not what it should be: what each of its slots lacks, and what its rollout waits for. */
import { DEFAULT_REPLICAS } from "../../model/defaults.ts";
import { membershipOf } from "../../model/membership.ts";
import { nodeName, slotName, taskName } from "../../model/naming.ts";
import { runsOnEveryNode } from "../../model/service-mode.ts";
import { isReady, isWanted } from "../../model/task-state.ts";
import type { ExplainReason, Service, Task } from "../../model/index.ts";
import type { ReadTx } from "../../store/types.ts";
import { balanceReasons } from "./explain-balance.ts";
import { rolloutReasons } from "./explain-rollout.ts";
import { Evidence, explainTask, REASONS_MAX, reasonAbout, type Told } from "./explain-task.ts";

/** What a service should have, and what is said of where it has nothing. */
type Aim = { readonly slots: number; readonly unit: string; readonly reasons: readonly ExplainReason[] };

export function explainService(tx: ReadTx, service: Service): Told & { readonly name: string } {
  const name = service.spec?.name ?? service.id;
  const tasks = tx.find("task", "service", service.id);
  const slots = slotsOf(tasks);
  const aim = runsOnEveryNode(service.spec) ? nodesOf(tx, service, slots) : replicasOf(service);
  const broken = [...slots]
    .sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }))
    .filter(([, slotTasks]) => !slotTasks.some((task) => isWanted(task) && isReady(task) && !isTroubled(tx, task)))
    .map(([, slotTasks]) => slotTasks.findLast(isWanted) ?? newestOf(slotTasks))
    .filter((task) => task !== undefined);
  const running = slots.size - broken.length;
  const evidence = new Evidence(tx);
  const reasons = [...explainAlike(evidence, broken), ...rolloutReasons(evidence, service, tasks)];
  reasons.push(...balanceReasons(evidence, service, tasks));
  const missing = aim.slots - slots.size;
  if (missing > 0)
    reasons.push(reasonAbout("service", service.id, name, "missing", `${missing} tasks are not created yet`));
  return {
    name,
    summary: `${running} of ${aim.slots} ${aim.unit} of ${name} run`,
    reasons: [...reasons, ...aim.reasons],
  };
}

function replicasOf({ spec }: Service): Aim {
  return { slots: spec?.replicated?.replicas ?? DEFAULT_REPLICAS, unit: "replicas", reasons: [] };
}

/** Of one task a node: nodes that have none, and are to have none now, say why. */
function nodesOf(tx: ReadTx, { spec }: Service, held: ReadonlyMap<string, readonly Task[]>): Aim {
  const reasons: ExplainReason[] = [];
  let slots = 0;
  for (const node of tx.all("node")) {
    if (!spec?.task) break;
    const { kind, why } = membershipOf(node, spec.task, tx.timeMs);
    if (kind === "run" || held.get(node.id)?.some(isWanted) === true) slots += 1;
    if (kind !== "run") reasons.push(reasonAbout("node", node.id, nodeName(node), "member", `no new task: ${why}`));
  }
  return { slots, unit: "tasks", reasons };
}

/** What is being removed fills no slot. */
function slotsOf(tasks: readonly Task[]): ReadonlyMap<string, readonly Task[]> {
  const slots = new Map<string, Task[]>();
  for (const task of tasks) {
    if (task.desired === "REMOVE") continue;
    const slot = slots.get(slotName(task));
    if (slot === undefined) slots.set(slotName(task), [task]);
    else slot.push(task);
  }
  return slots;
}

/** Replicas usually lack the same thing: it is explained once, and the others are named. */
export function explainAlike(evidence: Evidence, tasks: readonly Task[]): ExplainReason[] {
  const groups = new Map<string, Task[]>();
  for (const task of tasks) {
    const { state = "NEW", error = "", checkMessage = "" } = task.status ?? {};
    const key = [state, task.desired, error, checkMessage, task.pendingReason, task.nodeId].join("/");
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [task]);
    else group.push(task);
  }
  return [...groups.values()].slice(0, REASONS_MAX).flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    const told = explainTask(evidence, first);
    const name = taskName(first);
    const reasons = [reasonAbout("task", first.id, name, "task", told.summary), ...told.reasons];
    if (others.length > 0) {
      reasons.push(
        reasonAbout("task", first.id, name, "also", `the same holds for ${shortList(others.map(taskName))}`),
      );
    }
    return reasons;
  });
}

/** Where its node does not answer, what it said last may be long ago. */
export function isTroubled(tx: ReadTx, task: Task): boolean {
  return tx.get("node", task.nodeId)?.status?.state !== "READY";
}

function shortList(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(", ");
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}

function newestOf(tasks: readonly Task[]): Task | undefined {
  return tasks.toSorted((a, b) => (a.meta?.createdAtMs ?? 0) - (b.meta?.createdAtMs ?? 0)).at(-1);
}
