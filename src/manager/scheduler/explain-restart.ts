/** What the restart policy makes of a task that ended, and when its successor starts. */
import { attemptsBefore, decideRestart, EARLY_ENDS_FREE, endText } from "../../model/restart.ts";
import { DEFAULT_RESTART_BACKOFF_MAX_MS } from "../../model/defaults.ts";
import { endedByItself, isTerminal, isWanted, observedState } from "../../model/task-state.ts";
import type { ExplainReason, RestartPolicy, Task } from "../../model/index.ts";
import { revisionId } from "../../store/revisions.ts";
import { attemptsOf } from "../../store/task-names.ts";
import type { ReadTx } from "../../store/types.ts";
import { formatSpan } from "../../util/units.ts";

type About = (code: string, message: string, next?: string) => ExplainReason;

/** Why a task that is prepared does not start yet. */
export function startReasons(tx: ReadTx, task: Task, about: About): ExplainReason[] {
  const slot = attemptsOf(tx, task);
  if (task.startAfterMs <= tx.timeMs) return [about("predecessor", predecessorText(slot, task))];
  const failed = slot.findLast((other) => other !== task && endedByItself(other));
  const last = failed === undefined ? "" : `: the last ${endText(failed)}`;
  const count = failed === undefined ? "" : countText(tx, failed);
  return [
    about(
      "restart",
      `${count}it starts ${whenText(tx, task.startAfterMs)}${last}${backoffText(task.earlyEnds, policyOf(tx, task))}`,
      `look at \`shoal service logs ${task.serviceName}\`, or set a shorter restart delay`,
    ),
  ];
}

function predecessorText(slot: readonly Task[], task: Task): string {
  const old = slot.find((other) => other.id !== task.id && isWanted(other) && !isTerminal(observedState(other)));
  return old === undefined
    ? "its predecessor in the slot is still stopping"
    : `it takes the place of task ${old.id}, which is to stop once this one is prepared`;
}

/** What follows the end of a task that has no successor yet. */
export function restartReason(tx: ReadTx, task: Task, about: About): ExplainReason {
  const policy = policyOf(tx, task);
  const restart = decideRestart(task, attemptsOf(tx, task), policy, { nowMs: tx.timeMs, sinceMs: 0 });
  switch (restart.kind) {
    case "never":
      return about(
        "restart",
        `it is not restarted: ${restart.reason}`,
        `look at \`shoal service logs ${task.serviceName}\`, fix it and update the service, or change its restart policy`,
      );
    case "wait":
      return about("restart", `its next attempt is made ${whenText(tx, restart.untilMs)}`);
    case "restart": {
      const when = whenText(tx, restart.startAtMs);
      return about("restart", `${countText(tx, task)}it starts ${when}${backoffText(restart.earlyEnds, policy)}`);
    }
  }
}

function policyOf(tx: ReadTx, { serviceId, revision }: Task): RestartPolicy | null {
  return tx.get("revision", revisionId(serviceId, revision))?.spec?.restart ?? null;
}

/** Which of how many restarts follows the end of `last`; without a limit nobody counts. */
function countText(tx: ReadTx, last: Task): string {
  const policy = policyOf(tx, last);
  const max = policy?.maxAttempts ?? 0;
  return max === 0 ? "" : `restart ${attemptsBefore(last, attemptsOf(tx, last), policy, 0) + 1} of ${max}: `;
}

function backoffText(earlyEnds: number, policy: RestartPolicy | null): string {
  if (earlyEnds === 0) return "";
  const ends = earlyEnds === 1 ? "1 early end" : `${earlyEnds} early ends in a row`;
  const maxMs = policy?.backoffMaxMs ?? DEFAULT_RESTART_BACKOFF_MAX_MS;
  const grows = earlyEnds > EARLY_ENDS_FREE && maxMs > 0 ? `, each doubles the wait up to ${formatSpan(maxMs)}` : "";
  return ` (${ends}${grows})`;
}

function whenText(tx: ReadTx, atMs: number): string {
  if (atMs <= tx.timeMs) return "now";
  return `in ${formatSpan(atMs - tx.timeMs)}, at ${new Date(atMs).toISOString()}`;
}
