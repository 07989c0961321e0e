/**
 * Messages between the members of a script. Nothing arrives by itself: they lie in flight, in the
 * order they were sent, until a command delivers, drops or puts them on the shelf.
 */
import type { MemberId, Message } from "../../../src/raft/types.ts";
import { matches } from "./words.ts";

type Pattern = readonly string[];

export class ScriptNetwork {
  #flight: Message[] = [];
  /** Late ones: held back until they are released. */
  #shelf: Message[] = [];
  readonly #cuts = new Set<string>();
  /** Every message is sent twice; the second copy goes on the shelf. */
  isDoubling = false;

  /** @returns whether it is on its way; false on a link that is cut. */
  send(message: Message): boolean {
    if (this.#cuts.has(linkOf(message.from, message.to))) return false;
    this.#flight.push(message);
    if (this.isDoubling) this.#shelf.push(message);
    return true;
  }

  /** Takes those in flight that match, in order. */
  take(matching: (message: Message) => boolean): readonly Message[] {
    const taken = this.#flight.filter(matching);
    if (taken.length > 0) this.#flight = this.#flight.filter((message) => !taken.includes(message));
    return taken;
  }

  takeAll(pattern: Pattern): readonly Message[] {
    return this.take((message) => matches(message, pattern));
  }

  hold(pattern: Pattern): readonly Message[] {
    const held = this.takeAll(pattern);
    this.#shelf.push(...held);
    return held;
  }

  copy(pattern: Pattern): readonly Message[] {
    const copied = this.#flight.filter((message) => matches(message, pattern));
    this.#shelf.push(...copied);
    return copied;
  }

  /** From the shelf into flight, behind what is there. */
  release(pattern: Pattern): readonly Message[] {
    const released = this.#shelf.filter((message) => matches(message, pattern));
    this.#shelf = this.#shelf.filter((message) => !released.includes(message));
    this.#flight.push(...released);
    return released;
  }

  /** From now on `from` does not reach `to`. What is in flight still arrives. */
  cut(from: MemberId, to: MemberId): void {
    this.#cuts.add(linkOf(from, to));
  }

  heal(from: MemberId, to: MemberId): void {
    this.#cuts.delete(linkOf(from, to));
  }

  healAll(): void {
    this.#cuts.clear();
  }
}

function linkOf(from: MemberId, to: MemberId): string {
  return `${from}->${to}`;
}
