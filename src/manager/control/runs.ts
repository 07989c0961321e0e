/** Control's runs of jobs: their history, and a run by hand. */
import { isOpen, newestRun, newRun, RUNS_OPEN_MAX } from "../../model/run.ts";
import { jobOf, modeOf } from "../../model/service-mode.ts";
import type { Run, Service } from "../../model/index.ts";
import { describeCaller, type Router } from "../../proto/router.ts";
import type { ReadTx, WriteTx } from "../../store/types.ts";
import { must } from "../../util/assert.ts";
import { AppError } from "../../util/errors.ts";
import { FILTER_KEYS, parseFilters, runFilter, type ParsedFilters } from "./filters.ts";
import { findService } from "./lookup.ts";
import { pageOf } from "./pages.ts";
import type { Reads } from "./reads.ts";
import type { Requests } from "./requests.ts";
import { withProgress } from "./service-status.ts";

export function registerRuns(router: Router, { reads, requests }: { reads: Reads; requests: Requests }): void {
  router.unary("Control.ListRuns", async (request, context) => {
    const filters = parseFilters(request.filters, FILTER_KEYS.run);
    const accepts = runFilter(filters);
    const tx = await reads.view(request.consistency, context);
    const matching = [...candidates(tx, filters)].filter((run) => accepts(run, tx));
    const page = pageOf(matching, orderOf, request);
    return {
      runs: page.rows.map((run) => withProgress(tx, run)),
      nextPageToken: page.nextPageToken,
      version: tx.version,
    };
  });

  router.unary("Control.RunService", async (request, context) => {
    const actor = describeCaller(context.caller);
    const change = (tx: WriteTx): { run: Run } => ({ run: runNow(tx, request.id, actor) });
    return await requests.run({ key: "Control.RunService", request, context, change });
  });
}

/** By service, the newest first. */
function orderOf({ serviceName, serviceId, number }: Run): string {
  return `${serviceName}\0${serviceId}\0${String(Number.MAX_SAFE_INTEGER - number).padStart(16, "0")}`;
}

/** The runs of one service come from their index; the filter still decides. */
function candidates(tx: ReadTx, filters: ParsedFilters): Iterable<Run> {
  const [ref, ...others] = filters.get("service") ?? [];
  if (ref === undefined || others.length > 0) return tx.all("run");
  const service = tx.get("service", ref) ?? tx.find("service", "name", ref.toLowerCase())[0];
  return service === undefined ? tx.all("run") : tx.find("run", "service", service.id);
}

/** The orchestrator creates its tasks, and ends the run it takes the place of. */
function runNow(tx: WriteTx, ref: string, actor: string): Run {
  const service = findService(tx, ref);
  const runs = tx.find("run", "service", service.id);
  refuseRun(service, runs);
  const cause = { actor, reason: "run by hand" };
  const run = newRun({ service, runs, cause, scheduledAtMs: 0, nowMs: tx.timeMs });
  tx.put("run", run);
  return must(tx.get("run", run.id), "the run was put in this transaction");
}

function refuseRun(service: Service, runs: readonly Run[]): void {
  const name = service.spec?.name ?? service.id;
  if (jobOf(service.spec) === null) {
    throw new AppError("precondition", `id: the service "${name}" is ${modeOf(service.spec)}: it runs all the time`, {
      path: "id",
      next: `replace its tasks with: shoal service restart ${name}`,
    });
  }
  const open = runs.filter(isOpen);
  const number = newestRun(open)?.number ?? 0;
  switch (service.spec?.cron?.overlap) {
    case undefined:
      if (number === 0) return;
      throw new AppError("precondition", `id: run ${number} of "${name}" is still open`, {
        path: "id",
        next: `wait for it, or stop it and start over with: shoal service restart ${name}`,
      });
    case "SKIP":
      if (number === 0) return;
      throw new AppError("precondition", `id: run ${number} of "${name}" is still open, and its runs may not overlap`, {
        path: "id",
        next: "wait for it, or update the service with another overlap",
      });
    case "REPLACE":
      return;
    case "ALLOW":
      if (open.length < RUNS_OPEN_MAX) return;
      throw new AppError(
        "exhausted",
        `id: ${open.length} runs of "${name}" are open, at most ${RUNS_OPEN_MAX} may be`,
        {
          path: "id",
          next: "wait until one ends",
        },
      );
  }
}
