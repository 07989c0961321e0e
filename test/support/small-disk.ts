/**
 * A file system of its own for one directory, small enough to be filled: a tmpfs, or one in a file,
 * which can be made to stand still. Needs root.
 */
import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { statfs } from "node:fs/promises";
import { join } from "node:path";

import { run, runOk } from "../../scripts/lib/run.ts";

const BALLAST = "ballast";
/** What is written while it is being filled takes a few pages: asked for again until nothing is left. */
const FILL_ATTEMPTS = 5;

export class SmallDisk {
  readonly directory: string;
  /** What it lies in; null: memory. */
  readonly #image: string | null;
  #isFrozen = false;

  private constructor(directory: string, image: string | null) {
    this.directory = directory;
    this.#image = image;
  }

  static async mount(directory: string, bytes: number): Promise<SmallDisk> {
    mkdirSync(directory, { recursive: true });
    await runOk(["mount", "-t", "tmpfs", "-o", `size=${bytes},mode=0700`, "shoal-test", directory]);
    return new SmallDisk(directory, null);
  }

  /** In a file beside the directory. */
  static async inFile(directory: string, bytes: number): Promise<SmallDisk> {
    const image = `${directory}.img`;
    mkdirSync(directory, { recursive: true });
    writeFileSync(image, "");
    truncateSync(image, bytes);
    await runOk(["mkfs.ext4", "-q", "-F", "-m", "0", image]);
    await runOk(["mount", "-o", "loop", image, directory]);
    return new SmallDisk(directory, image);
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

  /** From here on every write waits, and whoever waits cannot be killed before `thaw`. Only `inFile`. */
  async freeze(): Promise<void> {
    this.#isFrozen = true;
    await runOk(["fsfreeze", "--freeze", this.directory]);
  }

  async thaw(): Promise<void> {
    if (!this.#isFrozen) return;
    this.#isFrozen = false;
    await runOk(["fsfreeze", "--unfreeze", this.directory]);
  }

  async unmount(): Promise<void> {
    await this.thaw();
    await run(["umount", "--lazy", this.directory]);
    if (this.#image !== null) rmSync(this.#image, { force: true });
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
