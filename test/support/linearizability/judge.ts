/** Whole histories: an object at a time, and in case of a failure no more of it than it needs. */
import type { Operation } from "../history.ts";
import { checkLinearizable, type Model } from "./checker.ts";

export type JudgeOptions<Op> = {
  /** Which object an operation is about; objects are judged one by one (Herlihy and Wing 1990: locality). */
  readonly objectOf: (op: Op) => string;
  /** Changes nothing: with an unknown outcome it says nothing either. */
  readonly isRead: (op: Op) => boolean;
  readonly budget?: number;
};

/** @throws Error with the shortest beginning of one object's history that nothing explains */
export function judge<State, Op extends Operation>(
  model: Model<State, Op>,
  history: readonly Op[],
  { objectOf, isRead, budget }: JudgeOptions<Op>,
): { readonly objects: number; readonly operations: number } {
  const objects = groupBy(history, objectOf);
  let operations = 0;
  for (const [name, all] of objects) {
    const ops = all.filter((op) => op.return !== "unknown" || !isRead(op));
    const limits = budget === undefined ? {} : { budget };
    const verdict = checkLinearizable(model, ops, limits);
    operations += ops.length;
    if (verdict.ok) continue;
    if (verdict.why === "out-of-budget") {
      throw new Error(`${name}: not decided within the budget, ${ops.length} operations (this is no pass)`);
    }
    const shortest = shortestFailure(model, ops);
    const lines = shortest.toSorted((a, b) => a.call - b.call).map(lineOf);
    const order = verdict.longest.map(lineOf).slice(-5);
    throw new Error(
      `${name}: not linearizable\n${lines.join("\n")}\nthe longest order found ends with\n${order.join("\n")}`,
    );
  }
  checkIndexes(history);
  return { objects: objects.size, operations };
}

function groupBy<Op>(items: readonly Op[], keyOf: (item: Op) => string): Map<string, Op[]> {
  const groups = new Map<string, Op[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

/**
 * The beginning of the history that ends with the first impossible answer: what is called later goes, what ends later
 * is open. Every beginning of a linearizable history is linearizable, so the cut cannot make a failure of a pass.
 */
export function shortestFailure<State, Op extends Operation>(
  model: Model<State, Op>,
  history: readonly Op[],
): readonly Op[] {
  const ends = history.flatMap((op) => (op.return === "unknown" ? [] : [op.return])).sort((a, b) => a - b);
  let low = 0;
  let high = ends.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (checkLinearizable(model, cutAfter(history, ends[middle] ?? 0)).ok) low = middle + 1;
    else high = middle;
  }
  return cutAfter(history, ends[low] ?? 0);
}

function cutAfter<Op extends Operation>(history: readonly Op[], at: number): Op[] {
  return history
    .filter((op) => op.call <= at)
    .map((op) => (op.return === "unknown" || op.return <= at ? op : { ...op, return: "unknown", output: null }));
}

/**
 * A check beside the search that trusts the indexes and takes linear time: what was over before another operation
 * began holds at an index that is not later.
 */
export function checkIndexes(history: readonly Operation[]): void {
  const ended = history.filter((op) => op.return !== "unknown" && op.index !== null);
  const byCall = ended.toSorted((a, b) => a.call - b.call);
  const byReturn = ended.toSorted((a, b) => Number(a.return) - Number(b.return));
  let latest: Operation | null = null;
  let at = 0;
  for (const op of byCall) {
    for (let other = byReturn[at]; other !== undefined && Number(other.return) < op.call; other = byReturn[++at]) {
      if (latest === null || (other.index ?? 0) > (latest.index ?? 0)) latest = other;
    }
    if (latest !== null && (op.index ?? 0) < (latest.index ?? 0)) {
      throw new Error(`index ${op.index} after ${latest.index} was answered\n${lineOf(latest)}\n${lineOf(op)}`);
    }
  }
}

function lineOf(op: Operation): string {
  const outcome = op.return === "unknown" ? "unknown" : JSON.stringify(op.output);
  const at = op.index === null ? "" : ` @${op.index}`;
  return `  [${op.call}, ${op.return}] client ${op.client} ${op.op} ${JSON.stringify(op.input)} -> ${outcome}${at}`;
}
