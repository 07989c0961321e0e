/**
 * The lines a command leaves behind. Effects stand below the event that caused them, indented; an
 * event without effects leaves nothing.
 *
 * A brief trace (long runs) keeps what changed in a member; messages it only counts. A silent one
 * (setting the scene) keeps nothing.
 */
import type { Message, MessageType } from "../../../src/raft/types.ts";
import { messageLine } from "./words.ts";

const INDENT = "  ";

export class Trace {
  #lines: string[] = [];
  /** The events under way, outermost first. */
  readonly #titles: { readonly text: string; isWritten: boolean }[] = [];
  /** Not null: brief. */
  #counts: Map<MessageType, number> | null = null;
  #isSilent = false;

  /** @returns the lines since the last call. */
  take(): readonly string[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }

  /** A line that a brief trace has, too. */
  fact(line: string): void {
    if (this.#isSilent) return;
    for (const [depth, title] of this.#titles.entries()) {
      if (!title.isWritten) this.#lines.push(INDENT.repeat(depth) + title.text);
      title.isWritten = true;
    }
    this.#lines.push(INDENT.repeat(this.#titles.length) + line);
  }

  detail(line: string): void {
    if (this.#counts === null) this.fact(line);
  }

  message(message: Message, suffix = ""): void {
    const counts = this.#counts;
    if (counts !== null) counts.set(message.type, (counts.get(message.type) ?? 0) + 1);
    else if (!this.#isSilent) this.fact(messageLine(message) + suffix);
  }

  /** What `run` leaves stands below `title`. */
  under(title: string, run: () => void): void {
    this.#titles.push({ text: title, isWritten: false });
    run();
    this.#titles.pop();
  }

  /** As `under`, but a brief trace has no use for the title. */
  underDetail(title: () => string, run: () => void): void {
    if (this.#counts === null && !this.#isSilent) this.under(title(), run);
    else run();
  }

  silent(run: () => void): void {
    this.#isSilent = true;
    run();
    this.#isSilent = false;
  }

  brief(run: () => void): void {
    const counts = new Map<MessageType, number>();
    this.#counts = counts;
    run();
    this.#counts = null;
    const words = [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([type, count]) => `${count} ${type}`);
    if (words.length > 0) this.fact(`sent ${words.join(", ")}`);
  }
}
