/** The words after a command's name, taken one by one: whatever is left over at the end is a mistake. */
export class Args {
  readonly #words: string[];

  constructor(words: readonly string[]) {
    this.#words = [...words];
  }

  get isEmpty(): boolean {
    return this.#words.length === 0;
  }

  next(what: string): string {
    const word = this.#words.shift();
    if (word === undefined) throw new Error(`${what} is missing`);
    return word;
  }

  number(what: string): number {
    return toNumber(this.next(what), what);
  }

  /** The value of `key=value`, wherever it stands. */
  named(key: string): string | undefined {
    const at = this.#words.findIndex((word) => word.startsWith(`${key}=`));
    return at === -1 ? undefined : this.#words.splice(at, 1)[0]?.slice(key.length + 1);
  }

  namedNumber(key: string): number | undefined {
    const value = this.named(key);
    return value === undefined ? undefined : toNumber(value, key);
  }

  flag(word: string): boolean {
    const at = this.#words.indexOf(word);
    if (at !== -1) this.#words.splice(at, 1);
    return at !== -1;
  }

  rest(): string[] {
    return this.#words.splice(0);
  }

  end(): void {
    if (this.#words.length > 0) throw new Error(`Nobody asked for: ${this.#words.join(" ")}`);
  }
}

export function toNumber(word: string, what: string): number {
  const value = Number(word);
  if (word === "" || !Number.isFinite(value)) throw new Error(`${what} is a number, not ${word}`);
  return value;
}
