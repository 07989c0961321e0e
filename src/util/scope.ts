/**
 * What a component owns while it runs: one abort signal, its background tasks and its finalizers.
 * `close()` resolves when nothing of the component runs any more; it stops in reverse order.
 */
import { setMaxListeners } from "node:events";
import { AssertionFailure } from "./assert.ts";
import { AppError, isAppError } from "./errors.ts";

export class Scope {
  readonly #controller = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #finalizers: (() => void | Promise<void>)[] = [];
  readonly #onFailure: (name: string, error: unknown) => void;
  #closing: Promise<void> | undefined;

  /**
   * @param onFailure called once for each background task that fails for a reason other than cancellation. A broken
   * assertion is not its business: it ends the process.
   */
  constructor(onFailure: (name: string, error: unknown) => void) {
    this.#onFailure = onFailure;
    // Every wait of the component listens here; each removes its listener when it ends.
    setMaxListeners(0, this.#controller.signal);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get isClosed(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Runs a background task; its failure is reported, never lost. */
  spawn(name: string, task: (signal: AbortSignal) => Promise<void>): void {
    if (this.isClosed) return;
    const promise: Promise<void> = task(this.signal)
      .catch((error: unknown) => {
        if (this.isClosed && isAppError(error, "cancelled")) return;
        this.#failed(name, error);
      })
      .finally(() => this.#running.delete(promise));
    this.#running.add(promise);
  }

  /** Registers what to undo; runs in reverse order of registration. */
  onClose(finalizer: () => void | Promise<void>): void {
    if (this.isClosed) throw new AppError("cancelled", "Scope is closed");
    this.#finalizers.push(finalizer);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#controller.abort();
    for (const finalizer of this.#finalizers.reverse()) {
      try {
        await finalizer();
      } catch (error) {
        this.#failed("close", error);
      }
    }
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  #failed(name: string, error: unknown): void {
    if (!(error instanceof AssertionFailure)) return this.#onFailure(name, error);
    // Out of every promise: whoever waits for the task to end would take it for handled.
    queueMicrotask(() => {
      throw error;
    });
  }
}
