/** A file system of its own for one directory (a tmpfs), small enough to be filled. Needs root. */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { statfs } from "node:fs/promises";
import { join } from "node:path";

import { runOk } from "../../scripts/lib/run.ts";

const BALLAST = "ballast";
/** What is written while it is being filled takes a few pages: asked for again until nothing is left. */
const FILL_ATTEMPTS = 5;

export class SmallDisk {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async mount(directory: string, bytes: number): Promise<SmallDisk> {
    mkdirSync(directory, { recursive: true });
    await runOk(["mount", "-t", "tmpfs", "-o", `size=${bytes},mode=0700`, "shoal-test", directory]);
    return new SmallDisk(directory);
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.directory);
    return bavail * bsize;
  }

  async totalBytes(): Promise<number> {
    const { blocks, bsize } = await statfs(this.directory);
    return blocks * bsize;
  }

  /** Takes all but `leaveBytes` of what is free. */
  async fill(leaveBytes = 0): Promise<void> {
    for (let attempt = 0; attempt < FILL_ATTEMPTS; attempt += 1) {
      const bytes = (await this.freeBytes()) - leaveBytes;
      if (bytes <= 0) return;
      const file = join(this.directory, `${BALLAST}-${attempt}`);
      await runOk(["fallocate", "-l", String(bytes), file]).catch(() => undefined); // Somebody was quicker: again.
    }
  }

  empty(): void {
    for (let attempt = 0; attempt < FILL_ATTEMPTS; attempt += 1) {
      rmSync(join(this.directory, `${BALLAST}-${attempt}`), { force: true });
    }
  }
}

/** Synchronous, for exit handlers. Whoever uses one of them keeps it until he ends. */
export function unmountBelow(folder: string): void {
  const mounts = readFileSync("/proc/mounts", "utf8").split("\n");
  for (const line of mounts.toReversed()) {
    const place = line.split(" ")[1] ?? "";
    if (place.startsWith(`${folder}/`)) spawnSync("umount", ["--lazy", place]);
  }
}
