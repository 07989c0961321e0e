/** Runs mutants in processes of their own, so many at a time as there are cores, until a seed kills them. */
import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { endWhenInterrupted } from "../../../scripts/lib/interruption.ts";
import { INVARIANTS } from "../../support/raft-oracle/invariants.ts";
import type { Mutant } from "./mutant.ts";

export type Seeds = { readonly from: number; readonly count: number };

export type Hunt = {
  readonly mutant: Mutant;
  /** By name: an invariant, or an assertion of production code. Null: it survived. */
  readonly killedBy: string | null;
  /** In which it died; the last one that it survived. */
  readonly seed: number;
  /** What was seen, for people; null where it survived. */
  readonly why: string | null;
};

type Verdict = { readonly seed: number; readonly invariant: string | null; readonly why?: string };

const KILLERS: ReadonlySet<string> = new Set(Object.values(INVARIANTS));
const ERROR_BYTES_MAX = 2_000;
/** What is left of it is not worth waiting for: it hangs, and nothing has named what is wrong. */
const SEED_MS_MAX = 20_000;

/** Starts as many at once as there are cores. @returns each one's end, in the order of `mutants` */
export function huntAll(mutants: readonly Mutant[], seedsOf: (mutant: Mutant) => Seeds): Promise<Hunt>[] {
  const waiting: (() => void)[] = [];
  let free = availableParallelism();
  const end = (): void => {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  };
  const hunts = mutants.map(async (mutant) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    return await hunt(mutant, seedsOf(mutant)).finally(end);
  });
  // Whoever awaits them hears of it.
  for (const one of hunts) one.catch(() => undefined);
  return hunts;
}

/** @throws Error when its process ends without a verdict: the line is gone, the program does not load, it hangs */
export async function hunt(mutant: Mutant, { from, count }: Seeds): Promise<Hunt> {
  const { file, from: line, to } = mutant;
  const args = ["--import", "./test/sim/mutants/switch-on.mjs", "--import", "tsx", "test/sim/mutants/child.ts"];
  const env = { ...process.env, SHOAL_MUTANT: JSON.stringify({ file, from: line, to }) };
  const child = spawn(process.execPath, [...args, `${from}`, `${count}`], { env, stdio: ["ignore", "pipe", "pipe"] });
  endWhenInterrupted(child);
  let [output, errors] = ["", ""];
  child.stdout.on("data", (bytes: Buffer) => (output += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (errors = (errors + bytes.toString()).slice(0, ERROR_BYTES_MAX)));
  const timer = setTimeout(() => child.kill("SIGKILL"), count * SEED_MS_MAX);
  const code = await new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  clearTimeout(timer);
  if (code !== 0) throw new Error(`"${mutant.name}" ended with ${code ?? "a signal"}:\n${output}${errors}`);
  const { seed, invariant, why = null } = JSON.parse(output) as Verdict;
  const isNamed = invariant !== null && (KILLERS.has(invariant) || invariant.startsWith("assertion: "));
  return { mutant, seed, killedBy: isNamed ? invariant : null, why };
}
