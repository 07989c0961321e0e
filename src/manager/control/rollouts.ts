/** Rollouts by hand: back, pause, resume, promote, and the history of a service's revisions. */
import type { Cause, Revision, Rollout, Service } from "../../model/index.ts";
import { isActive, isFinished, paused, promoted, resumed } from "../../model/rollout.ts";
import { jobOf } from "../../model/service-mode.ts";
import { isWanted, observedState } from "../../model/task-state.ts";
import { describeCaller, type Router } from "../../proto/router.ts";
import type { SteerRolloutRequest } from "../../proto/gen/SteerRolloutRequest.ts";
import { revisionId } from "../../store/revisions.ts";
import { goBack } from "../../store/rollouts.ts";
import type { ReadTx, WriteTx } from "../../store/types.ts";
import { AppError, invalid } from "../../util/errors.ts";
import { findService } from "./lookup.ts";
import type { Reads } from "./reads.ts";
import type { Requests } from "./requests.ts";
import { stored } from "./services.ts";

export type RolloutDeps = { readonly reads: Reads; readonly requests: Requests };

export function registerRollouts(router: Router, { reads, requests }: RolloutDeps): void {
  router.unary("Control.RollbackService", async (request, context) => {
    const cause = { actor: describeCaller(context.caller), reason: "rolled back" };
    const change = (tx: WriteTx): { service: Service } => {
      const service = findService(tx, request.id);
      rollBack(tx, service, request.to, cause);
      return { service: stored(tx, service.id) };
    };
    return await requests.run({ key: "Control.RollbackService", request, context, change });
  });

  router.unary("Control.SteerRollout", async (request, context) => {
    const actor = describeCaller(context.caller);
    const change = (tx: WriteTx): { service: Service } => {
      const service = findService(tx, request.id);
      const rollout = steered(service, request.action, { actor, nowMs: tx.timeMs });
      if (rollout !== service.rollout) tx.put("service", { ...service, rollout });
      return { service: stored(tx, service.id) };
    };
    return await requests.run({ key: "Control.SteerRollout", request, context, change });
  });

  router.unary("Control.ListRevisions", async (request, context) => {
    const tx = await reads.view(request.consistency, context);
    return { revisions: summaries(tx, findService(tx, request.id)) };
  });
}

function rollBack(tx: WriteTx, service: Service, asked: number, cause: Cause): void {
  const { revision } = service;
  const name = nameOf(service);
  const to = asked === 0 ? defaultTarget(tx, service) : asked;
  if (to === revision) {
    throw refused(`service "${name}" is at revision ${to} already`, `name another one: shoal service history ${name}`);
  }
  if (tx.get("revision", revisionId(service.id, to)) === undefined) {
    throw new AppError("not-found", `to: revision ${to} of service "${name}" is not kept`, {
      path: "to",
      next: `shoal service history ${name}`,
    });
  }
  goBack(tx, service, { to, cause, outcome: "ROLLED_BACK", message: `${cause.actor} went back to revision ${to}` });
}

/** What a rollback without words means; never a guess. */
function defaultTarget(tx: ReadTx, service: Service): number {
  const { rollout } = service;
  const name = nameOf(service);
  const history = `shoal service history ${name}, then shoal service rollback ${name} --to N`;
  if (jobOf(service.spec) !== null)
    throw refused(`"${name}" is a job, and of its revisions none is the one before`, history);
  if (rollout === null) throw refused(`service "${name}" has no earlier revision`, "nothing was updated yet");
  if (rollout.state === "ROLLING_BACK" || rollout.state === "ROLLBACK_PAUSED") {
    throw refused(`service "${name}" is on its way back to revision ${rollout.to} already`, history);
  }
  const { outcome = "NONE" } = tx.get("revision", revisionId(service.id, rollout.from)) ?? {};
  if (rollout.state === "ROLLED_BACK" && outcome === "FAILED") {
    throw refused(
      `service "${name}" went back to revision ${rollout.to} by itself, for revision ${rollout.from} failed`,
      history,
    );
  }
  return rollout.from;
}

function steered(
  service: Service,
  action: SteerRolloutRequest["action"],
  { actor, nowMs }: { readonly actor: string; readonly nowMs: number },
): Rollout | null {
  const name = nameOf(service);
  const { rollout } = service;
  if (rollout === null || isFinished(rollout.state)) {
    throw refused(`service "${name}" has no rollout under way`, `shoal service update ${name}`);
  }
  switch (action) {
    case "PAUSE":
      return isActive(rollout.state) ? paused(rollout, `paused by ${actor}`) : rollout;
    case "RESUME":
      return isActive(rollout.state) ? rollout : resumed(rollout, nowMs);
    case "PROMOTE":
      return promote(rollout, name);
    default:
      throw invalid("action", "an action is needed", "use PAUSE, RESUME or PROMOTE");
  }
}

function promote(rollout: Rollout, name: string): Rollout {
  if (rollout.state !== "CANARY") {
    throw refused(
      `service "${name}" has no canary to promote`,
      rollout.canary > 0 ? `shoal service rollout resume ${name}` : `shoal service ps ${name}`,
    );
  }
  if (rollout.canaryReadyAtMs === 0) {
    throw refused(
      `the canary of service "${name}" is not ready: ${rollout.message}`,
      `wait, or go back: shoal service rollback ${name}`,
    );
  }
  return promoted(rollout);
}

function summaries(
  tx: ReadTx,
  service: Service,
): { revision: Revision; label: string; current: boolean; running: number }[] {
  const tasks = tx
    .find("task", "service", service.id)
    .filter((task) => isWanted(task) && observedState(task) === "RUNNING");
  return tx
    .find("revision", "service", service.id)
    .toSorted((a, b) => b.number - a.number)
    .map((revision) => ({
      revision: { ...revision, spec: null },
      label: revision.spec?.container?.image ?? revision.spec?.process?.command.join(" ") ?? "",
      current: revision.number === service.revision,
      running: tasks.filter((task) => task.revision === revision.number).length,
    }));
}

function nameOf(service: Service): string {
  return service.spec?.name ?? service.id;
}

function refused(why: string, next: string): AppError {
  return new AppError("precondition", `Cannot do that: ${why}`, { next });
}
