/** What a rollout is doing, what it waits for, and why it went back. */
import { slotName, taskName } from "../../model/naming.ts";
import { isBackward, isFinished, isOfRollout } from "../../model/rollout.ts";
import { isReady, isWanted } from "../../model/task-state.ts";
import type { ExplainReason, Rollout, Service, Task } from "../../model/index.ts";
import { formatSpan } from "../../util/units.ts";
import type { Evidence } from "./explain-task.ts";
import { explainTask, reasonAbout } from "./explain-task.ts";

/** Failures that are told one by one, the newest. */
const FAILURES_TOLD = 3;

/** @param tasks of the service */
export function rolloutReasons(evidence: Evidence, service: Service, tasks: readonly Task[]): ExplainReason[] {
  const { rollout } = service;
  const name = service.spec?.name ?? service.id;
  if (rollout === null) return [];
  const about = (message: string, next = ""): ExplainReason =>
    reasonAbout("service", service.id, name, "rollout", message, next);
  const { state, from, to, updated, total, message, deadlineMs } = rollout;
  if (isFinished(state)) {
    const wentBack = state === "ROLLED_BACK" && rollout.cause?.actor === "orchestrator";
    return wentBack
      ? [about(`revision ${from} failed and was rolled back: ${message}`, `shoal service history ${name}`)]
      : [];
  }
  const leftMs = deadlineMs - evidence.tx.timeMs;
  const deadline = deadlineMs === 0 ? "" : `; what is under way has ${formatSpan(leftMs)} to get further`;
  const said = message === "" ? "" : `: ${message}`;
  return [
    about(
      `${WORDS[state]} to revision ${to}, ${updated} of ${total} slots are${said}${deadline}`,
      nextOf(rollout, name),
    ),
    ...rollout.failures
      .slice(-FAILURES_TOLD)
      .map((failure) =>
        reasonAbout(
          "task",
          failure.taskId,
          taskName({ serviceName: name, ...failure }),
          "failed",
          failure.message,
          `shoal service logs ${name}`,
        ),
      ),
    ...newcomers(evidence, rollout, tasks),
  ];
}

/** New tasks that are not ready beside old ones that serve: their slots lack nothing, and the rollout waits for them. */
function newcomers(evidence: Evidence, rollout: Rollout, tasks: readonly Task[]): ExplainReason[] {
  const served = new Set(tasks.filter((task) => isWanted(task) && isReady(task)).map(slotName));
  return tasks
    .filter((task) => isWanted(task) && isOfRollout(task, rollout) && !isReady(task) && served.has(slotName(task)))
    .flatMap((task) => {
      const told = explainTask(evidence, task);
      return [reasonAbout("task", task.id, taskName(task), "task", told.summary), ...told.reasons];
    });
}

const WORDS: Readonly<Record<string, string>> = {
  UPDATING: "it is updated",
  CANARY: "it is updated as a canary",
  PAUSED: "its update is paused on the way",
  ROLLING_BACK: "it is rolled back",
  ROLLBACK_PAUSED: "its rollback is paused on the way",
};

function nextOf({ state, canaryReadyAtMs }: Rollout, name: string): string {
  if (state === "PAUSED") return `shoal service rollout resume ${name}, or shoal service rollback ${name}`;
  if (state === "ROLLBACK_PAUSED") return `shoal service rollout resume ${name}`;
  if (state === "CANARY" && canaryReadyAtMs > 0)
    return `shoal service promote ${name}, or shoal service rollback ${name}`;
  return isBackward(state) ? "" : `shoal service rollback ${name} takes it back`;
}
