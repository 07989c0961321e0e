/** Free space of a directory's file system, as the kernel says. */
import { statfs } from "node:fs/promises";
import type { DiskProbe } from "../util/disk-space.ts";

export function diskProbe(directory: string): DiskProbe {
  return async () => {
    const { bavail, blocks, bsize } = await statfs(directory);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  };
}
