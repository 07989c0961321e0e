/**
 * What becomes of the log of a manager whose life of the cluster is over: it is moved to
 * `<dataDir>/superseded` and kept until another one is, because it may hold changes that the new life
 * does not have. `shoal debug` reads it there; leaving the cluster removes it with everything else.
 */
import { mkdir, rename, rm } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { EVENT_STORE } from "../manager/events/ring.ts";
import { LOG_STORE, SNAPSHOT_STORE } from "../manager/replica/open-state.ts";
import { inAnotherLife } from "../manager/replica/retired.ts";
import { takePromises } from "../manager/replica/take-promises.ts";
import type { NodeIdentity } from "../pki/types.ts";
import { SET_ASIDE } from "./data-dir.ts";
import { readRetired, writeRetired, type Disk } from "./retired-file.ts";
import { unmarkSuperseded } from "./superseded-file.ts";

/**
 * Each step may be repeated; the mark goes last. What this node promised as a manager was promised to
 * a group that is over.
 */
export async function setAside(disk: Disk, identity: NodeIdentity): Promise<void> {
  const { dataDir } = disk;
  const folder = join(dataDir, SET_ASIDE);
  const stores = [LOG_STORE, SNAPSHOT_STORE].filter((store) => existsSync(join(dataDir, store)));
  // Both: nothing was moved yet. One: an earlier attempt moved the other, which it stays beside.
  if (stores.length === 2) {
    await rm(folder, { recursive: true, force: true });
    const before = await readRetired(dataDir);
    await writeRetired(dataDir, inAnotherLife(await takePromises(disk, { identity, dataDir, before })));
  }
  // They may tell of what the new life never saw; another manager has those that hold.
  await rm(join(dataDir, EVENT_STORE), { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const store of stores) await rename(join(dataDir, store), join(folder, store));
  await unmarkSuperseded(dataDir);
}
