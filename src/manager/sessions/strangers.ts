/** Who knocked and is not known. Nothing follows from it but that people are told. */
import type { Stranger } from "../../model/awaits-resume.ts";

/** Those heard of longest ago are forgotten first. */
export const STRANGERS_MAX = 256;

export class Strangers {
  readonly #known = new Map<string, Stranger>();

  note(stranger: Stranger): void {
    this.#known.delete(stranger.nodeId);
    this.#known.set(stranger.nodeId, stranger);
    const [oldest] = this.#known.keys();
    if (this.#known.size > STRANGERS_MAX && oldest !== undefined) this.#known.delete(oldest);
  }

  list(): readonly Stranger[] {
    return [...this.#known.values()];
  }
}
