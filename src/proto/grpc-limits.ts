/** Bounds that both ends of the real transport share. */

/** One message, either way, either end. Raft frames and snapshot chunks stay at 1 MiB. */
export const MESSAGE_BYTES_MAX = 8 * 1024 * 1024;
/** `write` answers false from here on... */
export const WRITE_HIGH_BYTES = 256 * 1024;
/** ... and `onDrain` comes at this, so that a writer works in bursts. */
export const WRITE_LOW_BYTES = 64 * 1024;
/** A writer that ignores `false` is a bug; its call ends here instead of eating the memory. */
export const WRITE_BYTES_MAX = 32 * 1024 * 1024;

/** Counts what a stream has accepted and the transport has not. */
export class WriteBudget {
  #bytes = 0;
  #isBlocked = false;

  get bytes(): number {
    return this.#bytes;
  }

  /** @returns whether the writer may go on. */
  add(bytes: number): boolean {
    this.#bytes += bytes;
    if (this.#bytes >= WRITE_HIGH_BYTES) this.#isBlocked = true;
    return !this.#isBlocked;
  }

  get isOverrun(): boolean {
    return this.#bytes > WRITE_BYTES_MAX;
  }

  /** @returns whether a blocked writer is to be woken now. */
  release(bytes: number): boolean {
    this.#bytes -= bytes;
    if (!this.#isBlocked || this.#bytes > WRITE_LOW_BYTES) return false;
    this.#isBlocked = false;
    return true;
  }
}
