/**
 * The log in memory: a contiguous window after a compaction point, terms by index, and the two
 * searches that make a probe skip whole terms. What of it is durable is durability.ts's business.
 */
import { assert, must } from "../util/assert.ts";
import type { Entry } from "./types.ts";

/** What an entry costs on the wire beyond its payload: index, term, kind and lengths, rounded up. */
export const ENTRY_OVERHEAD_BYTES = 32;

export function entryBytes(entry: Entry): number {
  return entry.payload.byteLength + ENTRY_OVERHEAD_BYTES;
}

export class RaftLog {
  #prevIndex: number;
  #prevTerm: number;
  #entries: Entry[];

  /** `entries` are contiguous after `prevIndex`. */
  constructor(prevIndex: number, prevTerm: number, entries: readonly Entry[]) {
    this.#prevIndex = prevIndex;
    this.#prevTerm = prevTerm;
    this.#entries = [...entries];
    let index = prevIndex;
    let term = prevTerm;
    for (const entry of entries) {
      index++;
      assert(entry.index === index, `Log must be contiguous: expected entry ${index}, read ${entry.index}`);
      assert(entry.term >= term, `Terms of a log never fall: entry ${index} has ${entry.term} after ${term}`);
      term = entry.term;
    }
  }

  /** The compaction point: the last index that is no longer here, and its term. */
  get prevIndex(): number {
    return this.#prevIndex;
  }

  get prevTerm(): number {
    return this.#prevTerm;
  }

  get firstIndex(): number {
    return this.#prevIndex + 1;
  }

  get lastIndex(): number {
    return this.#prevIndex + this.#entries.length;
  }

  get lastTerm(): number {
    return this.#entries.at(-1)?.term ?? this.#prevTerm;
  }

  /** null where the index is compacted or beyond the end. */
  termAt(index: number): number | null {
    if (index === this.#prevIndex) return this.#prevTerm;
    return this.#entries[index - this.#prevIndex - 1]?.term ?? null;
  }

  entryAt(index: number): Entry | null {
    return this.#entries[index - this.#prevIndex - 1] ?? null;
  }

  append(entry: Entry): void {
    assert(entry.index === this.lastIndex + 1, `Append must be contiguous: ${entry.index} after ${this.lastIndex}`);
    assert(entry.term >= this.lastTerm, `Terms of a log never fall: ${entry.term} after ${this.lastTerm}`);
    this.#entries.push(entry);
  }

  /** Drops everything from `index` on. The caller has checked that nothing of it is committed. */
  truncateFrom(index: number): void {
    assert(index > this.#prevIndex, "What was compacted is committed and cannot be truncated");
    this.#entries.length = index - this.#prevIndex - 1;
  }

  /** Entries in (prevIndex, to] go. Nothing happens when they are gone already. */
  compactTo(to: number): void {
    if (to <= this.#prevIndex) return;
    const term = must(this.termAt(to), `Cannot compact to ${to}: the log ends at ${this.lastIndex}`);
    this.#entries = this.#entries.slice(to - this.#prevIndex);
    this.#prevIndex = to;
    this.#prevTerm = term;
  }

  /** Starts over after a snapshot that this log does not lead up to. */
  reset(index: number, term: number): void {
    this.#entries = [];
    this.#prevIndex = index;
    this.#prevTerm = term;
  }

  /** Entries `from`..`to`, inclusive. */
  range(from: number, to: number): readonly Entry[] {
    assert(from > this.#prevIndex && to <= this.lastIndex, `Entries ${from}-${to} must be in the window`);
    return this.#entries.slice(from - this.#prevIndex - 1, to - this.#prevIndex);
  }

  /** Entries from `from` on while they fit `bytesMax`; the first always goes, however large (R11). */
  slice(from: number, bytesMax: number): readonly Entry[] {
    const start = from - this.#prevIndex - 1;
    assert(start >= 0, `Entry ${from} must be in the window`);
    let end = start;
    let bytes = 0;
    for (; end < this.#entries.length; end++) {
      const entry = this.#entries[end];
      bytes += entry === undefined ? 0 : entryBytes(entry);
      if (bytes > bytesMax && end > start) break;
    }
    return this.#entries.slice(start, end);
  }

  /**
   * The largest index <= `index` whose term is <= `term`: terms never fall along a log, so this
   * skips a whole term a step. Below the window the answer is `index` itself, whose term is unknown.
   */
  lastWithTermAtMost(index: number, term: number): number {
    const top = Math.min(index, this.lastIndex);
    if (top < this.#prevIndex) return top;
    let low = this.#prevIndex;
    let high = top;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.termAt(middle) ?? Infinity) <= term) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Thesis 3.6.1: the later last term wins, then the longer log. Equal is good enough for a vote. */
  isUpToDate(lastIndex: number, lastTerm: number): boolean {
    return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex);
  }
}
