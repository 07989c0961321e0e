/** What a rebalancing would move if nothing else happened: its plan, made again on what each move leaves. Pure. */
import { nodeName, taskName } from "../../model/naming.ts";
import type { Service } from "../../model/index.ts";
import type { PlanRebalanceResponse } from "../../proto/gen/PlanRebalanceResponse.ts";
import type { ReadTx } from "../../store/types.ts";
import { specOf } from "./demand.ts";
import { planBalance } from "./rebalance.ts";
import type { Move } from "./rebalance.ts";
import { bookOf } from "./scheduler.ts";

const MOVES_TOLD_MAX = 1000;
/** Nodes and tasks looked at for one answer: nothing else happens on the manager meanwhile. */
const LOOKS_MAX = 20_000;

/** As if somebody had asked now. */
export function forecastMoves(tx: ReadTx, service: Service): PlanRebalanceResponse {
  const asked: Service = { ...service, rebalanceUntilMs: Infinity };
  const book = bookOf(tx);
  let tasks = tx.find("task", "service", service.id);
  const moves: PlanRebalanceResponse["moves"] = [];
  for (let looks = 0; moves.length < MOVES_TOLD_MAX && looks < LOOKS_MAX; looks += book.size + tasks.length) {
    const plan = planBalance(tx, book, asked, tasks);
    if (plan.kind !== "move") return { moves, waitsFor: plan.kind === "wait" ? plan.why : "", partial: false };
    moves.push(told(plan.move));
    const moved = { ...plan.move.task, nodeId: plan.move.to.id };
    book.setTask(moved, specOf(tx, moved));
    tasks = tasks.map((task) => (task.id === moved.id ? moved : task));
  }
  return { moves, waitsFor: "", partial: true };
}

function told({ task, from, to }: Move): PlanRebalanceResponse["moves"][number] {
  return {
    taskId: task.id,
    taskName: taskName(task),
    fromNodeId: from.id,
    fromNodeName: nodeName(from),
    toNodeId: to.id,
    toNodeName: nodeName(to),
  };
}
