/** The Events service: a page of this manager's history, or the wait for its next. */
import type { Event, EventGap, EventPosition } from "../../model/index.ts";
import type { ReadEventsRequest } from "../../proto/gen/ReadEventsRequest.ts";
import type { ReadEventsResponseInput } from "../../proto/gen/ReadEventsResponse.ts";
import type { Router } from "../../proto/router.ts";
import type { StoreApi } from "../../store/types.ts";
import { AppError, invalid } from "../../util/errors.ts";
import type { Env } from "../../util/env.ts";
import { EVENT_FILTER_KEYS, eventFilter } from "./event-filter.ts";
import { parseFilters } from "./filters.ts";
import { waitMs, type Reads } from "./reads.ts";

export const EVENTS_PAGE_DEFAULT = 100;
export const EVENTS_PAGE_MAX = 1_000;
export const EVENTS_WAIT_MS_MAX = 30_000;
/** Calls that wait for news, at once. */
export const EVENT_WAITERS_MAX = 1_000;
/** Read from the disk at once. */
const BLOCK = 500;
/** Looked at for one answer: a filter that matches little must not keep a call for long. */
const SCANNED_MAX = 5_000;
const LAST_N = 0xff_ff_ff_ff;

/** What is used of a manager's ring of events. */
export type EventSource = {
  note(version: number, timeMs: number, events: readonly Event[]): void;
  page(
    after: EventPosition,
    limit: number,
  ): Promise<{ readonly events: readonly Event[]; readonly end: EventPosition; readonly hasMore: boolean }>;
  placeBefore(sinceMs: number): Promise<EventPosition>;
  onNews(listener: () => void): () => void;
  readonly gaps: readonly EventGap[];
  readonly expired: EventGap | null;
};

export type EventsDeps = {
  readonly reads: Reads;
  readonly store: StoreApi;
  readonly env: Env;
  readonly source: EventSource;
};

export function registerEvents(router: Router, deps: EventsDeps): void {
  let waiting = 0;
  router.unary("Events.Read", async (request, context) => {
    const asked = parse(request);
    const { version } = await deps.reads.view(request.consistency, context);
    if (version === 0) throw notCaughtUp();
    const until = deps.env.now() + waitMs(context, asked.waitMs);
    let after = await begin(deps, request);
    if (asked.waitMs === 0) return await read(deps, { ...asked, after });
    if (waiting >= EVENT_WAITERS_MAX) throw tooMany();
    waiting += 1;
    const news = new News(deps);
    try {
      for (;;) {
        const answer = await read(deps, { ...asked, after });
        const leftMs = until - deps.env.now();
        const isNews = answer.events.length > 0 || answer.gaps.length > 0 || answer.hasMore;
        if (isNews || leftMs <= 0 || context.signal.aborted) return answer;
        after = answer.next;
        await news.wait(leftMs, context.signal);
      }
    } finally {
      news.close();
      waiting -= 1;
    }
  });
}

type Asked = {
  readonly accepts: (event: Event) => boolean;
  readonly pageSize: number;
  readonly waitMs: number;
  readonly sinceMs: number;
  readonly untilMs: number;
};

function parse(request: ReadEventsRequest): Asked {
  const { pageSize, waitMs: wait, sinceMs, untilMs, after, fromNow } = request;
  if (pageSize > EVENTS_PAGE_MAX)
    throw invalid("pageSize", `${pageSize} is too much`, `use at most ${EVENTS_PAGE_MAX}`);
  if (wait > EVENTS_WAIT_MS_MAX)
    throw invalid("waitMs", `${wait} ms is too long`, `use at most ${EVENTS_WAIT_MS_MAX}, and ask again`);
  if (fromNow && (after !== null || sinceMs > 0))
    throw invalid("fromNow", "begins now, and another beginning is given", "give one of fromNow, after and sinceMs");
  const accepts = eventFilter(parseFilters(request.filters, EVENT_FILTER_KEYS));
  return {
    accepts,
    pageSize: pageSize === 0 ? EVENTS_PAGE_DEFAULT : pageSize,
    waitMs: wait,
    sinceMs,
    untilMs: untilMs === 0 ? Infinity : untilMs,
  };
}

async function begin({ store, source }: EventsDeps, request: ReadEventsRequest): Promise<EventPosition> {
  const { after, fromNow, sinceMs } = request;
  if (fromNow) return { version: store.view().version, n: LAST_N };
  if (after !== null) return after;
  return sinceMs > 0 ? await source.placeBefore(sinceMs) : { version: 0, n: 0 };
}

type Answer = ReadEventsResponseInput & {
  readonly events: Event[];
  readonly gaps: EventGap[];
  readonly next: EventPosition;
  readonly hasMore: boolean;
};

async function read({ store, source }: EventsDeps, asked: Asked & { after: EventPosition }): Promise<Answer> {
  const { accepts, pageSize, sinceMs, untilMs, after } = asked;
  const tx = store.view();
  // Entries without a change of state are nothing to the ring, but they are behind it.
  source.note(tx.version, tx.timeMs, []);
  const events: Event[] = [];
  let next = after;
  let hasMore = true;
  for (let scanned = 0; hasMore && scanned < SCANNED_MAX; scanned += BLOCK) {
    const block = await source.page(next, BLOCK);
    ({ end: next, hasMore } = block);
    for (const event of block.events) {
      if (event.timeMs > untilMs) return answer(source, { after, events, next, hasMore: false });
      if (event.timeMs < sinceMs || !accepts(event)) continue;
      if (events.length === pageSize) {
        const last = events.at(-1) ?? event;
        return answer(source, { after, events, next: { version: last.version, n: last.n }, hasMore: true });
      }
      events.push(event);
    }
  }
  return answer(source, { after, events, next, hasMore });
}

/** With each gap whose end the answer passes. */
function answer(source: EventSource, { after, ...rest }: Omit<Answer, "gaps"> & { after: EventPosition }): Answer {
  const known = source.expired === null ? source.gaps : [source.expired, ...source.gaps];
  const gaps = known.filter(
    ({ upToVersion }) => upToVersion > after.version && upToVersion <= Math.max(rest.next.version, after.version),
  );
  return { ...rest, gaps };
}

/** Whether there was news since the last wait began, also while a page was read. */
class News {
  readonly #env: Env;
  readonly #unsubscribe: () => void;
  #isDue = false;
  #wake: () => void = () => undefined;

  constructor({ env, source }: Pick<EventsDeps, "env" | "source">) {
    this.#env = env;
    this.#unsubscribe = source.onNews(() => {
      this.#isDue = true;
      this.#wake();
    });
  }

  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#isDue && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = this.#env.setTimer(ms, () => this.#wake());
        this.#wake = () => {
          timer.cancel();
          signal.removeEventListener("abort", this.#wake);
          resolve();
        };
        signal.addEventListener("abort", this.#wake, { once: true });
      });
    }
    this.#isDue = false;
    this.#wake = () => undefined;
  }

  close(): void {
    this.#unsubscribe();
  }
}

function notCaughtUp(): AppError {
  return new AppError("unavailable", "This manager has not caught up with the cluster yet", {
    next: "ask another manager",
  });
}

function tooMany(): AppError {
  return new AppError("exhausted", `${EVENT_WAITERS_MAX} callers wait for events at this manager`, {
    next: "end some, or ask another manager",
  });
}
