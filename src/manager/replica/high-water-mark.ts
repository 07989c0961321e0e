/**
 * Remembers, outside the log store, how many writes that store has acknowledged. LevelDB drops a
 * damaged record at the end of its own log together with all that follow it, and opens as if they
 * had never been written: the log then looks whole but has gone back in time, and a vote or an
 * acknowledged entry would be forgotten. A store that holds fewer writes than the mark is refused.
 *
 * The mark may lag (it is written lazily and not synced), but it is never ahead of what is durable.
 */
import type { Env, Timer } from "../../util/env.ts";
import type { PromptKv } from "../../util/kv.ts";
import { MARK_KEY, decodeMark, encodeMark } from "./log-records.ts";

/** How far the mark may lag under load. */
const MARK_EVERY_MS = 1_000;

export class HighWaterMark {
  readonly #env: Env;
  readonly #kv: PromptKv;
  readonly #onFatal: (error: unknown) => void;
  #value = 0;
  #written = 0;
  #timer: Timer | null = null;
  #writing: PromiseLike<void> | null = null;

  constructor(deps: { env: Env; kv: PromptKv; onFatal: (error: unknown) => void }) {
    this.#env = deps.env;
    this.#kv = deps.kv;
    this.#onFatal = deps.onFatal;
  }

  async load(): Promise<number> {
    const stored = await this.#kv.get(MARK_KEY);
    this.#value = this.#written = stored === undefined ? 0 : decodeMark(stored);
    return this.#value;
  }

  /** `writes` are durable: kept at once when the last time is long ago, else soon. */
  raise(writes: number): void {
    this.#value = writes;
    if (this.#timer !== null) return;
    this.#timer = this.#env.setTimer(MARK_EVERY_MS, () => {
      this.#timer = null;
      if (this.#value > this.#written) this.raise(this.#value);
    });
    this.#write();
  }

  #write(): void {
    if (this.#writing !== null) return;
    const value = this.#value;
    const put = { kind: "put", key: MARK_KEY, value: encodeMark(value) } as const;
    this.#writing = this.#kv.batch([put], { sync: false }).then(
      () => {
        this.#written = value;
        this.#writing = null;
      },
      (error: unknown) => {
        this.#writing = null;
        this.#onFatal(error);
      },
    );
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#writing;
    if (this.#value === this.#written) return;
    this.#write();
    await this.#writing;
  }

  /** The store failed: nothing is known to be durable any more. */
  stop(): void {
    this.#timer?.cancel();
    this.#value = this.#written;
  }
}
