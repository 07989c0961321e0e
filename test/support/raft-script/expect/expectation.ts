/** What an assertion of a script is. It throws where the fact does not hold. */
import type { Args } from "../args.ts";
import type { World } from "../world.ts";

export type Expectations = Readonly<Record<string, (world: World, args: Args) => void>>;

export function same(what: string, actual: string, expected: string): void {
  if (actual !== expected) throw new Error(`Expected ${what} ${expected}, it is ${actual}`);
}

/** The rest of the words, without a leading `=` for the eye. */
export function listOf(args: Args): string[] {
  const words = args.rest();
  return words[0] === "=" ? words.slice(1) : words;
}
