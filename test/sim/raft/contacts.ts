/**
 * Who heard from whom, and how often one is told the same, in ticks of each member: leaders that nobody answers step
 * down, and nothing is repeated as fast as the network carries it.
 */
import type { RaftCore } from "../../../src/raft/core.ts";
import type { Effects, Event, MemberId } from "../../../src/raft/types.ts";
import { INVARIANTS, keepsMajority, violated, type Configs } from "../../support/raft-oracle/invariants.ts";
import type { Before, Machine } from "./machine.ts";

/** Offers of a snapshot to one member within a tick: reads may ask for a few heartbeats, each of which repeats it. */
const OFFERS_MAX = 25;

type Contact = {
  ticks: number;
  /** Tick in which its leadership began. */
  leadsSince: number;
  /** Tick of the last message, by sender. */
  readonly heard: Map<MemberId, number>;
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

  stepped({ id, core }: Machine, before: Before, event: Event, effects: Effects): void {
    const contact = this.#of(core);
    if (core.isLeader && !before.isLeader) contact.leadsSince = contact.ticks;
    if (event.type === "message") contact.heard.set(event.message.from, contact.ticks);
    else if (event.type === "tick") {
      contact.ticks += 1;
      contact.offers.clear();
      if (core.isLeader) this.#isAnswered(id, core, contact);
    }
    for (const { type, to } of effects.messages) if (type === "snapshot") noteOffer(id, to, contact);
  }

  #of(core: RaftCore): Contact {
    const known = this.#contacts.get(core);
    if (known !== undefined) return known;
    const contact: Contact = { ticks: 0, leadsSince: 0, heard: new Map(), offers: new Map() };
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
}

function noteOffer(id: MemberId, to: MemberId, { offers }: Contact): void {
  const count = (offers.get(to) ?? 0) + 1;
  offers.set(to, count);
  if (count > OFFERS_MAX) violated(INVARIANTS.bounded, `${id} offers ${to} a snapshot ${count} times within a tick`);
}
