/**
 * Who heard from whom, and how often one is told the same, in ticks of each member: leaders that nobody answers, or whose
 * disk does not, step down; whoever hears its leader is loyal; nothing is repeated as fast as the network carries it.
 */
import type { RaftCore } from "../../../src/raft/core.ts";
import { TICK_MS, type Effects, type Event, type MemberId, type Message } from "../../../src/raft/types.ts";
import {
  INVARIANTS,
  keepsMajority,
  violated,
  type Configs,
  type VoteRequest,
} from "../../support/raft-oracle/invariants.ts";
import type { Before, Machine } from "./machine.ts";

/** Offers of a snapshot to one member within a tick: reads may ask for a few heartbeats, each of which repeats it. */
const OFFERS_MAX = 25;
/** One tick may find a slow disk before the leader has looked at it. */
const SLOW_TICKS_MAX = 2;

type Step = { readonly event: Event; readonly effects: Effects; readonly granted: VoteRequest | null };

type Contact = {
  ticks: number;
  /** Tick in which its leadership began. */
  leadsSince: number;
  /** Tick of the last message, by sender. */
  readonly heard: Map<MemberId, number>;
  /** The leader of its term, as last heard. */
  leader: { readonly id: MemberId; readonly term: number; readonly tick: number } | null;
  /** Ticks in a row in which its own disk was slow. */
  slowTicks: number;
  /** Snapshots offered since the last tick, by receiver. */
  readonly offers: Map<MemberId, number>;
};

export function configsOf(core: RaftCore): Configs {
  return { latest: core.status().config, committed: core.configAt(core.commit) };
}

export class Contacts {
  readonly #electionTicks: number;
  /** By core: a process that starts anew has heard nobody. */
  readonly #contacts = new WeakMap<RaftCore, Contact>();

  constructor(electionTicks: number) {
    this.#electionTicks = electionTicks;
  }

  stepped(machine: Machine, before: Before, { event, effects, granted }: Step): void {
    const { id, core } = machine;
    const contact = this.#of(core);
    if (granted !== null && contact.leader?.term === before.term) this.#isLoyal(id, contact, granted);
    if (core.isLeader && !before.isLeader) contact.leadsSince = contact.ticks;
    if (event.type === "message") hear(core, event.message, contact);
    else if (event.type === "leader-lost") contact.leader = null;
    else if (event.type === "tick") {
      contact.ticks += 1;
      contact.offers.clear();
      if (core.isLeader) this.#isAnswered(id, core, contact);
      this.#isDiskQuick(machine, contact);
    }
    for (const { type, to } of effects.messages) if (type === "snapshot") noteOffer(id, to, contact);
  }

  #of(core: RaftCore): Contact {
    const known = this.#contacts.get(core);
    if (known !== undefined) return known;
    const contact: Contact = {
      ticks: 0,
      leadsSince: 0,
      heard: new Map(),
      leader: null,
      slowTicks: 0,
      offers: new Map(),
    };
    this.#contacts.set(core, contact);
    return contact;
  }

  /** Twice the time in which it should notice by itself. */
  #isAnswered(id: MemberId, core: RaftCore, { ticks, leadsSince, heard }: Contact): void {
    const since = ticks - 2 * this.#electionTicks - 1;
    if (leadsSince >= since) return;
    const { latest } = configsOf(core);
    if (keepsMajority(latest, (voter) => voter !== id && (heard.get(voter) ?? -1) < since)) return;
    violated(INVARIANTS.quorumHeard, `${id} leads, and no majority was heard in ${2 * this.#electionTicks} ticks`);
  }

  /** Thesis 4.2.3. Whom the leader itself told to campaign asks for no pre-votes, and says so in its requests. */
  #isLoyal(id: MemberId, { leader, ticks }: Contact, request: VoteRequest): void {
    if (leader === null || leader.id === request.from || ticks - leader.tick >= this.#electionTicks) return;
    if (request.type === "vote" && request.transfer) return;
    violated(
      INVARIANTS.sticky,
      `${id} helps ${request.from} against ${leader.id}, heard ${ticks - leader.tick} ticks ago`,
    );
  }

  #isDiskQuick({ id, core, running }: Machine, contact: Contact): void {
    const limitMs = 2 * this.#electionTicks * TICK_MS;
    const isSlow = core.isLeader && (running?.turns.flusher.underWayMs ?? 0) > limitMs;
    contact.slowTicks = isSlow ? contact.slowTicks + 1 : 0;
    if (contact.slowTicks <= SLOW_TICKS_MAX) return;
    violated(INVARIANTS.ownDisk, `${id} leads, and its disk has not answered for more than ${limitMs} ms`);
  }
}

function hear(core: RaftCore, { type, from, term }: Message, contact: Contact): void {
  contact.heard.set(from, contact.ticks);
  const isLeaders = type === "append" || type === "heartbeat" || type === "commit" || type === "snapshot";
  if (isLeaders && term === core.term) contact.leader = { id: from, term, tick: contact.ticks };
}

function noteOffer(id: MemberId, to: MemberId, { offers }: Contact): void {
  const count = (offers.get(to) ?? 0) + 1;
  offers.set(to, count);
  if (count > OFFERS_MAX) violated(INVARIANTS.bounded, `${id} offers ${to} a snapshot ${count} times within a tick`);
}
