/** Reads a small language from left to right. What does not parse is refused with the character where that shows. */
import { invalid } from "./errors.ts";

export class TextScanner {
  readonly path: string;
  readonly #text: string;
  readonly #what: string;
  #at = 0;

  /** @param path field path for errors. @param what names the language in them: "constraint" */
  constructor(text: string, path: string, what: string) {
    this.#text = text;
    this.path = path;
    this.#what = what;
  }

  /** Where the next character is, from 0. */
  get at(): number {
    return this.#at;
  }

  skipBlanks(): void {
    this.take(/\s+/y);
  }

  /** @returns whether `text` was next. */
  skip(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  /** @param pattern sticky. @returns what of it is next, or null */
  take(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) return null;
    this.#at += found.length;
    return found;
  }

  /** `"a \"b\" c"` without its quotes, where a backslash takes the next character as it is; null if no quote is next. */
  takeQuoted(): string | null {
    if (this.#text[this.#at] !== '"') return null;
    const found = this.take(/"(?:[^"\\]|\\.)*"/sy) ?? this.fail('the closing " is missing', "close the quote");
    return found.slice(1, -1).replace(/\\(.)/gs, "$1");
  }

  /** What is left, without taking it. */
  rest(): string {
    return this.#text.slice(this.#at);
  }

  takeRest(): string {
    const rest = this.rest();
    this.#at = this.#text.length;
    return rest;
  }

  /** @throws AppError invalid unless nothing but blanks is left */
  end(next: string): void {
    this.skipBlanks();
    if (this.#at < this.#text.length) this.fail(`"${this.rest().slice(0, 20)}" is too much`, next);
  }

  /** @throws AppError invalid. @param at where, from 0; shown from 1 */
  fail(problem: string, next: string, at = this.#at): never {
    throw invalid(this.path, `${this.#what} "${this.#text}", character ${at + 1}: ${problem}`, next);
  }
}
