/**
 * After a recovery or restore a cluster waits for `shoal cluster resume`: its state may be older than
 * what nodes run, so until somebody has looked nothing is started, stopped or deleted on any node.
 * Nodes report, join and change roles meanwhile; everything is read as ever.
 */
import type { Cluster, HeldTask, Recovery } from "./index.ts";
import { AppError } from "../util/errors.ts";

/** The protocol that `Cluster.awaits_resume` came with: an older program would not wait. */
export const AWAITS_RESUME_SINCE = 2;

export const RESUME_COMMAND = "shoal cluster resume";

/** By node id: what it holds, or why it could not be asked. */
export type Inventories = ReadonlyMap<string, readonly HeldTask[] | { readonly silent: string }>;

/** A node with a certificate of this cluster that the state does not know. */
export type Stranger = { readonly nodeId: string; readonly name: string; readonly address: string };

/** @returns null if it does not wait */
export function awaitsResume(clusters: Iterable<Cluster>): Recovery | null {
  for (const cluster of clusters) return cluster.awaitsResume;
  return null;
}

/** Why the cluster waits, as a sentence without its end. */
export function waitingText({ kind }: Recovery): string {
  const past = kind === "RESTORED" ? "restored from a backup" : "recovered";
  return `The cluster was ${past} and waits: nothing is started, stopped or changed until ${RESUME_COMMAND}`;
}

export function waitingError(recovery: Recovery): AppError {
  return new AppError("precondition", waitingText(recovery), {
    next: `${RESUME_COMMAND}: it lists what it would do first`,
  });
}
