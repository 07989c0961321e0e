/**
 * What must hold after every step of every member of a simulated Raft cluster, checked by someone
 * who sees all memories and all disks. Chains of hashes make "equal prefix" one comparison: the
 * hash at an index covers everything up to it.
 */
import type { Entry, HardState, MemberId, Message } from "../../src/raft/types.ts";
import type { SimNode } from "./raft-node.ts";

/** FNV-like mix to 32 bits: collisions are possible in theory, and harmless for finding bugs. */
export function chainHash(previous: number, entry: Entry): number {
  let hash = Math.imul(previous ^ entry.term, 0x01000193) ^ entry.kind.charCodeAt(0);
  for (const byte of entry.payload) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash ^ (hash >>> 15)) | 0;
}

/** What the checker looks at of a member. */
type Witness = Pick<SimNode, "id" | "disk" | "chain" | "isUp" | "status">;

export class RaftInvariants {
  readonly #leaders = new Map<number, MemberId>();
  /** Hash by "index/term": log matching says that there is one. */
  readonly #logs = new Map<string, number>();
  /** Hash of every committed prefix; index 0 is the empty log. */
  readonly committed: number[] = [0];
  /** Term of the member that first called it committed. */
  readonly #commitTerms: number[] = [0];

  get commitIndex(): number {
    return this.committed.length - 1;
  }

  fail(why: string): never {
    throw new Error(`Invariant broken: ${why}`);
  }

  /** I1, I4. `chain` is the new leader's log. */
  becameLeader(id: MemberId, term: number, chain: readonly number[]): void {
    const other = this.#leaders.get(term);
    if (other !== undefined && other !== id) this.fail(`term ${term} has two leaders: ${other} and ${id}`);
    this.#leaders.set(term, id);
    // A paused process may learn late that it was elected: what later leaders committed is not its business.
    let index = this.commitIndex;
    while ((this.#commitTerms[index] ?? 0) >= term) index--;
    if (chain[index] !== this.committed[index])
      this.fail(`leader ${id} of term ${term} lacks committed entry ${index}`);
  }

  /** I2. */
  appended(id: MemberId, entry: Entry, hash: number): void {
    const key = `${entry.index}/${entry.term}`;
    const known = this.#logs.get(key);
    if (known !== undefined && known !== hash) this.fail(`logs differ at or before ${key} on ${id}`);
    this.#logs.set(key, hash);
  }

  /** I3, I5: what one member commits is what all others have, and is never another thing again. */
  commits(by: { id: MemberId; term: number }, entry: Entry, hash: number, isDurable: () => boolean): void {
    const { id, term } = by;
    const known = this.committed[entry.index];
    if (known !== undefined) {
      if (known !== hash) this.fail(`${id} commits another entry at ${entry.index}`);
      return;
    }
    if (entry.index !== this.committed.length) this.fail(`${id} commits ${entry.index} after ${this.commitIndex}`);
    // I6: looked at when it is first called committed.
    if (!isDurable()) this.fail(`${id} commits ${entry.index} before it is durable on a majority`);
    this.committed.push(hash);
    this.#commitTerms[entry.index] = term;
  }

  /** I7. */
  wrote(id: MemberId, before: HardState, after: HardState): void {
    if (after.term < before.term) this.fail(`${id} writes term ${after.term} after ${before.term}`);
    if (after.term === before.term && before.vote !== null && after.vote !== before.vote) {
      this.fail(`${id} votes twice in term ${after.term}: ${before.vote}, ${after.vote}`);
    }
  }

  /** I11. */
  read(id: MemberId, index: number, committedAtCall: number): void {
    if (index < committedAtCall) this.fail(`a read on ${id} is stale: ${index} < ${committedAtCall}`);
  }

  /** Nothing is promised that is not on the sender's disk, and no prefix that is not the receiver's. */
  promises({ id, disk, chain }: Witness, message: Message, receiver: Witness | undefined): void {
    const { hardState } = disk;
    const { term, to } = message;
    if ((message.type === "append-reply" || message.type === "snapshot-reply") && message.ok) {
      const { index } = message;
      const durable = disk.chain[index];
      if (hardState.term !== term) this.fail(`${id} acks in term ${term}, which is not on its disk`);
      if (durable === undefined || (chain[index] !== undefined && durable !== chain[index])) {
        this.fail(`${id} acks ${index}, which is not on its disk`);
      }
      // True for as long as that one leads.
      const leads =
        receiver !== undefined && receiver.isUp && receiver.status.role === "leader" && receiver.status.term === term;
      if (leads && receiver.chain[index] !== durable)
        this.fail(`${id} acks ${index} to ${to}, whose log differs there`);
    }
    if (message.type !== "vote" && !(message.type === "vote-reply" && message.granted)) return;
    const vote = message.type === "vote" ? id : to;
    if (hardState.term !== term || hardState.vote !== vote) {
      this.fail(`${id} votes for ${vote} in term ${term}, which is not on its disk`);
    }
  }
}
