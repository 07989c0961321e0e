/** A node's data directory as a whole. What is in it belongs to those who write it. */
import { access, constants, rm } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../util/errors.ts";
import { fileProblem } from "../util/file-problem.ts";
import { makeFolder } from "../util/make-folder.ts";

/** The log and snapshots of a manager of an earlier life of the cluster. */
export const SET_ASIDE = "superseded";

/** What a node keeps besides its identity, without which none of it is used. */
const DATA_FOLDERS = [
  "raft-log",
  "raft-snapshots",
  "events",
  "agent",
  "process",
  SET_ASIDE,
  "identity/retired.json",
  "identity/superseded.json",
];

export async function makeDataDir(dataDir: string): Promise<void> {
  try {
    makeFolder(dataDir, 0o700);
    await access(dataDir, constants.W_OK);
  } catch (error) {
    const why = fileProblem(error);
    const next = "choose another --data-dir, or let this user write there";
    throw new AppError("precondition", `Cannot keep state in ${dataDir}: ${why}`, { path: "data-dir", next }, error);
  }
}

export async function removeData(dataDir: string): Promise<void> {
  for (const folder of DATA_FOLDERS) await rm(join(dataDir, folder), { recursive: true, force: true });
}
