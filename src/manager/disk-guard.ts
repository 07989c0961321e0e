/**
 * Acts before the disk is full, because a full disk is a dead manager: a failed write is final. Two
 * marks on the free space of the data directory's file system:
 *
 * ```
 *  free   ok ------ low ------------------------------- stop ----> 0
 *         |          proposals are refused (exhausted),   the manager stops cleanly and
 *         |          leadership goes to a voter with room  does not start again below it
 * ```
 *
 * And when the log's files are gone: what is written to files that were removed is kept nowhere, without any error.
 *
 * Refusing proposals stops what clients and loops write; what other leaders replicate still comes
 * in, which is what the space between the marks is for.
 */
import type { Member, MemberId } from "../raft/types.ts";
import type { DiskProbe, DiskSpace } from "../util/disk-space.ts";
import { AppError } from "../util/errors.ts";
import { isAbsent } from "../util/file-problem.ts";
import { sleep, type Env } from "../util/env.ts";
import type { Logger } from "../util/log.ts";
import { Scope } from "../util/scope.ts";
import { formatBytes } from "../util/units.ts";

/** What the operator said, bytes; null takes the default. */
export type DiskMarks = { readonly lowBytes: number | null; readonly stopBytes: number | null };

const MIB = 1024 * 1024;
export const DISK_CHECK_MS = 2000;
/** Of a disk so small that this share is less than the default mark, the share is the mark. */
export const DISK_LOW = { bytes: 256 * MIB, share: 0.05 } as const;
export const DISK_STOP = { bytes: 64 * MIB, share: 0.0125 } as const;
/** Low ends only this far above its mark, or every compaction would switch it. */
const RECOVERED_FACTOR = 1.1;

export type GuardedReplica = {
  refuseProposals(refusal: (() => AppError) | null): void;
  isReadyLeader(): boolean;
  /** Other voters that answer, the one with most of the log first. */
  successors(): readonly Member[];
  transferLeadership(options: { readonly to: MemberId }): Promise<void>;
};

export type DiskGuardDeps = {
  readonly env: Env;
  readonly log: Logger;
  readonly probe: DiskProbe;
  readonly replica: GuardedReplica;
  /** Whether another manager's disk is above its own low mark. */
  readonly hasRoom: (member: Member, signal: AbortSignal) => Promise<boolean>;
  /** Below the stop mark, or without its files: the manager stops, then the process ends with this. Called once. */
  readonly onStop: (error: AppError) => void;
};

export class DiskGuard {
  readonly #deps: DiskGuardDeps;
  readonly #path: string;
  readonly #marks: DiskMarks;
  readonly #scope: Scope;
  #space: DiskSpace | null = null;
  #isLow = false;
  #isStopping = false;
  /** Of the log's file, once it was seen; empty before. */
  #fileId = "";
  #isLost = false;

  constructor(deps: DiskGuardDeps, { path, marks }: { readonly path: string; readonly marks: DiskMarks }) {
    this.#deps = deps;
    this.#path = path;
    this.#marks = marks;
    this.#scope = new Scope((name, error) => deps.log.error("disk guard failed", { name, error }));
  }

  get isLow(): boolean {
    return this.#isLow;
  }

  /** Null until it was first measured. */
  get space(): DiskSpace | null {
    return this.#space;
  }

  /** @throws AppError `exhausted` below the stop mark: a start writes, too. */
  async start(): Promise<void> {
    await this.#measure();
    const full = this.#fullError();
    if (full !== null) throw full;
    this.#note();
    this.#scope.spawn("watch", async (signal) => await this.#watch(signal));
  }

  async stop(): Promise<void> {
    await this.#scope.close();
  }

  async #watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#isStopping) {
      await sleep(this.#deps.env, DISK_CHECK_MS, signal);
      await this.#measure();
      if (signal.aborted) return;
      this.#note();
      if (this.#isLow && !this.#isStopping && this.#deps.replica.isReadyLeader()) await this.#handOver(signal);
    }
  }

  async #measure(): Promise<void> {
    try {
      this.#space = await this.#deps.probe();
      const { fileId = "" } = this.#space;
      if (this.#fileId === "") this.#fileId = fileId;
      this.#isLost = fileId !== this.#fileId;
    } catch (error) {
      this.#isLost = this.#fileId !== "" && isAbsent(error);
      // What is unknown refuses nothing: writes themselves still fail-stop.
      this.#deps.log.warn("free disk space is not known", { path: this.#path, error });
      this.#space = null;
    }
  }

  #note(): void {
    const { log, replica } = this.#deps;
    const space = this.#space;
    const reason = this.#isLost ? this.#lostError() : this.#fullError();
    if (reason !== null && !this.#isStopping) {
      this.#isStopping = true;
      log.error("this manager stops", { path: this.#path, freeBytes: space?.freeBytes, reason: reason.message });
      this.#deps.onStop(reason);
    }
    if (space === null) return;
    const lowBytes = mark(this.#marks.lowBytes, DISK_LOW, space);
    const isLow = space.freeBytes < (this.#isLow ? lowBytes * RECOVERED_FACTOR : lowBytes);
    if (isLow === this.#isLow) return;
    this.#isLow = isLow;
    if (isLow) log.warn("disk space is low: changes are refused", { path: this.#path, freeBytes: space.freeBytes });
    else log.info("disk space is back", { path: this.#path, freeBytes: space.freeBytes });
    replica.refuseProposals(isLow ? () => this.#lowError() : null);
  }

  /** One attempt a check; without a manager that has room this one stays and refuses. */
  async #handOver(signal: AbortSignal): Promise<void> {
    const { log, replica, hasRoom } = this.#deps;
    for (const member of replica.successors()) {
      try {
        if (!(await hasRoom(member, signal))) continue;
        log.warn("leadership moves to a manager with disk space", { to: member.id });
        await replica.transferLeadership({ to: member.id });
        return;
      } catch (error) {
        if (signal.aborted) return;
        log.warn("leadership was not handed over", { to: member.id, error });
      }
    }
  }

  #lowError(): AppError {
    const freeBytes = this.#space?.freeBytes ?? 0;
    return new AppError(
      "exhausted",
      `The disk of ${this.#path} on the leader is almost full: ${formatBytes(freeBytes)} are free, changes are refused`,
      { path: this.#path, freeBytes: String(freeBytes), next: "free disk space there, or make the disk larger" },
    );
  }

  #lostError(): AppError {
    return new AppError(
      "corrupt",
      `The files of ${this.#path} were removed or replaced under this manager: what it writes is kept nowhere`,
      {
        path: this.#path,
        next: "put them back, or remove this node (shoal node rm --force) and join again with an empty directory",
      },
    );
  }

  #fullError(): AppError | null {
    const space = this.#space;
    if (space === null) return null;
    const stopBytes = mark(this.#marks.stopBytes, DISK_STOP, space);
    if (space.freeBytes >= stopBytes) return null;
    const { freeBytes } = space;
    return new AppError(
      "exhausted",
      `The disk of ${this.#path} is almost full: ${formatBytes(freeBytes)} are free, below ${formatBytes(stopBytes)} a manager does not run`,
      { path: this.#path, freeBytes: String(freeBytes), next: "free disk space and start the daemon again" },
    );
  }
}

function mark(given: number | null, initial: { bytes: number; share: number }, { totalBytes }: DiskSpace): number {
  return given ?? Math.min(initial.bytes, initial.share * totalBytes);
}
