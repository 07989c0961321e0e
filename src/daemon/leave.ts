/** How a manager gets out of the Raft group before its node leaves the cluster. */
import type { ReplicaApi } from "../manager/replica/types.ts";
import { call } from "../proto/client.ts";
import type { Dialer } from "../proto/rpc.ts";
import { AppError, isAppError } from "../util/errors.ts";
import { sleep, type Env } from "../util/env.ts";
import type { ClusterNode } from "./node.ts";

export const LEAVE_DEADLINE_MS = 20_000;
/** With force a manager does not wait longer than this for a leader that may never come. */
export const FORCED_DEADLINE_MS = 3000;
const ATTEMPT_MS = 5000;
const PAUSE_MS = 100;

/** A manager that left the Raft group gives its agent this long to find another manager for its goodbye. */
const FAREWELL_MS = 3000;
const FAREWELL_POLL_MS = 50;

export type LeaveDeps = { readonly env: Env; readonly dialer: Dialer; readonly replica: ReplicaApi };

/** A node's manager leaves the group and stops; its agent may then say goodbye elsewhere. */
export async function leaveManagers(
  { env, dialer, node }: { readonly env: Env; readonly dialer: Dialer; readonly node: ClusterNode },
  options: { nodeId: string; force: boolean },
): Promise<void> {
  const { manager } = node;
  if (manager === null) return;
  const { replica } = manager;
  const isLast = replica.members().length <= 1;
  await leaveRaft({ env, dialer, replica }, options);
  if (isLast) return;
  // Its own sessions end here: the agent says goodbye at a manager that can still tell the leader.
  await manager.stop();
  const until = env.now() + FAREWELL_MS;
  const isConnected = (): boolean => node.agent.status().sessionId !== "";
  while (isConnected() && env.now() < until && node.agent.status().manager === node.address) {
    await sleep(env, FAREWELL_POLL_MS);
  }
  while (!isConnected() && env.now() < until) await sleep(env, FAREWELL_POLL_MS);
}

/** @throws AppError precondition | unavailable; with `force` it never refuses */
export async function leaveRaft(deps: LeaveDeps, { nodeId, force }: { nodeId: string; force: boolean }): Promise<void> {
  const { env, replica } = deps;
  if (replica.members().length <= 1) {
    if (force) return;
    throw new AppError("precondition", "This is the cluster's last manager: leaving ends the cluster", {
      next: "shoal leave --force",
    });
  }
  const until = env.now() + (force ? FORCED_DEADLINE_MS : LEAVE_DEADLINE_MS);
  let last = new AppError("unavailable", "No quorum: the other managers cannot agree to let this one go", {
    next: "shoal leave --force",
  });
  while (env.now() < until) {
    try {
      if (await attempt(deps, nodeId)) return;
    } catch (error) {
      last = AppError.from(error);
      if (!isPassing(last)) break;
    }
    await sleep(env, PAUSE_MS);
  }
  if (!force) throw last;
}

/** @returns false while no other manager leads. */
async function attempt({ dialer, replica }: LeaveDeps, nodeId: string): Promise<boolean> {
  const leader = replica.leader();
  if (leader === null) return false;
  if (leader.id === nodeId) {
    await replica.transferLeadership();
    return false;
  }
  const channel = dialer.dial(leader.address, { peer: { kind: "node", nodeId: leader.id }, profile: "control" });
  try {
    // Idempotent on the leader, so every unclear answer is simply asked again.
    await call(channel, "Raft.Leave", { nodeId }, { deadlineMs: ATTEMPT_MS });
    return true;
  } finally {
    channel.close();
  }
}

function isPassing(error: AppError): boolean {
  return (["not-leader", "unavailable", "unknown-outcome", "deadline"] as const).some((code) =>
    isAppError(error, code),
  );
}
