/** What a manager that does not run any more has promised, read from its data before these are deleted. */
import type { Restore } from "../../store/types.ts";
import type { Env } from "../../util/env.ts";
import type { KvFactory } from "../../util/kv.ts";
import type { Identity } from "./log-records.ts";
import { closeState, openState } from "./open-state.ts";
import { retire, type Retired } from "./retired.ts";

export type Retiring = {
  readonly identity: Identity;
  /** How messages name the data directory. */
  readonly dataDir: string;
  /** What was kept of earlier logs of this node. */
  readonly before: Retired | null;
};

/** @throws AppError `corrupt` */
export async function takePromises(
  { env, kvFactory }: { readonly env: Env; readonly kvFactory: KvFactory },
  { identity, dataDir, before }: Retiring,
): Promise<Retired> {
  const { clusterId, nodeId } = identity;
  const opened = await openState(
    { env, kvFactory, onFatal: () => undefined },
    { identity: { clusterId, nodeId }, dataDir, bootstrap: null, retired: null, beginRestore: () => NOTHING_RESTORED },
  );
  await closeState(opened);
  const { hardState, entries, prevIndex, prevTerm } = opened.initial;
  const last = entries.at(-1) ?? { index: prevIndex, term: prevTerm };
  return retire(before, {
    nodeId,
    term: hardState.term,
    vote: hardState.vote,
    lastIndex: last.index,
    lastTerm: last.term,
    writes: opened.storage.writes,
  });
}

/** What the log was about is of no interest any more. */
const NOTHING_RESTORED: Restore = { add: nothing, step: () => false, replace: nothing };

function nothing(): void {
  // Only the log's end counts.
}
