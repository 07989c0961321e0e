import { expect } from "chai";
import { CurrentSnapshot, DEFAULT_SNAPSHOT_OPTIONS } from "../../../../src/manager/replica/current-snapshot.ts";
import type { Driver } from "../../../../src/manager/replica/driver.ts";
import type { Flusher } from "../../../../src/manager/replica/flusher.ts";
import type { SnapshotManifest } from "../../../../src/manager/replica/log-records.ts";
import { EMPTY_CONFIG } from "../../../../src/raft/config.ts";

function manifest(index: number): SnapshotManifest {
  return { meta: { index, term: 1, config: EMPTY_CONFIG, sizeBytes: 1, hash: "" }, slot: `slot${index}`, chunks: 1 };
}

describe("replica/current-snapshot", () => {
  it("knows the slot that counts on disk, also of a snapshot that was given up while it was written", () => {
    const written: (() => void)[] = [];
    const flusher: Pick<Flusher, "addWrite" | "kick"> = {
      addWrite: (_write, after) => void written.push(after),
      kick: () => undefined,
    };
    // Of the driver, only the flusher is asked.
    const driver = { flusher } as unknown as Driver;
    const current = new CurrentSnapshot(driver, { manifest: manifest(5), options: DEFAULT_SNAPSHOT_OPTIONS });
    let isDone = false;
    current.take(
      manifest(9),
      () => true,
      () => {
        isDone = true;
      },
    );
    expect(current.manifest?.slot).to.equal("slot5");
    for (const after of written) after();
    expect([current.manifest?.slot, isDone]).to.deep.equal(["slot9", true]);
  });
});
