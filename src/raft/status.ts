/** What a member shows of itself, and whether that has changed since the last step. */
import type { ConfigVersion } from "./config.ts";
import type { Replication } from "./replication.ts";
import type { CoreRole, RaftState } from "./state.ts";
import type { Transfer } from "./transfer.ts";
import type { MemberId, Status } from "./types.ts";

export class StatusView {
  readonly #state: RaftState;
  readonly #replication: Replication;
  readonly #transfer: Transfer;
  // As of the last look.
  #role: CoreRole = "follower";
  #leader: MemberId | null = null;
  #term: number;
  #config: ConfigVersion;
  #isReady = false;
  #target: MemberId | null = null;

  constructor(state: RaftState, replication: Replication, transfer: Transfer) {
    this.#state = state;
    this.#replication = replication;
    this.#transfer = transfer;
    this.#term = state.term;
    this.#config = state.configs.latest;
  }

  status(): Status {
    const { id, role, term, leader, commit, applied, log, configs, isVoter } = this.#state;
    return {
      id,
      role: role === "follower" && !isVoter ? "learner" : role,
      term,
      leader,
      commit,
      applied,
      lastIndex: log.lastIndex,
      config: configs.latest.config,
      ready: this.#replication.isReady,
      transferTarget: this.#transfer.target,
      peers: this.#replication.peers.map((peer) => ({
        id: peer.id,
        match: peer.match,
        active: this.#replication.isActive(peer),
        inflight: peer.inflight,
      })),
    };
  }

  /** Role, leader, term, membership, readiness or transfer; not the indexes, which change all the time. */
  hasChanged(): boolean {
    const { role, leader, term, configs } = this.#state;
    const { isReady } = this.#replication;
    const { target } = this.#transfer;
    if (
      this.#role === role &&
      this.#leader === leader &&
      this.#term === term &&
      this.#config === configs.latest &&
      this.#isReady === isReady &&
      this.#target === target
    ) {
      return false;
    }
    this.#role = role;
    this.#leader = leader;
    this.#term = term;
    this.#config = configs.latest;
    this.#isReady = isReady;
    this.#target = target;
    return true;
  }
}
