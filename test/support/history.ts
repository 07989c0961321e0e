/**
 * What clients saw, as the linearizability checker judges it. Simulators and proofs on real processes write the same
 * form: an array of operations, in order of call.
 *
 * `call` and `return` are points of one clock that never shows a value twice, so two operations either overlap or one
 * was over before the other began. In simulators it counts events; it is no time of day.
 */
export type Operation<Name extends string = string, Input = unknown, Output = unknown> = {
  /** Each client has at most one operation under way; after an unknown outcome its next ones overlap the open one. */
  readonly client: number;
  readonly op: Name;
  readonly input: Input;
  readonly call: number;
  /** "unknown": no answer, or one that does not say whether it was done. It may take effect at any time, or never. */
  readonly return: number | "unknown";
  /** Null as long as the outcome is unknown. */
  readonly output: Output | null;
  /** The log index that the outcome holds at, where it is known: for a linear-time check beside the search. */
  readonly index: number | null;
};

/** Values are unique over a history, except that "" is what a register holds before its first write. */
export type RegisterOperation =
  | Operation<"read", { readonly key: string }, { readonly value: string }>
  | Operation<"write", { readonly key: string; readonly value: string }, Record<string, never>>
  /** Sets `value` if the register holds `expected`. */
  | Operation<
      "cas",
      { readonly key: string; readonly expected: string; readonly value: string },
      { readonly done: boolean }
    >;
