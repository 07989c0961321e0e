// Two or more systems under the same load, in turn: alternating rounds in one run, medians over them. Whoever is
// compared is warm first: a JIT compiles what it has seen often.
import { median, percentile, round } from "./stats.ts";

/** One system (or one way into it): makes one operation a call, for as many clients as ask. */
export interface Side {
  readonly name: string;
  /** Opens connections for a round. */
  begin(): Promise<Load>;
  /** Between rounds, so that every round meets a store of the same size. */
  tidy?(): Promise<void>;
}

export interface Load {
  operate(client: number): Promise<void>;
  end(): void;
}

export type RoundsOptions = {
  readonly clients: readonly number[];
  readonly rounds: number;
  readonly seconds: number;
};

type Round = { readonly perSec: number; readonly p50Ms: number; readonly p99Ms: number };

export type Figures = {
  readonly perSec: number;
  /** Of the rounds: the one that 95 of 100 are at least as good as. */
  readonly perSecP95: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
};

const WARM_CLIENTS = 64;
const WARM_SECONDS = 8;

/** @returns for each number of clients the figures of each side, by name */
export async function* compare(
  sides: readonly Side[],
  { clients, rounds, seconds }: RoundsOptions,
): AsyncIterable<{ readonly clients: number; readonly of: ReadonlyMap<string, Figures> }> {
  for (const side of sides) {
    process.stderr.write(`warming ${side.name}\n`);
    await oneRound(side, WARM_CLIENTS, WARM_SECONDS);
  }
  for (const count of clients) {
    const results = new Map<string, Round[]>(sides.map(({ name }) => [name, []]));
    for (let at = 0; at < rounds; at += 1) {
      for (const side of sides) results.get(side.name)?.push(await oneRound(side, count, seconds));
      process.stderr.write(`${count} clients: round ${at + 1} of ${rounds}\n`);
    }
    yield { clients: count, of: new Map([...results].map(([name, all]) => [name, figuresOf(all)])) };
  }
}

async function oneRound(side: Side, clients: number, seconds: number): Promise<Round> {
  const load = await side.begin();
  // Connections are open before the clock runs.
  await Promise.all(Array.from({ length: clients }, async (_, client) => await load.operate(client)));
  const latencies: number[] = [];
  const startedAt = performance.now();
  const until = startedAt + seconds * 1000;
  const one = async (client: number): Promise<void> => {
    while (performance.now() < until) {
      const sentAt = performance.now();
      await load.operate(client);
      latencies.push(performance.now() - sentAt);
    }
  };
  await Promise.all(Array.from({ length: clients }, async (_, client) => await one(client)));
  const elapsed = (performance.now() - startedAt) / 1000;
  load.end();
  await side.tidy?.();
  return { perSec: latencies.length / elapsed, p50Ms: median(latencies), p99Ms: percentile(latencies, 0.99) };
}

function figuresOf(rounds: readonly Round[]): Figures {
  const rates = rounds.map(({ perSec }) => perSec);
  return {
    perSec: round(median(rates)),
    perSecP95: round(percentile(rates, 0.05)),
    p50Ms: round(median(rounds.map(({ p50Ms }) => p50Ms)), 2),
    p99Ms: round(median(rounds.map(({ p99Ms }) => p99Ms)), 2),
  };
}
