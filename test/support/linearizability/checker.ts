/**
 * Is there an order in which the operations, one after the other, give what the clients saw, and in which whatever was
 * over before another began comes before it? The search of Wing and Gong with Lowe's cache ("Testing for
 * linearizability", 2017), iterative: try whatever began before the first end in the list, what ended first first;
 * where none of it can be next, go back. What was slow is thereby put into the order as late as it may be, so that a
 * crowd of slow operations costs nothing unless their order matters.
 *
 * An unknown outcome stays open for ever: it may take its place anywhere after its call, or nowhere.
 */
import type { Operation } from "../history.ts";

/** The object as it is when nobody else looks. States are values: never changed, equal if their keys are. */
export type Model<State, Op extends Operation> = {
  readonly initial: State;
  key(state: State): string;
  /** @returns the state after the operation, or null if its output is impossible here */
  step(state: State, op: Op): State | null;
};

export type Verdict<Op extends Operation> =
  | { readonly ok: true; readonly order: readonly Op[] }
  | { readonly ok: false; readonly why: "not-linearizable" | "out-of-budget"; readonly longest: readonly Op[] };

/** Operations tried. A search that needs more has found nothing out, which is a failure and no pass. */
export const BUDGET_DEFAULT = 2_000_000;

/** A call or an end in the list; ends have no `match`. */
type Entry = { readonly at: number; readonly match: Entry | null; prev: Entry | null; next: Entry | null };

/** @param history of one object, in any order */
export function checkLinearizable<State, Op extends Operation>(
  model: Model<State, Op>,
  history: readonly Op[],
  { budget = BUDGET_DEFAULT }: { readonly budget?: number } = {},
): Verdict<Op> {
  return new Search(model, history, budget).run();
}

/** What was put next, and what else could have been. */
type Choice<State> = {
  readonly entry: Entry;
  readonly before: State;
  readonly candidates: Entry[];
  /** The next of `candidates` to try. */
  readonly next: number;
};

class Search<State, Op extends Operation> {
  readonly #model: Model<State, Op>;
  readonly #ops: readonly Op[];
  readonly #head: Entry;
  readonly #done: Uint32Array;
  readonly #seen = new Set<string>();
  readonly #stack: Choice<State>[] = [];
  #state: State;
  #left: number;
  /** Ends still in the list: what clients saw that has no place yet. */
  #open = 0;
  #longest: readonly Op[] = [];

  constructor(model: Model<State, Op>, history: readonly Op[], budget: number) {
    this.#model = model;
    this.#ops = history;
    this.#state = model.initial;
    this.#left = budget;
    this.#done = new Uint32Array(Math.ceil(history.length / 32));
    this.#head = listOf(history);
    this.#open = history.filter((op) => op.return !== "unknown").length;
  }

  run(): Verdict<Op> {
    let candidates = this.#candidates();
    for (let at = 0; this.#open > 0;) {
      const entry = candidates[at];
      if (entry === undefined) {
        const last = this.#stack.pop();
        if (last === undefined) return { ok: false, why: "not-linearizable", longest: this.#longest };
        this.#putBack(last);
        ({ candidates, next: at } = last);
        continue;
      }
      if (this.#left-- === 0) return { ok: false, why: "out-of-budget", longest: this.#longest };
      const before = this.#state;
      at += 1;
      if (!this.#take(entry)) continue;
      this.#stack.push({ entry, before, candidates, next: at });
      if (this.#stack.length > this.#longest.length) this.#longest = this.#order();
      candidates = this.#candidates();
      at = 0;
    }
    return { ok: true, order: this.#order() };
  }

  /** Calls before the first end: what may be next. */
  #candidates(): Entry[] {
    const calls: Entry[] = [];
    for (let entry = this.#head.next; entry !== null && entry.match !== null; entry = entry.next) calls.push(entry);
    return calls.sort((a, b) => this.#end(a) - this.#end(b));
  }

  #end(entry: Entry): number {
    const end = this.#op(entry).return;
    return end === "unknown" ? Number.MAX_SAFE_INTEGER : end;
  }

  /** Puts the operation next in the order, if it can be and this was not tried before. */
  #take(call: Entry): boolean {
    const op = this.#op(call);
    const after = this.#model.step(this.#state, op);
    if (after === null) return false;
    this.#flip(call.at);
    const key = `${this.#done.join(",")}/${this.#model.key(after)}`;
    if (this.#seen.has(key)) {
      this.#flip(call.at);
      return false;
    }
    this.#seen.add(key);
    this.#state = after;
    unlink(call);
    if (call.match !== null) unlink(call.match);
    if (op.return !== "unknown") this.#open -= 1;
    return true;
  }

  #putBack({ entry, before }: Choice<State>): void {
    if (entry.match !== null) relink(entry.match);
    relink(entry);
    if (this.#op(entry).return !== "unknown") this.#open += 1;
    this.#flip(entry.at);
    this.#state = before;
  }

  #op(entry: Entry): Op {
    const op = this.#ops[entry.at];
    if (op === undefined) throw new Error(`There is no operation ${entry.at}`);
    return op;
  }

  #flip(at: number): void {
    const word = at >>> 5;
    this.#done[word] = (this.#done[word] ?? 0) ^ (1 << (at & 31));
  }

  #order(): Op[] {
    return this.#stack.map(({ entry }) => this.#op(entry));
  }
}

/**
 * Calls and ends by time behind a head. Ends of unknown outcomes are in no place of the list: nothing waits for them,
 * and a list without an end is done, whatever calls are left.
 */
function listOf(history: readonly Operation[]): Entry {
  const points: { readonly time: number; readonly isCall: boolean; readonly entry: Entry }[] = [];
  for (const [at, op] of history.entries()) {
    const end: Entry = { at, match: null, prev: null, next: null };
    points.push({ time: op.call, isCall: true, entry: { at, match: end, prev: null, next: null } });
    if (op.return !== "unknown") points.push({ time: op.return, isCall: false, entry: end });
  }
  // At one time calls come first: what only touches overlaps.
  points.sort((a, b) => a.time - b.time || Number(b.isCall) - Number(a.isCall));
  const head: Entry = { at: -1, match: null, prev: null, next: null };
  const lastEnd = points.findLastIndex(({ isCall }) => !isCall);
  let last = head;
  // What was called after the last end explains nothing that anybody saw.
  for (const { entry } of points.slice(0, lastEnd + 1)) {
    last.next = entry;
    entry.prev = last;
    last = entry;
  }
  return head;
}

function unlink({ prev, next }: Entry): void {
  if (prev !== null) prev.next = next;
  if (next !== null) next.prev = prev;
}

function relink(entry: Entry): void {
  if (entry.prev !== null) entry.prev.next = entry;
  if (entry.next !== null) entry.next.prev = entry;
}
