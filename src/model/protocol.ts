/**
 * The protocol a cluster writes: which kinds of log entries and replicated fields its managers may
 * use. A program speaks a range of them; the cluster's number is raised, by `shoal cluster upgrade
 * --finalize`, once the program of every manager reaches it. Until then a newer program writes as
 * the older ones do, so that it can be replaced by an older one again.
 */
import type { Cluster } from "./index.ts";
import { AppError } from "../util/errors.ts";

export type Protocols = { readonly min: number; readonly max: number };

/** What this program speaks. Raise `max` with every release that adds to FIELDS_SINCE (proto/fields-since.ts). */
export const PROTOCOLS: Protocols = { min: 1, max: 2 };

/** Before anything was finalized, and in messages of programs that knew no numbers, it is 1. */
export function protocolOf(value: number | undefined): number {
  return Math.max(1, value ?? 0);
}

export function clusterProtocol(clusters: Iterable<Cluster>): number {
  for (const { protocol } of clusters) return protocolOf(protocol);
  return 1;
}

/** @param field as people know it: "spec.task.init" */
export function notYet(
  field: string,
  { needs, protocol }: { readonly needs: number; readonly protocol: number },
): AppError {
  return new AppError("precondition", `${field}: needs protocol ${needs}, the cluster still writes ${protocol}`, {
    path: field,
    next: "finish the upgrade first: shoal cluster upgrade",
  });
}

/** @param what names the thing that is beyond this program, with its place */
export function tooNew(what: string, { needs, max }: { readonly needs: number; readonly max: number }): AppError {
  return new AppError("unsupported", `${what} is of protocol ${needs}, this program speaks up to ${max}`, {
    next: "start the newer version of shoal again: the way back ended with shoal cluster upgrade --finalize",
  });
}
