/**
 * Handing leadership over (thesis 3.10): wait until the target has everything, tell it to campaign
 * at once, and go on leading if it does not within an election timeout. Proposals are refused
 * meanwhile, or the target would never catch up.
 */
import type { Progress } from "./progress.ts";
import type { Replication } from "./replication.ts";
import type { RaftState } from "./state.ts";
import type { MemberId } from "./types.ts";

export class Transfer {
  readonly #state: RaftState;
  readonly #replication: Replication;
  #target: MemberId | null = null;
  #deadline = 0;
  #toldAt: number | null = null;

  constructor(state: RaftState, replication: Replication) {
    this.#state = state;
    this.#replication = replication;
  }

  get target(): MemberId | null {
    return this.#target;
  }

  /** `to` null: the best voter. Without a fit target nothing happens, which the status shows. */
  begin(to: MemberId | null): void {
    const state = this.#state;
    if (state.role !== "leader" || this.#target !== null) return;
    const target = to === null ? this.#best() : this.#replication.peer(to);
    if (target === undefined || !target.voter) return;
    this.#target = target.id;
    this.#deadline = state.now + state.options.electionTicks;
    this.#toldAt = null;
    this.advanced(target);
  }

  /** The target may have caught up. */
  advanced(peer: Progress): void {
    if (peer.id !== this.#target || this.#toldAt !== null || peer.match < this.#state.log.lastIndex) return;
    this.#toldAt = this.#state.now;
    this.#tell(peer.id);
  }

  tick(): void {
    const { now, options } = this.#state;
    if (this.#target === null) return;
    if (now >= this.#deadline) this.stop();
    else if (this.#toldAt !== null && now - this.#toldAt >= options.heartbeatTicks) {
      // The word may be lost; a target that has heard it is in a later term and ignores this one.
      this.#toldAt = now;
      this.#tell(this.#target);
    }
  }

  stop(): void {
    this.#target = null;
  }

  /** A target that left the cluster, or votes no more, can take nothing over. */
  configChanged(): void {
    if (this.#target !== null && this.#replication.peer(this.#target)?.voter !== true) this.stop();
  }

  /** For a leader that stops whatever happens: the best voter campaigns now rather than after a timeout. */
  handOff(): void {
    const best = this.#best();
    if (best !== undefined) this.#tell(best.id);
  }

  #best(): Progress | undefined {
    let best: Progress | undefined;
    for (const peer of this.#replication.peers) {
      if (peer.voter && peer.state === "replicate" && (best === undefined || peer.match > best.match)) best = peer;
    }
    return best;
  }

  #tell(to: MemberId): void {
    this.#state.send({ type: "timeout-now", from: this.#state.id, to, term: this.#state.term });
  }
}
