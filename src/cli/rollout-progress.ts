/** What a rollout's record tells the one who waits for it. Pure. */
import type { Rollout, Service } from "../model/index.ts";
import { isBackward, isFinished, rolloutRules } from "../model/rollout.ts";
import { AppError } from "../util/errors.ts";

export type RolloutView =
  /** Nothing was rolled out, or it is over and well; `note` has what else is worth a word. */
  | { readonly kind: "done"; readonly note: string }
  | { readonly kind: "going"; readonly text: string }
  /** As far as it goes without a word of somebody. */
  | { readonly kind: "canary"; readonly note: string }
  | { readonly kind: "failed"; readonly error: AppError };

/** @param begun the rollout that is waited for, as it was when it began; null for none */
export function viewRollout(service: Service, begun: Rollout | null): RolloutView {
  const { rollout } = service;
  if (begun === null || rollout === null) return { kind: "done", note: "" };
  const name = service.spec?.name ?? service.id;
  const isOurs = rollout.startedAtMs === begun.startedAtMs && rollout.to === begun.to;
  const isOurFailure = !isOurs && isBackward(rollout.state) && rollout.from === begun.to;
  if (isOurs) return viewOurs(rollout, service, name);
  if (isOurFailure && rollout.cause?.actor === "orchestrator") return viewFailure(rollout, name);
  return {
    kind: "failed",
    error: new AppError("conflict", `${name}: another change came before revision ${begun.to} was complete`, {
      next: `shoal service history ${name}`,
    }),
  };
}

/** Without a change for so long, nothing is to be expected of a rollout: it would have failed by itself. */
export function rolloutPatienceMs(service: Service): number {
  return rolloutRules(service).deadlineMs + 60_000;
}

export function describeRollout({ state, to, updated, total, message }: Rollout): string {
  const word = isBackward(state) ? "rolling back" : state === "CANARY" ? "canary" : "updating";
  const said = message === "" ? "" : `; ${message}`;
  return `${word} to revision ${to}: ${updated} of ${total} slots${said}`;
}

function viewOurs(rollout: Rollout, service: Service, name: string): RolloutView {
  const { state, message, canaryReadyAtMs, failures } = rollout;
  switch (state) {
    case "PAUSED":
    case "ROLLBACK_PAUSED": {
      const what = state === "PAUSED" ? "update" : "rollback";
      const back = state === "PAUSED" ? `, or shoal service rollback ${name}` : "";
      return failed(`${name}: the ${what} is paused: ${message}`, `shoal service rollout resume ${name}${back}`);
    }
    case "CANARY": {
      if (canaryReadyAtMs === 0) break;
      const healthyMs = service.spec?.update?.canaryHealthyMs ?? 0;
      const by = healthyMs > 0 ? ` (by itself ${Math.round(healthyMs / 1000)} s after it was ready)` : "";
      return {
        kind: "canary",
        note: `The canary of ${name} is ready.\nNext: shoal service promote ${name}${by}, or shoal service rollback ${name}`,
      };
    }
    default:
      if (isFinished(state)) return { kind: "done", note: failures.length > 0 ? `${name}: ${message}` : "" };
  }
  return { kind: "going", text: describeRollout(rollout) };
}

/** It went back by itself. */
function viewFailure(rollout: Rollout, name: string): RolloutView {
  const { state, from, to, message } = rollout;
  if (state === "ROLLING_BACK") return { kind: "going", text: describeRollout(rollout) };
  const how = state === "ROLLED_BACK" ? `was rolled back to revision ${to}` : `could not be rolled back to ${to}`;
  const next =
    state === "ROLLED_BACK"
      ? `shoal service history ${name}`
      : `shoal service rollout resume ${name}, or shoal why ${name}`;
  return failed(`${name}: revision ${from} failed and ${how}: ${message}`, next);
}

function failed(message: string, next: string): RolloutView {
  return { kind: "failed", error: new AppError("precondition", message, { next }) };
}
