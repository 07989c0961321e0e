/**
 * Fills gaps from other managers: what happened before the snapshot that a manager's state came as. What none of them
 * has stays a gap.
 */
import type { Event, EventGap } from "../../model/index.ts";
import { call } from "../../proto/client.ts";
import type { Response } from "../../proto/load.ts";
import type { Channel, Dialer } from "../../proto/rpc.ts";
import { AppError } from "../../util/errors.ts";
import { sleep, type Env } from "../../util/env.ts";
import type { Logger } from "../../util/log.ts";
import { LAST_N } from "./position.ts";
import type { EventRing } from "./ring.ts";

/** Of one page: at most about 1 KiB each. */
const PAGE_EVENTS = 500;
const PAGE_DEADLINE_MS = 5_000;
/** Between rounds over all managers, doubled each time. */
const RETRY_MS = 1_000;
/** A manager that is away for longer is asked at the next start. */
const ROUNDS_MAX = 8;

export type Peer = { readonly id: string; readonly address: string };

export type FillDeps = {
  readonly env: Env;
  readonly log: Logger;
  readonly ring: EventRing;
  readonly dialer: Dialer;
  /** The other managers, the one to ask first in front. */
  readonly peers: () => readonly Peer[];
};

/** Returns when there is no gap that anybody could fill. */
export async function fillGaps(deps: FillDeps, signal: AbortSignal): Promise<void> {
  const { env, ring, peers } = deps;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    let isSettled = true;
    for (const peer of peers()) {
      // Each has to be asked for what the ones before it had not.
      for (const gap of openGaps(ring)) isSettled = (await fillFrom(deps, { peer, gap }, signal)) && isSettled;
      if (signal.aborted) return;
    }
    if (openGaps(ring).length === 0 || (isSettled && peers().length > 0)) return;
    await sleep(env, RETRY_MS * 2 ** round, signal);
  }
}

function openGaps(ring: EventRing): readonly EventGap[] {
  return ring.gaps.filter(({ expired }) => !expired);
}

type From = { readonly peer: Peer; readonly gap: EventGap };

/** @returns whether the peer gave all it has of the gap: asking again would bring no more. */
async function fillFrom(deps: FillDeps, { peer, gap }: From, signal: AbortSignal): Promise<boolean> {
  const channel = deps.dialer.dial(peer.address, { peer: { kind: "node", nodeId: peer.id }, profile: "control" });
  try {
    return await readGap(deps, { channel, gap }, signal);
  } catch (error) {
    signal.throwIfAborted();
    const { code, message } = AppError.from(error);
    deps.log.debug("events not fetched", { from: peer.id, code, message });
    return false;
  } finally {
    channel.close();
  }
}

async function readGap(
  { ring }: FillDeps,
  { channel, gap }: { readonly channel: Channel; readonly gap: EventGap },
  signal: AbortSignal,
): Promise<boolean> {
  let after = { version: gap.afterVersion, n: LAST_N };
  /** Of a version that the page before ended in. */
  let held: readonly Event[] = [];
  for (;;) {
    const request = { after, pageSize: PAGE_EVENTS, consistency: "STALE" } as const;
    const answer = await call(channel, "Events.Read", request, { deadlineMs: PAGE_DEADLINE_MS, signal });
    const next = answer.next ?? after;
    const isEnd = !answer.hasMore || next.version > gap.upToVersion;
    const upTo = isEnd ? Math.min(next.version, gap.upToVersion) : next.version - 1;
    const all = [...held, ...answer.events];
    const events = all.filter(({ version }) => version <= upTo);
    held = all.filter(({ version }) => version > upTo);
    if (!(await ring.fill(gap, { events, upTo, gaps: clipped(answer, { ...gap, upToVersion: upTo }) }))) return true;
    if (isEnd) return upTo >= gap.upToVersion;
    after = next;
  }
}

function clipped({ gaps }: Response<"Events.Read">, { afterVersion, upToVersion }: EventGap): EventGap[] {
  return gaps
    .filter((gap) => gap.upToVersion > afterVersion && gap.afterVersion < upToVersion)
    .map((gap) => ({
      ...gap,
      afterVersion: Math.max(gap.afterVersion, afterVersion),
      upToVersion: Math.min(gap.upToVersion, upToVersion),
    }));
}
