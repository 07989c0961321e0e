/**
 * How full the file systems are that tasks write to: the data directory's and the engine's own. Before one is full,
 * images nobody uses are collected; when it nearly is, the node takes no new tasks and says which path it is. What runs
 * goes on, and so do heartbeats.
 */
import type { DiskProbe, DiskSpace } from "../util/disk-space.ts";
import { AppError } from "../util/errors.ts";
import { sleep, withDeadline, type Env } from "../util/env.ts";
import type { Logger } from "../util/log.ts";
import { Scope } from "../util/scope.ts";

export const DISK_LOOK_MS = 10_000;
/** Used shares of a file system. */
export const COLLECT_AT = 0.9;
export const REFUSE_AT = 0.95;
/** So much must be free again before a disk is said to have room: one at the edge would be told of at every look. */
export const ROOM_AGAIN = 0.02;
/** Collecting again sooner would find what it left the last time. */
export const COLLECT_EVERY_MS = 60_000;
/** A disk that does not answer must not stop the looking. */
const PROBE_MS = 5000;
const COLLECT_MS = 120_000;

export type WatchedDisk = { readonly path: string; readonly probe: DiskProbe };

export type DiskWatchDeps = {
  readonly env: Env;
  readonly log: Logger;
  /** Asked at every look: the engine may be another one by then. */
  readonly disks: () => readonly WatchedDisk[];
  /** Frees space that nothing needs. @returns how many images went */
  readonly collect: (signal: AbortSignal) => Promise<number>;
  /** Other paths are full than before. */
  readonly onChange: () => void;
};

type Paths = readonly string[];
type Measured = { readonly path: string; readonly used: number };

const NONE: Paths = [];

/** @param known those that were found before: a little less is enough for them */
function pathsFrom(disks: readonly Measured[], at: number, known: Paths = NONE): string[] {
  return disks
    .filter(({ path, used }) => used >= (known.includes(path) ? at - ROOM_AGAIN : at))
    .map(({ path }) => path);
}

export class DiskWatch {
  readonly #deps: DiskWatchDeps;
  readonly #scope: Scope;
  #full: readonly string[] = [];
  #filling: readonly string[] = [];
  #collectedAt = -Infinity;

  constructor(deps: DiskWatchDeps) {
    this.#deps = deps;
    this.#scope = new Scope((name, error) => deps.log.error("disk watch failed", { name, error }));
  }

  /** Paths whose file systems are too full for new tasks. */
  get fullPaths(): readonly string[] {
    return this.#full;
  }

  /** Paths whose file systems fill up although unused images were collected; full ones among them. */
  get fillingPaths(): readonly string[] {
    return this.#filling;
  }

  start(): void {
    this.#scope.spawn("watch", async (signal) => {
      // Collecting takes its time: until then a restart would make room where there is none.
      const first = await this.#measure(signal);
      this.#note(pathsFrom(first, REFUSE_AT), pathsFrom(first, COLLECT_AT));
      let known = { full: NONE, filling: NONE };
      for (;;) {
        await this.#look(known, signal);
        known = { full: this.#full, filling: this.#filling };
        await sleep(this.#deps.env, DISK_LOOK_MS, signal);
      }
    });
  }

  async stop(): Promise<void> {
    await this.#scope.close();
  }

  async #look(known: { readonly full: Paths; readonly filling: Paths }, signal: AbortSignal): Promise<void> {
    const before = await this.#measure(signal);
    const isFilling = before.some(({ used }) => used >= COLLECT_AT);
    const isDue = this.#deps.env.now() - this.#collectedAt >= COLLECT_EVERY_MS;
    const now = isFilling && isDue && (await this.#collect(before, signal)) ? await this.#measure(signal) : before;
    this.#note(pathsFrom(now, REFUSE_AT, known.full), pathsFrom(now, COLLECT_AT, known.filling));
  }

  async #measure(signal: AbortSignal): Promise<Measured[]> {
    const measured: Measured[] = [];
    for (const { path, probe } of this.#deps.disks()) {
      try {
        const deadline = { ms: PROBE_MS, what: `Measuring ${path}`, parent: signal };
        measured.push({ path, used: usedShare(await withDeadline(this.#deps.env, deadline, () => probe())) });
      } catch (error) {
        signal.throwIfAborted();
        // What is unknown refuses nothing: the engine's directory may be another machine's.
        this.#deps.log.debug("free disk space is not known", { path, error: AppError.from(error).message });
      }
    }
    return measured;
  }

  /** @returns whether anything was freed. */
  async #collect(disks: readonly Measured[], signal: AbortSignal): Promise<boolean> {
    const { env, log, collect } = this.#deps;
    this.#collectedAt = env.now();
    const paths = disks.filter(({ used }) => used >= COLLECT_AT).map(({ path }) => path);
    try {
      const deadline = { ms: COLLECT_MS, what: "Collecting unused images", parent: signal };
      const images = await withDeadline(env, deadline, (inner) => collect(inner));
      log.info("the disk fills up: unused images were collected", { paths, images });
      return images > 0;
    } catch (error) {
      signal.throwIfAborted();
      log.warn("unused images cannot be collected", { paths, error: AppError.from(error).message });
      return false;
    }
  }

  #note(full: readonly string[], filling: readonly string[]): void {
    const { log, onChange } = this.#deps;
    const isSame = (a: readonly string[], b: readonly string[]): boolean => a.join("\0") === b.join("\0");
    const [isFullSame, isFillingSame] = [isSame(full, this.#full), isSame(filling, this.#filling)];
    if (isFullSame && isFillingSame) return;
    if (!isFullSame && full.length > 0) log.warn("the disk is almost full: no new tasks here", { paths: full });
    else if (!isFullSame) log.info("the disk has room for new tasks again");
    if (!isFillingSame && filling.length === 0) log.info("there is room on the disk again");
    this.#full = full;
    this.#filling = filling;
    onChange();
  }
}

function usedShare({ freeBytes, totalBytes }: DiskSpace): number {
  return totalBytes <= 0 ? 0 : 1 - freeBytes / totalBytes;
}
