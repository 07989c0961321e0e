import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * A folder and what is missing above it. Node's own way (`recursive`) asks again and again, for ever, where a file system
 * says that there is no such place, as below /proc.
 * @throws the system's error
 */
export function makeFolder(folder: string, mode?: number): void {
  try {
    mkdirSync(folder, { mode });
  } catch (error) {
    if (isFolder(folder)) return;
    const isParentMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (!isParentMissing || isFolder(dirname(folder))) throw error;
    makeFolder(dirname(folder), mode);
    makeFolder(folder, mode);
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
