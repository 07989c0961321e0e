// Clients write while something is broken, and what that cost them: how long nobody's write was accepted, and whether
// every acknowledged write is still there, once. What is broken, and how it heals, is the caller's.
import type { Context } from "../../src/cli/context.ts";
import { AppError } from "../../src/util/errors.ts";
import { newId } from "../../src/util/id.ts";
import { realEnv } from "../../src/util/real-env.ts";
import { ControlClient } from "./control-client.ts";
import { cleanupOnce } from "./interruption.ts";
import { waitFor } from "./run.ts";

export type OutageOptions = {
  readonly context: Context;
  readonly clients: number;
  /** A client's patience with one manager before it asks the next. */
  readonly attemptMs?: number;
  /** Between two writes of one client. */
  readonly pauseMs?: number;
  /** Breaks something; the clock starts just before. */
  readonly strike: () => Promise<void>;
  /** Makes it whole again: after the measurement, and after a failure too. */
  readonly heal: () => Promise<void>;
  /** The cluster is there before and after this run: an interruption leaves it whole, without what was written. */
  readonly outlivesRun?: boolean;
};

export type Outage = {
  /** From just before the strike to the first answer to a write that was sent once it was done. */
  readonly firstAcceptedMs: number;
  /** The longest time between two accepted writes of anybody. */
  readonly longestGapMs: number;
  readonly acknowledged: number;
  /** Acknowledged, and not there afterwards. */
  readonly lost: number;
  /** Names that are there more than once. */
  readonly twice: number;
  /** Writes that ended with an error that a client could not repeat away. */
  readonly failed: number;
  /** What the first of them was told; empty without one. */
  readonly firstFailure: string;
};

/** Writing before the strike, and after the first write was accepted again. */
const BEFORE_MS = 1_500;
const AFTER_MS = 1_500;
/** Longer than this without any accepted write is a broken cluster, not a failover. */
const STALL_MS_MAX = 30_000;
/** A client's patience unless told. */
const ATTEMPT_MS = 2_000;
/** Thousands of services to remove again would be most of the run. */
const WRITE_PAUSE_MS = 5;
const LOOK_EVERY_MS = 20;
const READ_MS = 10_000;
const REMOVERS = 16;
const PAGE = 1_000;

type Acknowledged = { readonly name: string; readonly sentAt: number; readonly at: number };

export async function measureOutage(options: OutageOptions): Promise<Outage> {
  const { context, clients } = options;
  const prefix = `failover-${newId(realEnv).slice(0, 6)}`;
  const { attemptMs = ATTEMPT_MS, pauseMs = WRITE_PAUSE_MS } = options;
  const writers = Array.from(
    { length: clients },
    (_, i) => new Writer({ client: new ControlClient(context, i), prefix: `${prefix}-${i}`, attemptMs, pauseMs }),
  );
  const stopping = new AbortController();
  const work = writers.map(async (writer) => await writer.run(stopping.signal));
  const tidy = async (): Promise<void> => {
    stopping.abort();
    await Promise.allSettled(work);
    for (const writer of writers) writer.client.close();
    await options.heal();
    await removeAll(context, prefix);
  };
  const end = options.outlivesRun === true ? cleanupOnce(tidy) : tidy;
  try {
    await sleep(BEFORE_MS);
    if (!writers.some((writer) => writer.acknowledged.length > 0)) {
      throw new Error(`No write was accepted before anything broke: ${writers[0]?.failures[0] ?? "no answer at all"}`);
    }
    const struckAt = performance.now();
    await options.strike();
    // What was sent while a kill was on its way may still have been answered by its victim.
    const brokenAt = performance.now();
    const first = await waitFor("an accepted write", STALL_MS_MAX, () => firstAfter(writers, brokenAt), LOOK_EVERY_MS);
    await sleep(AFTER_MS);
    stopping.abort();
    await Promise.all(work);
    const names = (await list(context, prefix)).map(({ name }) => name);
    const there = new Set(names);
    const acknowledged = writers.flatMap((writer) => writer.acknowledged);
    return {
      firstAcceptedMs: Math.round(first.at - struckAt),
      longestGapMs: Math.round(longestGap(acknowledged)),
      acknowledged: acknowledged.length,
      lost: acknowledged.filter(({ name }) => !there.has(name)).length,
      twice: names.length - there.size,
      failed: writers.reduce((sum, writer) => sum + writer.failures.length, 0),
      firstFailure: writers.flatMap((writer) => writer.failures)[0] ?? "",
    };
  } finally {
    await end();
  }
}

type WriterOptions = {
  readonly client: ControlClient;
  readonly prefix: string;
  readonly attemptMs: number;
  readonly pauseMs: number;
};

/** One client: writes services with no replicas, one after another, and repeats each until it is answered. */
class Writer {
  readonly client: ControlClient;
  readonly acknowledged: Acknowledged[] = [];
  readonly failures: string[] = [];
  readonly #prefix: string;
  readonly #attemptMs: number;
  readonly #pauseMs: number;

  constructor({ client, prefix, attemptMs, pauseMs }: WriterOptions) {
    this.client = client;
    this.#prefix = prefix;
    this.#attemptMs = attemptMs;
    this.#pauseMs = pauseMs;
  }

  async run(signal: AbortSignal): Promise<void> {
    for (let n = 0; !signal.aborted; n += 1) {
      await this.#write(`${this.#prefix}-${n}`);
      await sleep(this.#pauseMs);
    }
  }

  async #write(name: string): Promise<void> {
    const spec = { name, replicated: { replicas: 0 }, task: { container: { image: "shoal/busybox:local" } } };
    const request = { requestId: newId(realEnv), spec };
    let sentAt = 0;
    try {
      await this.client.call("Control.CreateService", request, {
        attemptMs: this.#attemptMs,
        timeoutMs: STALL_MS_MAX,
        onAttempt: () => (sentAt = performance.now()),
      });
      this.acknowledged.push({ name, sentAt, at: performance.now() });
    } catch (error) {
      this.failures.push(`${name}: ${AppError.from(error).code} ${AppError.from(error).message}`);
    }
  }
}

/** Every service whose name begins so; linearizable, so nothing acknowledged is missed by reading too early. */
async function list(context: Context, prefix: string): Promise<{ name: string; id: string }[]> {
  using client = new ControlClient(context);
  const found: { name: string; id: string }[] = [];
  let pageToken = "";
  do {
    const request = { pageSize: PAGE, pageToken };
    const page = await client.call("Control.ListServices", request, { attemptMs: READ_MS });
    for (const { service } of page.services) {
      const name = service?.spec?.name ?? "";
      if (service !== null && name.startsWith(prefix)) found.push({ name, id: service.id });
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return found;
}

async function removeAll(context: Context, prefix: string): Promise<void> {
  using client = new ControlClient(context);
  const left = await list(context, prefix);
  await Promise.all(
    Array.from({ length: REMOVERS }, async () => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) {
        await client.call("Control.RemoveService", { requestId: newId(realEnv), id: next.id });
      }
    }),
  );
}

function firstAfter(writers: readonly Writer[], at: number): Acknowledged | undefined {
  const after = writers.flatMap((writer) => writer.acknowledged.filter(({ sentAt }) => sentAt > at));
  return after.toSorted((a, b) => a.at - b.at)[0];
}

function longestGap(writes: readonly Acknowledged[]): number {
  const times = writes.map(({ at }) => at).toSorted((a, b) => a - b);
  return times.reduce((longest, at, i) => Math.max(longest, i === 0 ? 0 : at - (times[i - 1] ?? at)), 0);
}

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
