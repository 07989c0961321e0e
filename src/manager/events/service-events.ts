/** What a changed service, and a job's run, mean to people. Pure. */
import type { Cause, EventLevel, RolloutState, Run, RunState, Service } from "../../model/index.ts";
import { runStateText } from "../../model/run.ts";
import { actorOr, happening, isSame, type ChangeOf, type Context, type Happening } from "./event.ts";

export function serviceEvents({ before, after }: ChangeOf<"service">, context: Context): Happening[] {
  if (after === undefined) {
    const cause = { actor: actorOr(context, "orchestrator"), reason: "service removed" };
    return before === undefined ? [] : [aboutService(before, "removed", cause)];
  }
  const cause = after.cause ?? { actor: "", reason: "" };
  if (before === undefined) return [aboutService(after, "created", cause)];
  const events = rolloutEvents(before, after, context);
  // Where it goes back to is what the rollout says.
  const isBack = after.revision < before.revision && events.length > 0;
  const changed = isBack ? null : updated(before, after, cause);
  return [...(changed === null ? [] : [changed]), ...events, ...rebalancing(before, after, context)];
}

function rebalancing(before: Service, after: Service, context: Context): Happening[] {
  const [was, is] = [before.rebalanceUntilMs > 0, after.rebalanceUntilMs > 0];
  if (was === is) return [];
  const cause = { actor: actorOr(context, "scheduler"), reason: is ? "asked to spread its tasks" : "" };
  return [aboutService(after, is ? "rebalancing" : "rebalanced", cause)];
}

/** How a rollout comes on. That one begins is told as the update that it rolls out. */
const ROLLOUTS: Readonly<Record<RolloutState, readonly [action: string, level: EventLevel] | null>> = {
  NONE: null,
  UPDATING: null,
  CANARY: null,
  PAUSED: ["rollout-paused", "WARNING"],
  COMPLETED: ["rollout-completed", "INFO"],
  ROLLING_BACK: ["rolling-back", "WARNING"],
  ROLLBACK_PAUSED: ["rollback-paused", "ERROR"],
  ROLLED_BACK: ["rolled-back", "WARNING"],
};

function rolloutEvents(before: Service, after: Service, context: Context): Happening[] {
  const [was, is] = [before.rollout, after.rollout];
  if (is === null || (was?.state === is.state && was.startedAtMs === is.startedAtMs)) return [];
  const isOn = was?.startedAtMs === is.startedAtMs;
  const [action, level] = ROLLOUTS[is.state] ?? [
    was?.state === "CANARY" ? "rollout-promoted" : "rollout-resumed",
    "INFO",
  ];
  if (ROLLOUTS[is.state] === null && !isOn) return [];
  const actor = actorOr(context, "orchestrator");
  const way = `revision ${is.from} to ${is.to}`;
  return [{ ...aboutService(after, action, { actor, reason: is.message }, way), level }];
}

/** One event for one change of the spec; null where only its progress was written. */
function updated(before: Service, after: Service, cause: Cause): Happening | null {
  if (after.revision !== before.revision) {
    const went = `revision ${before.revision} to ${after.revision}`;
    if (after.revision < before.revision) return aboutService(after, "rolled-back", cause, went);
    return aboutService(after, "updated", cause, went);
  }
  if (isSame(before.spec, after.spec)) return null;
  const scale = [before, after].map(scaleOf);
  if (scale[0] !== scale[1]) return aboutService(after, "scaled", cause, `${scale.join(" to ")}`);
  const wasSuspended = before.spec?.cron?.suspended ?? false;
  const isSuspended = after.spec?.cron?.suspended ?? false;
  if (wasSuspended !== isSuspended) return aboutService(after, isSuspended ? "suspended" : "resumed", cause);
  return aboutService(after, "updated", cause);
}

function scaleOf({ spec }: Service): number | null {
  return spec?.replicated?.replicas ?? spec?.replicatedJob?.totalCompletions ?? null;
}

function aboutService(service: Service, action: string, cause: Cause, message = ""): Happening {
  const name = service.spec?.name ?? "";
  return happening({
    type: "service",
    action,
    id: service.id,
    name,
    cause,
    message,
    service: { id: service.id, name },
  });
}

/** Runs that are forgotten are no event: their service says how many it remembers. */
export function runEvents({ before, after }: ChangeOf<"run">): Happening[] {
  if (after === undefined || before?.state === after.state) return [];
  const cause = after.cause ?? { actor: "", reason: "" };
  if (after.state === "RUNNING") return [aboutRun(after, "started", cause)];
  // Its tasks decide how it ends, and the orchestrator counts them.
  const ended = before === undefined ? cause : { actor: "orchestrator", reason: after.message };
  return [aboutRun(after, runStateText(after.state), ended)];
}

const LEVELS: Readonly<Record<RunState, EventLevel>> = {
  RUNNING: "INFO",
  SUCCEEDED: "INFO",
  STOPPED: "INFO",
  SKIPPED: "WARNING",
  MISSED: "WARNING",
  FAILED: "ERROR",
  TIMED_OUT: "ERROR",
};

function aboutRun(run: Run, action: string, cause: Cause): Happening {
  return happening({
    type: "run",
    action,
    level: LEVELS[run.state],
    id: run.id,
    name: `${run.serviceName} run ${run.number}`,
    cause,
    message: run.message === cause.reason ? "" : run.message,
    service: { id: run.serviceId, name: run.serviceName },
    exitCode: run.state === "FAILED" ? run.exitCode : undefined,
  });
}
