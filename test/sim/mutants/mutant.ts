/**
 * A mutant: one line of production code as it was wrong somewhere else once, or easily could be. It exists only in a copy of
 * the program that is loaded with it (switch-on.mjs); the sources stay as they are.
 */
export type Mutant = Edit & Death;

export type Edit = {
  /** What is wrong, in words. */
  readonly name: string;
  /** Whose history it is from, the class of bug and an instance; or what is promised that it breaks. */
  readonly like: string;
  /** Below src. */
  readonly file: string;
  /** Once in that file. */
  readonly from: string;
  readonly to: string;
};

/** What kills it: a seed, by a named invariant or an assertion; or a directed test, by an assertion of its own. */
export type Death =
  | {
      /** Default: the managers' Raft and store alone. */
      readonly simulator?: "raft" | "cluster";
      readonly seed: number;
    }
  | { readonly test: DirectedTest };

export type DirectedTest = {
  /** In test/sim. */
  readonly file: string;
  /** Of its `it`. */
  readonly title: string;
};
