/**
 * Counting. Pure functions over small arrays (at most a handful of voters), so an insertion sort
 * in a scratch array beats anything that allocates.
 */
import type { MemberId } from "./types.ts";

/** How many of `voters` make a majority. Zero voters have none: nobody can ever win. */
export function majority(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/**
 * The largest value that a majority reached: the median of an odd count, the lower of the two
 * middle ones of an even count. Sorts `values` in place (descending): pass a scratch array.
 */
export function quorumValue(values: number[]): number {
  for (let i = 1; i < values.length; i++) {
    const value = values[i] ?? 0;
    let at = i - 1;
    for (; at >= 0 && (values[at] ?? 0) < value; at--) values[at + 1] = values[at] ?? 0;
    values[at + 1] = value;
  }
  return values[majority(values.length) - 1] ?? 0;
}

export type Tally = "won" | "lost" | "open";

/** Votes of non-voters and absent answers count for nothing; a peer is counted once by construction. */
export function tally(voters: readonly MemberId[], votes: ReadonlyMap<MemberId, boolean>): Tally {
  let granted = 0;
  let refused = 0;
  for (const voter of voters) {
    const vote = votes.get(voter);
    if (vote === true) granted++;
    else if (vote === false) refused++;
  }
  const needed = majority(voters.length);
  if (granted >= needed) return "won";
  return voters.length - refused < needed ? "lost" : "open";
}
