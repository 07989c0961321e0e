/**
 * A client of the simulated cluster: one operation at a time, on registers and services, over a network that loses
 * questions and answers. It repeats a change under the same request id at one manager after the other until an answer
 * is clear, or gives up and never learns the outcome. What it saw is its history.
 */
import type { Operation } from "../../support/history.ts";
import type { Timer } from "../../../src/util/env.ts";
import type { MemberId } from "../../../src/raft/types.ts";
import type { Dice } from "./dice.ts";
import type { Machine } from "./machine.ts";
import { serveRead, serveWrite, type Asked, type Outcome } from "./objects.ts";
import type { World } from "./world.ts";

export type ClientOptions = {
  readonly keys: number;
  /** Between two operations, at most. */
  readonly thinkMs: number;
  readonly timeoutMs: number;
  readonly attemptsMax: number;
  /** That a question or an answer is lost. */
  readonly loss: number;
};

export type Site = {
  readonly world: World;
  machines(): readonly Machine[];
  leader(): Machine | null;
  commitIndex(): number;
  count(what: string): void;
  /** Shows no value twice. */
  moment(): number;
  readServed(machine: Machine, version: number, committedAtCall: number): void;
};

/** A change as the client knows it, for the check at the end. `operation` is in the history unless it was refused. */
export type Mutation = {
  readonly requestId: string;
  readonly operation: Open;
  outcome: "open" | "acked" | "refused" | "unknown";
};

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Open = Mutable<Operation>;

export class Client {
  readonly number: number;
  readonly history: Operation[] = [];
  readonly mutations: Mutation[] = [];
  readonly #site: Site;
  readonly #options: ClientOptions;
  readonly #dice: Dice;
  /** What it saw last of each object: what its compare-and-sets and updates expect. */
  readonly #values = new Map<string, string>();
  readonly #versions = new Map<string, number>();
  #isStopped = false;
  #serial = 0;
  #underWay = 0;
  #lastGood: MemberId | null = null;

  constructor(number: number, site: Site, options: ClientOptions) {
    this.number = number;
    this.#site = site;
    this.#options = options;
    this.#dice = site.world.dice.split();
  }

  start(): void {
    this.#think();
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** None of its operations is under way. */
  get isIdle(): boolean {
    return this.#isStopped && this.#underWay === 0;
  }

  aWrite(): Asked {
    return { op: "write", input: { key: "k1", value: `${this.number}.${this.#serial + 1}` } };
  }

  everything(keys: number): Asked[] {
    const numbers = Array.from({ length: keys }, (_, at) => at + 1);
    return numbers.flatMap((n): Asked[] => [
      { op: "read", input: { key: `k${n}` } },
      { op: "get", input: { name: `s${n}` } },
    ]);
  }

  #think(): void {
    this.#site.world.after(this.#dice.next() * this.#options.thinkMs, () => {
      if (!this.#isStopped) this.perform(this.#choose(), () => this.#think());
    });
  }

  #choose(): Asked {
    const key = `k${this.#dice.whole([1, this.#options.keys])}`;
    const value = `${this.number}.${this.#serial + 1}`;
    const roll = this.#dice.next();
    if (roll < 0.3) return { op: "read", input: { key } };
    if (roll < 0.55) return { op: "write", input: { key, value } };
    if (roll < 0.75) return { op: "cas", input: { key, expected: this.#values.get(key) ?? "", value } };
    const name = `s${this.#dice.whole([1, this.#options.keys])}`;
    if (roll < 0.82) return { op: "create", input: { name, value } };
    if (roll < 0.9) return { op: "update", input: { name, version: this.#versions.get(name) ?? 0, value } };
    if (roll < 0.94) return { op: "remove", input: { name } };
    return { op: "get", input: { name } };
  }

  /** One operation to its end; `done` gets what it saw. */
  perform(asked: Asked, done: (operation: Operation) => void): void {
    this.#serial += 1;
    this.#underWay += 1;
    const operation: Open = {
      client: this.number,
      ...asked,
      call: this.#site.moment(),
      return: "unknown",
      output: null,
      index: null,
    };
    this.history.push(operation);
    const isRead = asked.op === "read" || asked.op === "get";
    const mutation: Mutation | null = isRead
      ? null
      : { requestId: `${this.number}.${this.#serial}`, operation, outcome: "open" };
    if (mutation !== null) this.mutations.push(mutation);
    const deps = { site: this.#site, options: this.#options, dice: this.#dice };
    new Attempts(deps, { asked, requestId: mutation?.requestId ?? null }, (outcome, by) => {
      if (mutation !== null) mutation.outcome = outcome.kind === "answer" ? "acked" : outcome.kind;
      this.#ended(operation, asked, outcome);
      this.#lastGood = outcome.kind === "answer" ? by : null;
      this.#underWay -= 1;
      done(operation);
    }).try(this.#lastGood);
  }

  #ended(operation: Open, asked: Asked, outcome: Outcome): void {
    if (outcome.kind !== "answer") {
      this.#site.count(outcome.kind);
      // It certainly did not happen: it is in no history.
      if (outcome.kind === "refused") this.forget(operation);
      return;
    }
    operation.output = outcome.output;
    operation.index = outcome.index;
    operation.return = this.#site.moment();
    this.#learn(asked, outcome.output);
    this.#site.count(isRead(asked) ? "reads" : "writes");
  }

  /** It certainly did not happen. */
  forget(operation: Operation): void {
    const at = this.history.indexOf(operation);
    if (at >= 0) this.history.splice(at, 1);
  }

  #learn(asked: Asked, output: unknown): void {
    if (asked.op === "write" || (asked.op === "cas" && (output as { done: boolean }).done)) {
      this.#values.set(asked.input.key, asked.input.value);
    } else if (asked.op === "read") this.#values.set(asked.input.key, (output as { value: string }).value);
    else if (typeof output === "object" && output !== null && "version" in output && "name" in asked.input) {
      this.#versions.set(asked.input.name, Number(output.version));
    }
  }
}

function isRead({ op }: Asked): boolean {
  return op === "read" || op === "get";
}

type Done = (outcome: Outcome, by: MemberId) => void;

/** The attempts of one operation. */
class Attempts {
  readonly #site: Site;
  readonly #options: ClientOptions;
  readonly #dice: Dice;
  readonly #asked: Asked;
  /** Null: a read. */
  readonly #requestId: string | null;
  readonly #done: Done;
  #tries = 0;
  /** Some attempt may have been carried out. */
  #isUnclear = false;
  #isOver = false;
  /** The attempt that has ended without an answer. */
  #endedAttempt = 0;
  #timer: Timer | null = null;

  constructor(
    deps: { site: Site; options: ClientOptions; dice: Dice },
    { asked, requestId }: { asked: Asked; requestId: string | null },
    done: Done,
  ) {
    this.#site = deps.site;
    this.#options = deps.options;
    this.#dice = deps.dice;
    this.#asked = asked;
    this.#requestId = requestId;
    this.#done = done;
  }

  try(first: MemberId | null): void {
    const attempt = ++this.#tries;
    this.#timer = this.#site.world.after(this.#options.timeoutMs, () => this.#onOutcome(attempt, UNKNOWN, ""));
    const machine = this.#pick(first);
    if (this.#dice.chance(this.#options.loss)) return;
    this.#site.world.after(this.#dice.within(LEG_MS), () => this.#arrive(machine, attempt));
  }

  #pick(first: MemberId | null): Machine {
    const machines = this.#site.machines();
    const known = first === null ? undefined : machines.find(({ id }) => id === first);
    const leader = this.#dice.chance(0.6) ? this.#site.leader() : null;
    return known ?? leader ?? this.#dice.pick(machines);
  }

  #arrive(machine: Machine, attempt: number): void {
    const { running } = machine;
    if (running === null) {
      this.#answer(machine, attempt, REFUSED);
      return;
    }
    const committed = this.#site.commitIndex();
    running.process.enter(() => {
      if (this.#requestId !== null) {
        serveWrite(running, this.#asked, this.#requestId, (outcome) => this.#answer(machine, attempt, outcome));
        return;
      }
      serveRead(running, this.#asked, (outcome) => {
        if (outcome.kind === "answer") this.#site.readServed(machine, outcome.index, committed);
        this.#answer(machine, attempt, outcome);
      });
    });
  }

  #answer({ id }: Machine, attempt: number, outcome: Outcome): void {
    if (this.#dice.chance(this.#options.loss)) return;
    this.#site.world.after(this.#dice.within(LEG_MS), () => this.#onOutcome(attempt, outcome, id));
  }

  /** A late answer counts as well: the change is the same. A late refusal says nothing of the others. */
  #onOutcome(attempt: number, outcome: Outcome, by: MemberId): void {
    if (this.#isOver) return;
    if (outcome.kind === "answer") {
      this.#end(outcome, by);
      return;
    }
    if (outcome.kind === "unknown" && this.#requestId !== null) this.#isUnclear = true;
    if (attempt !== this.#tries || this.#endedAttempt === attempt) return;
    this.#endedAttempt = attempt;
    this.#timer?.cancel();
    if (this.#tries >= this.#options.attemptsMax) this.#end(this.#isUnclear ? UNKNOWN : REFUSED, "");
    else this.#timer = this.#site.world.after(this.#dice.within(RETRY_MS), () => this.try(null));
  }

  #end(outcome: Outcome, by: MemberId): void {
    this.#isOver = true;
    this.#timer?.cancel();
    this.#done(outcome, by);
  }
}

const LEG_MS = [0.2, 3] as const;
const RETRY_MS = [5, 60] as const;
const UNKNOWN: Outcome = { kind: "unknown" };
const REFUSED: Outcome = { kind: "refused" };
