/**
 * The Control and Watch services of a manager. Changes arrive on the leader only (the router
 * forwards), reads anywhere. Everything a caller may see is committed state.
 */
import { awaitsResume, RESUME_COMMAND, waitingText } from "../../model/awaits-resume.ts";
import type { ExplainResponseInput } from "../../proto/gen/ExplainResponse.ts";
import type { Router } from "../../proto/router.ts";
import type { ReadTx } from "../../store/types.ts";
import type { Env } from "../../util/env.ts";
import type { Logger } from "../../util/log.ts";
import type { ReplicaApi } from "../replica/types.ts";
import { registerCluster, type JoinTokens } from "./cluster.ts";
import { registerEvents, type EventSource } from "./events.ts";
import { registerNodes } from "./nodes.ts";
import { registerUpgrade } from "./upgrade.ts";
import { Reads } from "./reads.ts";
import { Requests } from "./requests.ts";
import { registerRuns } from "./runs.ts";
import { registerResume, type ResumeDeps } from "./resume.ts";
import { registerRebalance, type ForecastMoves } from "./rebalance.ts";
import { registerRollouts } from "./rollouts.ts";
import { registerServices } from "./services.ts";
import { registerTasks } from "./tasks.ts";
import type { ScaledAway } from "./warnings.ts";
import { registerWatch, type WatchStore } from "./watch.ts";

export type ControlDeps = {
  readonly store: WatchStore;
  readonly replica: ReplicaApi;
  readonly env: Env;
  readonly log: Logger;
  /** Why something is not what it should be. @throws AppError not-found */
  readonly explain: (tx: ReadTx, id: string) => ExplainResponseInput;
  readonly forecastMoves: ForecastMoves;
  readonly joinTokens: () => JoinTokens;
  readonly events: EventSource;
  readonly scaledAway: ScaledAway;
} & Pick<ResumeDeps, "dialer" | "strangers" | "planResume">;

export class ControlService {
  readonly #deps: ControlDeps;
  readonly #stops: (() => void)[] = [];

  constructor(deps: ControlDeps) {
    this.#deps = deps;
  }

  register(router: Router): void {
    const { store, replica, env, explain, forecastMoves, joinTokens, dialer } = this.#deps;
    const { strangers, planResume, events, scaledAway } = this.#deps;
    const reads = new Reads({ store, replica, env });
    const requests = new Requests({ store, env, replica });
    registerServices(router, { reads, requests, env, scaledAway });
    registerRuns(router, { reads, requests });
    registerRollouts(router, { reads, requests });
    registerRebalance(router, { reads, requests, forecastMoves });
    registerTasks(router, { reads, requests });
    registerEvents(router, { reads, store, env, source: events });
    registerNodes(router, { reads, requests, store, replica });
    registerUpgrade(router, { requests, replica });
    registerResume(router, { reads, requests, store, dialer, strangers, planResume });
    registerCluster(router, { reads, requests, store, replica, env, joinTokens });
    this.#stops.push(() => reads.stop(), registerWatch(router, { store, env }));
    router.unary("Control.Explain", async (request, context) => {
      const tx = await reads.view("LINEARIZABLE", context);
      return whileWaiting(tx, explain(tx, request.id));
    });
  }

  /** Ends the watches; calls in progress end with their own deadlines. */
  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }
}

/** Before every other reason: while the cluster waits, none of them is what holds things up. */
function whileWaiting(tx: ReadTx, explanation: ExplainResponseInput): ExplainResponseInput {
  const recovery = awaitsResume(tx.all("cluster"));
  if (recovery === null) return explanation;
  const message = waitingText(recovery);
  const { kind: subjectKind = "", id: subjectId = "", name: subjectName = "" } = explanation;
  const about = { subjectKind, subjectId, subjectName };
  const reason = { ...about, code: "awaits-resume", message, next: RESUME_COMMAND };
  return { ...explanation, summary: message, reasons: [reason, ...(explanation.reasons ?? [])] };
}
