/**
 * Entries proposed and not yet decided, in index order. All are of one term: leadership begins only
 * after everything before it is applied. What the log says decides each; what it does not say in
 * time is `unknown-outcome`, never a false "failed".
 */
import type { Step } from "./table-set.ts";
import type { Origin } from "./types.ts";
import { AppError } from "../util/errors.ts";

export type PendingEntry = {
  readonly index: number;
  readonly term: number;
  readonly timeMs: number;
  readonly steps: readonly Step[];
  readonly origin: Origin;
  readonly resolve: () => void;
  readonly reject: (error: AppError) => void;
  /** Updates that wrote nothing but read state that this entry makes: they share its fate. */
  readonly followers: { readonly resolve: () => void; readonly reject: (error: AppError) => void }[];
};

export class PendingEntries {
  /** A queue: entries before `#head` are decided. */
  #entries: PendingEntry[] = [];
  #head = 0;

  get size(): number {
    return this.#entries.length - this.#head;
  }

  get last(): PendingEntry | undefined {
    return this.size === 0 ? undefined : this.#entries.at(-1);
  }

  push(entry: PendingEntry): void {
    this.#entries.push(entry);
  }

  /**
   * The entry at `index` is committed with `term` (null: it is no store entry). @returns ours if it
   * is ours. Otherwise ours and all that follow it are in no log any more, and are told so.
   */
  take(index: number, term: number | null): PendingEntry | undefined {
    const head = this.#entries[this.#head];
    if (head === undefined || head.index > index) return undefined;
    if (head.index === index && head.term === term) {
      this.#head += 1;
      this.#trim();
      return head;
    }
    this.rejectAll(notMade);
    return undefined;
  }

  /** Ends entries up to `index`, or all. */
  rejectAll(error: () => AppError, upTo = Number.POSITIVE_INFINITY): void {
    const decided: PendingEntry[] = [];
    for (
      let head = this.#entries[this.#head];
      head !== undefined && head.index <= upTo;
      head = this.#entries[this.#head]
    ) {
      decided.push(head);
      this.#head += 1;
    }
    this.#trim();
    for (const entry of decided) {
      entry.reject(error());
      for (const follower of entry.followers) follower.reject(error());
    }
  }

  #trim(): void {
    if (this.#head < 1024 && this.#head < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }
}

export function settle(entry: PendingEntry): void {
  entry.resolve();
  for (const follower of entry.followers) follower.resolve();
}

export function unknownOutcome(): AppError {
  return new AppError(
    "unknown-outcome",
    "The leader changed before the change was confirmed: it may still take effect",
    {
      next: "look whether it is there, or repeat it with the same request id",
    },
  );
}

export function notMade(): AppError {
  return new AppError("not-leader", "The change was not made: another manager became the leader", {
    next: "repeat it",
  });
}
