/** How one machine's disk is: what the disk's faults set, and what its node sees of it. */
import { AppError } from "../../../src/util/errors.ts";
import type { DiskSpace } from "../../../src/util/disk-space.ts";
import type { MemoryDisk } from "../../support/memory-kv.ts";
import type { Dice } from "./dice.ts";

const GIB = 2 ** 30;

export class DiskHealth {
  readonly #now: () => number;
  /** Writes begun before this time end at it. */
  stalledUntil = 0;
  failing: "EIO" | "ENOSPC" | null = null;
  freeBytes = 20 * GIB;
  /** Of the disk that its engine keeps images and containers on: used share, and how much of it nothing uses. */
  engineUsed = 0.5;
  engineSpare = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  attach(disk: MemoryDisk, dice: Dice, [from, to]: readonly [number, number]): void {
    disk.faults = {
      writeDelayMs: (_store, sync) =>
        Math.max(0, this.stalledUntil - this.#now()) + (sync ? dice.between(from, to) : dice.between(0, from)),
      failWrite: (store) => this.#failure(store),
      failedSurvives: () => dice.chance(0.5),
    };
  }

  #failure(store: string): AppError | null {
    if (this.failing === null) return null;
    return new AppError("unavailable", `Cannot write ${store}: ${this.failing}`, { next: "check the disk" });
  }

  space(): DiskSpace {
    return { freeBytes: this.freeBytes, totalBytes: 100 * GIB };
  }

  engineSpace(): DiskSpace {
    return { freeBytes: Math.round((1 - this.engineUsed) * 100 * GIB), totalBytes: 100 * GIB };
  }

  /** @returns how many images went */
  collect(): number {
    const images = this.engineSpare > 0 ? 3 : 0;
    this.engineUsed -= this.engineSpare;
    this.engineSpare = 0;
    return images;
  }

  heal(): void {
    this.stalledUntil = 0;
    this.failing = null;
    this.freeBytes = 20 * GIB;
    this.engineUsed = 0.5;
    this.engineSpare = 0;
  }
}
