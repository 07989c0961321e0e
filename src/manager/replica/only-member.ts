/**
 * Makes the log in a data directory that of a group with one member: one snapshot, and nothing else.
 * The switch is one synced batch, so a crash leaves what was there before or the whole of it.
 */
import type { Member } from "../../raft/types.ts";
import { AppError } from "../../util/errors.ts";
import type { SnapshotManifest } from "./log-records.ts";
import type { OpenedState } from "./open-state.ts";

export type OnlyMember = {
  readonly member: Member;
  readonly index: number;
  readonly term: number;
  /** The state machine's, in pieces. */
  readonly body: Iterator<Uint8Array>;
};

/** @param failed aborts when a write has failed. The stores stay open. @throws AppError what made it fail */
export async function becomeOnlyMember(
  { storage, snapshots }: Pick<OpenedState, "storage" | "snapshots">,
  { member, index, term, body }: OnlyMember,
  failed: AbortSignal,
): Promise<void> {
  const writer = snapshots.create();
  try {
    for (let next = body.next(); next.done !== true; next = body.next()) {
      writer.add(next.value);
      await writer.flush();
    }
    const { sizeBytes, hash, chunks } = await writer.finish();
    const config = { members: [member] };
    const manifest: SnapshotManifest = {
      meta: { index, term, config, sizeBytes, hash },
      slot: writer.slot,
      chunks,
    };
    await new Promise<void>((resolve, reject) => {
      const fail = (): void => reject(AppError.from(failed.reason));
      if (failed.aborted) fail();
      failed.addEventListener("abort", fail, { once: true });
      storage.installSnapshot(manifest, { term, vote: null, commit: index }, resolve);
    });
    writer.close();
    await snapshots.collect(() => manifest.slot);
  } finally {
    writer.close();
  }
}
