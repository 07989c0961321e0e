/** Control's services. Tasks follow from them in the orchestrator; nothing here places or starts one. */
import type { Service, ServiceSpec, Task, TaskSpec } from "../../model/index.ts";
import { normaliseServiceSpec } from "../../model/defaults.ts";
import { modeOf } from "../../model/service-mode.ts";
import { canRaise } from "../../model/task-state.ts";
import { awaitsResume } from "../../model/awaits-resume.ts";
import { refuseConflicts } from "../../model/validate-conflicts.ts";
import { SPEC_BYTES_MAX, validateServiceSpec } from "../../model/validate.ts";
import { codec } from "../../proto/load.ts";
import { describeCaller, type Router } from "../../proto/router.ts";
import { endTask } from "../../store/end-task.ts";
import { removableRevisions } from "../../store/revisions.ts";
import { putNewService, putSpec } from "../../store/rollouts.ts";
import type { ReadTx, WriteTx } from "../../store/types.ts";
import { must } from "../../util/assert.ts";
import { newId } from "../../util/id.ts";
import { formatBytes } from "../../util/units.ts";
import { AppError, invalid } from "../../util/errors.ts";
import type { Env } from "../../util/env.ts";
import { parseFilters, FILTER_KEYS, serviceFilter } from "./filters.ts";
import { inlineTasks } from "./inline-tasks.ts";
import { findService } from "./lookup.ts";
import { pageOf } from "./pages.ts";
import type { Reads } from "./reads.ts";
import type { Requests } from "./requests.ts";
import { statusOf } from "./service-status.ts";
import { outOfSequence } from "./versions.ts";
import { dataLeftBehind, scaleWarnings, type ScaledAway } from "./warnings.ts";

export type ServiceDeps = {
  readonly reads: Reads;
  readonly requests: Requests;
  readonly env: Env;
  readonly scaledAway: ScaledAway;
};

export function registerServices(router: Router, { reads, requests, env, scaledAway }: ServiceDeps): void {
  router.unary("Control.CreateService", async (request, context) => {
    const spec = acceptSpec(request.spec);
    refuseConflicts(spec, null);
    const cause = { actor: describeCaller(context.caller), reason: "service created" };
    return await requests.run({
      key: "Control.CreateService",
      request,
      context,
      change: (tx) => ({ service: createService(tx, { id: newId(env), spec, cause }) }),
      ...repeatable(spec),
    });
  });

  router.unary("Control.UpdateService", async (request, context) => {
    const spec = acceptSpec(request.spec);
    const cause = { actor: describeCaller(context.caller), reason: "service updated" };
    return await requests.run({
      key: "Control.UpdateService",
      request,
      context,
      change: (tx) => {
        const before = findService(tx, request.id).spec?.replicated?.replicas ?? 0;
        const service = updateService(tx, request, { spec, cause });
        const isLess = (service.spec?.replicated?.replicas ?? 0) < before;
        return { service, warnings: isLess ? scaleWarnings(tx, service, scaledAway(tx, service.id)) : [] };
      },
      ...repeatable(spec),
    });
  });

  router.unary("Control.RemoveService", async (request, context) => {
    const actor = describeCaller(context.caller);
    const change = (tx: WriteTx): { id: string; warnings: string[] } => {
      const warnings = dataLeftBehind(tx, tx.find("task", "service", findService(tx, request.id).id));
      return { id: removeService(tx, request.id, actor), warnings };
    };
    return await requests.run({ key: "Control.RemoveService", request, context, change });
  });

  router.unary("Control.GetService", async (request, context) => {
    const tx = await reads.view(request.consistency, context);
    const service = findService(tx, request.id);
    return { service, ...statusOf(tx, service) };
  });

  router.unary("Control.ListServices", async (request, context) => {
    const accepts = serviceFilter(parseFilters(request.filters, FILTER_KEYS.service));
    const tx = await reads.view(request.consistency, context);
    const matching = [...tx.all("service")].filter((service) => accepts(service, tx));
    const page = pageOf(matching, (service) => `${service.spec?.name.toLowerCase() ?? ""}\0${service.id}`, request);
    const services = page.rows.map((service) => ({ service, ...statusOf(tx, service) }));
    const { nextPageToken } = page;
    return { services, nextPageToken, version: tx.version, awaitsResume: awaitsResume(tx.all("cluster")) };
  });
}

const serviceSpec = codec("ServiceSpec");

/** Validated, complete, and small enough to be stored. */
function acceptSpec(spec: ServiceSpec | null): ServiceSpec {
  const complete = normaliseServiceSpec(validateServiceSpec(spec));
  const bytes = serviceSpec.encode(complete).length;
  if (bytes <= SPEC_BYTES_MAX) return complete;
  throw invalid(
    "spec",
    `has ${formatBytes(bytes)}, at most ${formatBytes(SPEC_BYTES_MAX)} are allowed`,
    "move data into the image or a volume",
  );
}

function createService(tx: WriteTx, service: Pick<Service, "id" | "spec" | "cause">): Service {
  const name = service.spec?.name ?? "";
  const [taken] = tx.find("service", "name", name.toLowerCase());
  if (taken !== undefined) {
    throw new AppError("exists", `spec.name: the service "${name}" exists already (${taken.id})`, {
      path: "spec.name",
      next: "choose another name, or update that service",
    });
  }
  putNewService(tx, service);
  return stored(tx, service.id);
}

type Asked = { readonly id: string; readonly version: number };

function updateService(
  tx: WriteTx,
  asked: Asked,
  { spec, cause }: Pick<Service, "cause"> & { readonly spec: ServiceSpec },
): Service {
  const service = findService(tx, asked.id);
  const before = must(service.spec, "a stored service has a spec");
  // What its rollout wrote since it was read is no conflict.
  if (asked.version < service.specVersion || asked.version > (service.meta?.version ?? 0))
    throw outOfSequence(`service "${before.name}"`, service.meta, asked.version);
  if (before.name !== spec.name) {
    throw new AppError("unsupported", `spec.name: cannot rename the service "${before.name}" to "${spec.name}"`, {
      path: "spec.name",
      next: "create a service with the new name and remove this one",
    });
  }
  if (modeOf(before) !== modeOf(spec)) {
    const text = `cannot change the service "${before.name}" from ${modeOf(before)} to ${modeOf(spec)}`;
    throw new AppError("unsupported", `spec.mode: ${text}`, {
      path: "spec.mode",
      next: "create a service of the other mode and remove this one",
    });
  }
  refuseConflicts(spec, before);
  const scheduledFromMs = isSameSchedule(before, spec) ? service.scheduledFromMs : tx.timeMs;
  const isNewRevision = !isSameTask(before.task, spec.task);
  putSpec(tx, { ...service, scheduledFromMs }, { spec, cause, isNewRevision });
  return stored(tx, service.id);
}

/** What it did not fire by, or while it was suspended, is nothing it missed. */
function isSameSchedule({ cron: a }: ServiceSpec, { cron: b }: ServiceSpec): boolean {
  return (
    a?.schedule === b?.schedule && a?.timeZone === b?.timeZone && (a?.suspended ?? false) === (b?.suspended ?? false)
  );
}

function removeService(tx: WriteTx, ref: string, actor: string): string {
  const { id } = findService(tx, ref);
  tx.remove("service", id);
  for (const task of inlineTasks(tx.find("task", "service", id))) removeTask(tx, task, actor);
  for (const revision of removableRevisions(tx, id)) tx.remove("revision", revision.id);
  return id;
}

function removeTask(tx: WriteTx, task: Task, actor: string): void {
  if (canRaise(task.desired, "REMOVE")) endTask(tx, task, "REMOVE", { actor, reason: "service removed" });
}

/** By encoded bytes: both are complete, with their maps in one order. */
function isSameTask(a: TaskSpec | null, b: TaskSpec | null): boolean {
  const type = codec("TaskSpec");
  return type.encode(a ?? {}).equals(type.encode(b ?? {}));
}

/** With the meta that the transaction gives it. */
export function stored(tx: ReadTx, id: string): Service {
  return must(tx.get("service", id), "the service was put in this transaction");
}

type ServiceAnswer = { service?: object | null; warnings?: string[] };

/** The record of the request need not hold the spec: a repetition brings it again. */
function repeatable(spec: ServiceSpec): {
  compact: (answer: ServiceAnswer) => ServiceAnswer;
  expand: (answer: ServiceAnswer) => ServiceAnswer;
} {
  return {
    compact: (answer) => ({ ...answer, service: { ...answer.service, spec: null } }),
    expand: (answer) => ({ ...answer, service: { ...answer.service, spec } }),
  };
}
