/**
 * Runs mutants in as many processes as there are cores, one after the other in each, until something kills them. A process
 * starts in a second and a mutant's copy of the program is loaded in a fifth of that.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";
import { endWhenInterrupted } from "../../../scripts/lib/interruption.ts";
import { INVARIANTS } from "../../support/raft-oracle/invariants.ts";
import type { DirectedTest, Mutant } from "./mutant.ts";

export type Seeds = { readonly from: number; readonly count: number };

export type Hunt = {
  readonly mutant: Mutant;
  /** By name: an invariant, an assertion of production code, a directed test. Null: it survived. */
  readonly killedBy: string | null;
  /** In which it died; the last one that it survived; null for a directed test. */
  readonly seed: number | null;
  /** What was seen, for people; null where it survived. */
  readonly why: string | null;
};

/** What one line tells a process to run: the mutant's place in the list, and how. */
export type Order =
  | { readonly at: number; readonly test: DirectedTest }
  | { readonly at: number; readonly simulator: "raft" | "cluster"; readonly from: number; readonly count: number };

export type Verdict = Pick<Hunt, "killedBy" | "seed" | "why"> | { readonly error: string };

const RAFT_KILLERS: ReadonlySet<string> = new Set(Object.values(INVARIANTS));
/** What the whole clusters' simulator says of an exception that nobody expected. */
const UNNAMED = "nothing throws";
const ERROR_BYTES_MAX = 2_000;
/** What is left of it is not worth waiting for: it hangs, and nothing has named what is wrong. */
const SEED_MS_MAX = 20_000;
/** Copies of the program stay in memory, 10 to 20 MiB each. */
const ORDERS_MAX = 25;

/** @param seedsOf of those that seeds kill. @returns each one's end, in the order of `mutants` */
export function huntAll(mutants: readonly Mutant[], seedsOf: (seed: number) => Seeds): Promise<Hunt>[] {
  const crews = Array.from({ length: availableParallelism() }, () => new Crew(mutants));
  const free = [...crews];
  const waiting: ((crew: Crew) => void)[] = [];
  let left = mutants.length;
  const hunts = mutants.map(async (mutant, at) => {
    const crew = free.pop() ?? (await new Promise<Crew>((resolve) => waiting.push(resolve)));
    try {
      return await hunt(crew, mutant, orderFor(mutant, at, seedsOf));
    } finally {
      const next = waiting.shift();
      if (next === undefined) free.push(crew);
      else next(crew);
      left -= 1;
      if (left === 0) for (const one of crews) one.end();
    }
  });
  // Whoever awaits them hears of it.
  for (const one of hunts) one.catch(() => undefined);
  return hunts;
}

function orderFor(mutant: Mutant, at: number, seedsOf: (seed: number) => Seeds): Order {
  if ("test" in mutant) return { at, test: mutant.test };
  return { at, simulator: mutant.simulator ?? "raft", ...seedsOf(mutant.seed) };
}

/** @throws Error when there is no verdict: the line is gone, the program does not load, it hangs */
async function hunt(crew: Crew, mutant: Mutant, order: Order): Promise<Hunt> {
  const verdict = await crew.run(order);
  if ("error" in verdict) throw new Error(`"${mutant.name}" ended without a verdict:\n${verdict.error}`);
  const { killedBy, seed, why } = verdict;
  return { mutant, seed, killedBy: killedBy !== null && isNamed(killedBy, order) ? killedBy : null, why };
}

function isNamed(killedBy: string, order: Order): boolean {
  if (killedBy.startsWith("assertion: ") || "test" in order) return true;
  return order.simulator === "raft" ? RAFT_KILLERS.has(killedBy) : killedBy !== UNNAMED;
}

/** One process at a time, which runs what it is told. */
class Crew {
  readonly #mutants: string;
  #child: ChildProcess | null = null;
  #orders = 0;
  #errors = "";
  #answer: (verdict: Verdict) => void = () => undefined;

  constructor(mutants: readonly Mutant[]) {
    this.#mutants = JSON.stringify(mutants.map(({ file, from, to }) => ({ file, from, to })));
  }

  async run(order: Order): Promise<Verdict> {
    if (this.#orders >= ORDERS_MAX) this.end();
    const child = (this.#child ??= this.#start());
    this.#orders += 1;
    const verdict = new Promise<Verdict>((resolve) => (this.#answer = resolve));
    const timer = setTimeout(() => child.kill("SIGKILL"), ("test" in order ? 1 : order.count) * SEED_MS_MAX);
    child.stdin?.write(`${JSON.stringify(order)}\n`);
    return await verdict.finally(() => clearTimeout(timer));
  }

  end(): void {
    this.#child?.stdin?.end();
    this.#child = null;
  }

  #start(): ChildProcess {
    const args = ["--import", "./test/sim/mutants/switch-on.mjs", "--import", "tsx", "test/sim/mutants/child.ts"];
    const env = { ...process.env, SHOAL_MUTANTS: this.#mutants };
    const child = spawn(process.execPath, args, { env, stdio: ["pipe", "pipe", "pipe"] });
    endWhenInterrupted(child);
    [this.#orders, this.#errors] = [0, ""];
    createInterface({ input: child.stdout }).on("line", (line) => this.#answer(JSON.parse(line) as Verdict));
    child.stderr.on("data", (bytes: Buffer) => {
      this.#errors = (this.#errors + bytes.toString()).slice(0, ERROR_BYTES_MAX);
    });
    child.on("error", (error) => this.#ended(child, error.message));
    child.on("close", (code, signal) => this.#ended(child, `it ended with ${code ?? signal}`));
    return child;
  }

  #ended(child: ChildProcess, how: string): void {
    if (this.#child !== child) return;
    this.#child = null;
    this.#answer({ error: `${how}\n${this.#errors}` });
  }
}
