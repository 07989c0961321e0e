/** Tasks that end with what they belong to, in its own entry; the orchestrator ends the others right after it. */
import type { Task } from "../../model/index.ts";
import { codec } from "../../proto/load.ts";

export const TASKS_INLINE_MAX = 100;
/** Encoded: a quarter of an entry. One task has up to some 20 KiB. */
export const TASK_BYTES_INLINE_MAX = 256 * 1024;

const taskCodec = codec("Task");

/** As many of `tasks` as one entry surely holds. */
export function inlineTasks(tasks: readonly Task[]): readonly Task[] {
  let bytes = 0;
  const some = tasks.slice(0, TASKS_INLINE_MAX);
  const end = some.findIndex((task) => {
    bytes += taskCodec.encode(task).length;
    return bytes > TASK_BYTES_INLINE_MAX;
  });
  return end === -1 ? some : some.slice(0, end);
}
