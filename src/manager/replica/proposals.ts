/**
 * Proposals of one turn, on their way to the core as one append. Each gets its index at once: the
 * replica hands them over before anything else may step the core.
 */
import type { CanPropose, ProposalRefusal, RaftCore } from "../../raft/core.ts";
import { ENTRY_OVERHEAD_BYTES } from "../../raft/log.ts";
import { TRANSACTION_BYTES_MAX } from "../../store/types.ts";
import { AppError } from "../../util/errors.ts";

/** An entry larger than a transaction may be is the store's bug; this leaves room for its envelope. */
const PROPOSAL_BYTES_MAX = TRANSACTION_BYTES_MAX + 64 * 1024;

export type Slot = { readonly index: number; readonly term: number };

export class Proposals {
  readonly #bytesMax: number;
  readonly #notLeader: () => AppError;
  readonly #refused: () => AppError | null;
  #payloads: Uint8Array[] = [];
  #bytes = 0;

  /** @param options.refused why nothing is let in, whoever leads; null: it is. */
  constructor(options: { bytesMax: number; notLeader: () => AppError; refused: () => AppError | null }) {
    this.#bytesMax = options.bytesMax;
    this.#notLeader = options.notLeader;
    this.#refused = options.refused;
  }

  get isEmpty(): boolean {
    return this.#payloads.length === 0;
  }

  /** @throws AppError not-leader | exhausted */
  reserve(core: RaftCore, bytes: number): Slot {
    if (bytes > PROPOSAL_BYTES_MAX) {
      throw new AppError("exhausted", `A change of ${bytes} bytes is too large; ${TRANSACTION_BYTES_MAX} is the limit`);
    }
    const can: CanPropose = core.canPropose(this.#bytes + bytes);
    if (!can.ok) throw this.#refusal(can.reason);
    const refused = this.#refused();
    if (refused !== null) throw refused;
    // The core lets a first one through whatever its size; here it is a whole turn's worth.
    if (this.#bytes + bytes > this.#bytesMax) throw this.#refusal("exhausted");
    return { index: can.firstIndex + this.#payloads.length, term: can.term };
  }

  /** In the same synchronous section as a successful `reserve`. */
  add(payload: Uint8Array): void {
    this.#payloads.push(payload);
    this.#bytes += payload.byteLength + ENTRY_OVERHEAD_BYTES;
  }

  take(): readonly Uint8Array[] {
    const payloads = this.#payloads;
    this.#payloads = [];
    this.#bytes = 0;
    return payloads;
  }

  #refusal(reason: ProposalRefusal): AppError {
    switch (reason) {
      case "not-leader":
        return this.#notLeader();
      case "exhausted":
        return new AppError("exhausted", "Too many changes wait to be committed", { next: "try again in a moment" });
      case "not-ready":
      case "transferring":
        // Refused before anything was written: whoever leads in a moment may be asked instead.
        return new AppError("not-leader", "The leader is changing", { next: "try again in a moment" });
    }
  }
}
