/** Spreading a service's tasks over the nodes there are, once and by hand; the scheduler does it. */
import { ASKED_FOR_MS, rebalanceObstacle } from "../../model/rebalance.ts";
import type { Service } from "../../model/index.ts";
import type { Router } from "../../proto/router.ts";
import type { PlanRebalanceResponse } from "../../proto/gen/PlanRebalanceResponse.ts";
import type { ReadTx, WriteTx } from "../../store/types.ts";
import { must } from "../../util/assert.ts";
import { AppError } from "../../util/errors.ts";
import { findService } from "./lookup.ts";
import type { Reads } from "./reads.ts";
import type { Requests } from "./requests.ts";
import { stored } from "./services.ts";

/** What would be moved now. */
export type ForecastMoves = (tx: ReadTx, service: Service) => PlanRebalanceResponse;

export type RebalanceDeps = {
  readonly reads: Reads;
  readonly requests: Requests;
  readonly forecastMoves: ForecastMoves;
};

export function registerRebalance(router: Router, { reads, requests, forecastMoves }: RebalanceDeps): void {
  router.unary("Control.RebalanceService", async (request, context) => {
    const change = (tx: WriteTx): { service: Service } => {
      const service = movable(findService(tx, request.id));
      tx.put("service", { ...service, rebalanceUntilMs: tx.timeMs + ASKED_FOR_MS });
      return { service: stored(tx, service.id) };
    };
    return await requests.run({ key: "Control.RebalanceService", request, context, change });
  });

  router.unary("Control.PlanRebalance", async (request, context) => {
    const tx = await reads.view(request.consistency, context);
    return forecastMoves(tx, movable(findService(tx, request.id)));
  });
}

function movable(service: Service): Service {
  const spec = must(service.spec, "a stored service has a spec");
  const obstacle = rebalanceObstacle(spec);
  if (obstacle === "") return service;
  throw new AppError("precondition", `Cannot rebalance "${spec.name}": ${obstacle}`, {
    next: `shoal service ps ${spec.name}`,
  });
}
