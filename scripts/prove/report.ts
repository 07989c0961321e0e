// What proofs share: their options, one JSON object a line, and the three figures of a list of measurements.
import { median, percentile } from "../bench/stats.ts";

export type ProofOptions = {
  readonly runs: number;
  /** How long to watch or to spread over, where that means something; undefined is the proof's own. */
  readonly seconds: number | undefined;
  readonly clients: number;
  readonly how: "kill" | "stop";
  /** Undefined is the proof's own, or any. */
  readonly minutes: number | undefined;
  readonly managers: number | undefined;
  readonly seed: number | undefined;
};

export function print(line: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

export function progress(text: string): void {
  process.stderr.write(`-- ${text}\n`);
}

export function spread(values: readonly number[]): { n: number; medianMs: number; p95Ms: number; maxMs: number } {
  return {
    n: values.length,
    medianMs: median(values),
    p95Ms: percentile(values, 0.95),
    maxMs: Math.max(0, ...values),
  };
}

export async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
