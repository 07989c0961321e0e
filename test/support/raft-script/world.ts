/**
 * The world of a Raft script: members with real cores, driven as the real driver does, but one step
 * at a time and only where a command says so. Every step writes its trace and is checked against
 * the invariants of raft-oracle/invariants.ts.
 *
 * Starting and ending members: lifecycle.ts. Disks and snapshots: storage.ts.
 */
import { AssertionFailure } from "../../../src/util/assert.ts";
import type {
  Effects,
  Entry,
  Event,
  MemberId,
  Message,
  Persist,
  RaftOptions,
  ReadResult,
} from "../../../src/raft/types.ts";
import { chainHash } from "../raft-oracle/chain-hash.ts";
import { INVARIANTS, Invariants, violated } from "../raft-oracle/invariants.ts";
import { ScriptNetwork } from "./network.ts";
import { ScriptNode } from "./node.ts";
import { changesOf, viewOf } from "./state-line.ts";
import { Trace } from "./trace.ts";
import { entriesWord, messageLine, payloadWord } from "./words.ts";

/** What the last proposal was told: null where it was taken. */
export type Answer = { readonly refusal: string | null };

export class World {
  readonly network = new ScriptNetwork();
  readonly trace = new Trace();
  readonly invariants = new Invariants();
  options: Partial<RaftOptions> = {};
  /** By the last command, since the last `mark`, and since the script began. */
  sent: { last: Message[]; marked: Message[]; ever: Message[] } = { last: [], marked: [], ever: [] };
  answer: Answer | null = null;
  /** An assertion of the core ended this member, and no line of the script has said that it must. */
  unexpectedCrash: ScriptNode | null = null;
  /** What state machines held at the index of a snapshot: the same on every member. */
  readonly bodies = new Map<number, readonly string[]>();
  readonly #nodes = new Map<MemberId, ScriptNode>();
  #nextRead = 1;

  // Members

  /** By id. */
  get nodes(): readonly ScriptNode[] {
    return [...this.#nodes.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  get up(): readonly ScriptNode[] {
    return this.nodes.filter((node) => node.isUp);
  }

  node(id: MemberId): ScriptNode {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new Error(`There is no member ${id}`);
    return node;
  }

  create(id: MemberId): ScriptNode {
    if (this.#nodes.has(id)) throw new Error(`There is a member ${id} already`);
    const node = new ScriptNode(id);
    this.#nodes.set(id, node);
    return node;
  }

  // Steps

  step(node: ScriptNode, event: Event): void {
    if (node.core === null) return;
    const { term, commit, applied, isLeader } = node.core;
    const effects = this.#stepOrCrash(node, event);
    if (effects === null) return;
    const after = node.running;
    if (after.term < term || after.commit < commit || after.applied < applied) {
      violated(INVARIANTS.voteOnce, `${node.id} went back: ${changesOf(viewOf(node.status), node.view)}`);
    }
    this.#learnLog(node, effects.persist);
    if (after.isLeader && (!isLeader || term !== after.term)) {
      this.invariants.becameLeader(node, after.term);
    }
    this.#showChanges(node);
    this.#carryOut(node, effects);
  }

  #showChanges(node: ScriptNode): void {
    const view = viewOf(node.status);
    const changes = changesOf(node.view, view);
    node.view = view;
    if (changes !== "") this.trace.fact(`${node.id} state ${changes}`);
  }

  /** A failed assertion ends the process, as in life. Everything else is a mistake of the test. */
  #stepOrCrash(node: ScriptNode, event: Event): Effects | null {
    try {
      return node.running.step(event);
    } catch (error) {
      if (!(error instanceof AssertionFailure)) throw error;
      node.core = null;
      node.fate = "crashed";
      node.crash = error.message;
      node.writes = [];
      this.unexpectedCrash = node;
      this.trace.fact(`${node.id} crash ${error.message}`);
      return null;
    }
  }

  /** Whatever changed in the log is in the step's write, so the shadow follows it. */
  #learnLog(node: ScriptNode, persist: Persist | null): void {
    const first = persist?.entries[0];
    if (persist === null || first === undefined) return;
    node.chain.length = first.index;
    for (const entry of persist.entries) {
      const hash = chainHash(node.chain[entry.index - 1] ?? 0, entry);
      node.chain.push(hash);
      this.invariants.appended(node.id, entry, hash);
    }
  }

  #carryOut(node: ScriptNode, effects: Effects): void {
    for (const message of effects.messages) this.#send(node, message);
    if (effects.persist !== null) this.#write(node, effects.persist);
    for (const result of effects.reads) this.#finishRead(node, result);
    if (effects.fetchSnapshot !== null) {
      const { from, meta } = effects.fetchSnapshot;
      const isThere = this.#nodes.get(from)?.disk.snapshots.some(({ index }) => index === meta.index) === true;
      node.pull = { from, meta, isThere };
      this.trace.fact(`${node.id} pull ${meta.index}/${meta.term} from ${from}`);
    }
    if (effects.committed.length > 0) this.#apply(node, effects.committed);
    if (effects.removed && node.core !== null) {
      node.core = null;
      node.fate = "removed";
      this.trace.fact(`${node.id} removed`);
    }
  }

  #send(node: ScriptNode, message: Message): void {
    const receiver = this.#nodes.get(message.to);
    this.invariants.sends(node, message, receiver);
    for (const list of Object.values(this.sent)) list.push(message);
    const isOnItsWay = this.network.send(message);
    this.trace.message(message, isOnItsWay ? "" : " (lost)");
  }

  #write(node: ScriptNode, persist: Persist): void {
    const { token, entries, hardState } = persist;
    node.writes.push({ persist });
    const words = [`term=${hardState.term}`, `vote=${hardState.vote ?? "-"}`, `commit=${hardState.commit}`];
    if (entries.length > 0) words.push(`entries=${entriesWord(entries)}`);
    this.trace.detail(`${node.id} write #${token} ${words.join(" ")}`);
  }

  #finishRead(node: ScriptNode, result: ReadResult): void {
    if (node.reads.has(result.requestId)) throw new Error(`Read r${result.requestId} is answered twice`);
    node.reads.set(result.requestId, result);
    const { ok, requestId } = result;
    if (ok) this.invariants.read(node.id, result.index, this.#committedAtRead.get(requestId) ?? 0);
    this.trace.fact(`${node.id} read r${requestId} ${ok ? `index=${result.index}` : "failed"}`);
  }

  readonly #committedAtRead = new Map<number, number>();

  read(node: ScriptNode): void {
    const requestId = this.#nextRead++;
    this.#committedAtRead.set(requestId, this.invariants.commitIndex);
    this.step(node, { type: "read", requestId });
  }

  #apply(node: ScriptNode, entries: readonly Entry[]): void {
    const { term, config } = node.status;
    for (const entry of entries) {
      this.invariants.commits(node, entry, { term, config }, (id) => this.#nodes.get(id)?.disk);
      this.invariants.applies(node, entry.index, node.applied);
      node.applied = entry.index;
      if (entry.kind === "normal" && entry.payload.byteLength > 0) node.machine.push(payloadWord(entry.payload));
    }
    this.trace.detail(`${node.id} apply ${entriesWord(entries)}`);
    this.step(node, { type: "applied", index: node.applied });
  }

  /** Hands a message over. To one that is not there it is lost. */
  deliver(message: Message, by: MemberId = message.to): void {
    const node = this.#nodes.get(by);
    if (node === undefined || !node.isUp) {
      this.trace.detail(`lost ${messageLine(message)}`);
      return;
    }
    const title = (): string => `deliver ${messageLine(message)}`;
    this.trace.underDetail(title, () => this.step(node, { type: "message", message }));
  }
}
