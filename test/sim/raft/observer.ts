/** Sees every step of every member and every byte between them: checks the invariants, counts what is rare, hashes all. */
import { decodeConfig } from "../../../src/raft/config.ts";
import type { Effects, Event, MemberId } from "../../../src/raft/types.ts";
import { protoStoreCodec } from "../../../src/manager/store-codec.ts";
import type { LoadedLog } from "../../../src/manager/replica/log-storage.ts";
import type { AppError } from "../../../src/util/errors.ts";
import { RunHash } from "../../support/sim-env.ts";
import { Contacts, configsOf } from "./contacts.ts";
import { countStep } from "./coverage.ts";
import { chainHash } from "../../support/raft-oracle/chain-hash.ts";
import {
  INVARIANTS,
  violated,
  type Disks,
  type Invariants,
  type VoteRequest,
} from "../../support/raft-oracle/invariants.ts";
import type { Before, Machine, Watch } from "./machine.ts";
import type { World } from "./world.ts";

export type ObserverDeps = {
  readonly world: World;
  readonly invariants: Invariants;
  readonly disks: Disks;
  readonly machine: (id: MemberId) => Machine | undefined;
  /** A process ended by itself as it should. */
  readonly onEnd: (machine: Machine) => void;
  readonly trace: ((line: string) => void) | null;
  readonly electionTicks: number;
};

export class Observer implements Watch {
  readonly counts: Record<string, number> = {};
  readonly #deps: ObserverDeps;
  readonly #hash = new RunHash();
  readonly #numbers = new Float64Array(5);
  readonly #numberBytes = new Uint8Array(this.#numbers.buffer);
  readonly #contacts: Contacts;
  #moment = 0;
  readonly #count = (what: string): void => this.count(what);

  constructor(deps: ObserverDeps) {
    this.#deps = deps;
    this.#contacts = new Contacts(deps.electionTicks);
  }

  count(what: string, by = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + by;
  }

  trace(line: () => string): void {
    const { trace, world } = this.#deps;
    trace?.(`${world.now.toFixed(2).padStart(10)} ${line()}`);
  }

  /** Shows no value twice: what histories are timed by. */
  moment(): number {
    this.#moment += 1;
    return this.#moment;
  }

  /** Of every message's bytes and every state. Ends it. */
  digest(): string {
    return this.#hash.digest();
  }

  sees(from: MemberId, to: MemberId, bytes: Uint8Array): void {
    this.count("frames");
    this.#hash.add(`${from}>${to}`, bytes);
  }

  // Members

  loaded(machine: Machine, { prevIndex, entries, snapshot }: LoadedLog): void {
    const { chain, id, durable } = machine;
    if (snapshot !== null) this.count("snapshotsLoaded");
    for (const entry of entries) this.#deps.invariants.appended(id, entry, chain[entry.index] ?? 0);
    const lastIndex = prevIndex + entries.length;
    if (durable.lastIndex === lastIndex && durable.chain[lastIndex] === chain[lastIndex]) return;
    violated(INVARIANTS.loadsDurable, `${id} has a log up to ${lastIndex}, up to ${durable.lastIndex} was durable`);
  }

  stepped(machine: Machine, before: Before, event: Event, effects: Effects): void {
    const { id, core } = machine;
    const { invariants, disks } = this.#deps;
    const { term, commit, applied } = core;
    if (term < before.term || commit < before.commit || applied < before.applied) {
      violated(INVARIANTS.voteOnce, `${id} went back: ${JSON.stringify({ before, term, commit, applied })}`);
    }
    if (event.type === "snapshot-installed" && before.commit < event.meta.index) {
      this.count("snapshotsInstalled");
      machine.chain = invariants.committed.slice(0, event.meta.index + 1);
    }
    if (effects.persist !== null) this.#learn(machine, effects.persist.entries);
    if (core.isLeader && (!before.isLeader || before.term !== term)) {
      this.count("elections");
      this.trace(() => `${id} leads term ${term}`);
      invariants.becameLeader(machine, term);
      invariants.elected(id, term, configsOf(core), disks);
    }
    if (term > before.term && effects.persist?.hardState.vote === id) {
      const isTold = event.type === "message" && event.message.type === "timeout-now";
      invariants.campaigns(id, term, { config: configsOf(core).latest, isTold });
    }
    const granted = grantedIn(event, effects);
    if (granted !== null) invariants.helps(id, core, granted);
    this.#contacts.stepped(machine, before, { event, effects, granted });
    for (const message of effects.messages) invariants.sends(machine, message, this.#deps.machine(message.to));
    if (effects.committed.length > 0) {
      const { config } = core.status();
      for (const entry of effects.committed) invariants.commits(machine, entry, { term, config }, disks);
    }
    if (event.type === "tick" && core.isLeader) invariants.windows(id, core);
    if (event.type === "snapshot-taken") invariants.snapshots(id, event.meta, core);
    this.#hashState(machine);
    countStep(this.#count, machine, before, event, effects);
    if (this.#deps.trace !== null) this.#traceStep(machine, event, effects);
  }

  /** Whatever changed in the log is in the step's persist effect, so the shadow follows it. */
  #learn(machine: Machine, entries: Effects["committed"]): void {
    const { id, chain, core } = machine;
    const first = entries[0];
    if (first === undefined) return;
    chain.length = first.index;
    for (const entry of entries) {
      const hash = chainHash(chain[entry.index - 1] ?? 0, entry);
      chain.push(hash);
      this.#deps.invariants.appended(id, entry, hash);
      if (entry.kind !== "config" || entry.index === 1) continue;
      this.#deps.invariants.reconfigured(id, core.configAt(entry.index - 1), decodeConfig(entry.payload));
      if (core.isLeader && entry.term === core.term) this.#deps.invariants.pendingConfigs(id, core);
    }
  }

  #hashState({ id, core, running }: Machine): void {
    const numbers = this.#numbers;
    numbers[0] = core.term;
    numbers[1] = core.commit;
    numbers[2] = core.applied;
    numbers[3] = core.lastIndex;
    numbers[4] = running?.state.hash ?? 0;
    this.#hash.add(id, this.#numberBytes);
  }

  #traceStep({ id, core }: Machine, event: Event, effects: Effects): void {
    const what = event.type === "message" ? `${event.message.type} from ${event.message.from}` : event.type;
    const out = effects.messages.map(({ type, to }) => `${type}>${to}`).join(" ");
    const { term, commit, applied, lastIndex, isLeader } = core;
    this.trace(
      () => `${id} ${what}: term ${term}${isLeader ? " leads" : ""} log ${applied}/${commit}/${lastIndex} ${out}`,
    );
  }

  applies(machine: Machine, index: number, payload: Uint8Array | null): void {
    const { invariants } = this.#deps;
    const isFirst = invariants.applies(machine, index, machine.applied);
    if (!isFirst || payload === null) return;
    for (const { put } of protoStoreCodec.decodeTransaction(payload).actions) {
      if (put?.request) invariants.requested(put.request.id, { index, moment: this.moment() });
    }
  }

  state(machine: Machine, index: number, hash: number): void {
    this.#deps.invariants.stateIs(machine.id, index, hash);
  }

  hardState(
    id: MemberId,
  ): (...states: Parameters<Invariants["wroteHardState"]> extends [string, ...infer R] ? R : never) => void {
    return (before, after) => this.#deps.invariants.wroteHardState(id, before, after);
  }

  removed(machine: Machine): void {
    this.count("membersRemoved");
    this.#deps.invariants.wasTold(machine.id);
    this.trace(() => `${machine.id} was removed`);
  }

  ended(machine: Machine, error: AppError): void {
    this.trace(() => `${machine.id} ended: ${error.message}`);
    if (error.code === "corrupt" && machine.isDamaged) {
      this.count("damageFound");
      return;
    }
    if (machine.disk.failure === null)
      violated(INVARIANTS.endsForCause, `${machine.id}: ${error.code} ${error.message}`);
    this.count("diskFailuresSeen");
    this.#deps.onEnd(machine);
  }
}

/** The request for a vote or a pre-vote that this step granted. */
function grantedIn(event: Event, { messages, persist }: Effects): VoteRequest | null {
  if (event.type !== "message") return null;
  const { message } = event;
  if (message.type === "vote") return persist?.hardState.vote === message.from ? message : null;
  if (message.type !== "pre-vote") return null;
  return messages.some((reply) => reply.type === "pre-vote-reply" && reply.granted) ? message : null;
}
