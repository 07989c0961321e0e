/** Free space of a directory's file system, as the kernel says. */
import { stat, statfs } from "node:fs/promises";
import type { DiskProbe } from "../util/disk-space.ts";
import { isAbsent } from "../util/file-problem.ts";

export function diskProbe(directory: string): DiskProbe {
  return async () => {
    const { bavail, blocks, bsize } = await statfs(directory);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  };
}

/** @param file one that is never replaced while it is in use */
export function diskProbeWith(directory: string, file: string): DiskProbe {
  const measure = diskProbe(directory);
  return async () => ({ ...(await measure()), fileId: await fileId(file) });
}

async function fileId(file: string): Promise<string> {
  try {
    const { dev, ino } = await stat(file);
    return `${dev}:${ino}`;
  } catch (error) {
    if (isAbsent(error)) return "";
    throw error;
  }
}
