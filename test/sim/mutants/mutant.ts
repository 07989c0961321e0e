/**
 * A mutant: one line of production code as it was wrong somewhere else once. It exists only in the process that is
 * asked to load it (switch-on.mjs); the sources stay as they are.
 */
export type Mutant = {
  /** How it is switched on, and what is wrong, in words. */
  readonly name: string;
  /** Whose history it is from: the class of bug, and an instance. */
  readonly like: string;
  /** Below src. */
  readonly file: string;
  /** Once in that file. */
  readonly from: string;
  readonly to: string;
  /** Of the Raft simulator: it dies in this one, by a named invariant or an assertion. */
  readonly seed: number;
};
