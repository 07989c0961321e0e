/** How long packets take, and which links carry nothing: what the network's faults set. */
import type { MemoryNetwork } from "../../support/memory-rpc.ts";
import type { Dice } from "./dice.ts";
import type { Plan } from "./plan.ts";

/** A lost packet is sent again after this, then after twice as long, and so on. */
const RESEND_MS = 200;

/** Packets from the first to the second. */
export type Cut = readonly [from: string, to: string];

export class Links {
  readonly #dice: Dice;
  readonly #network: Plan["network"];
  /** "from>to" of slow links, with what is added to their delay. */
  readonly #slow = new Map<string, number>();
  /** How many faults hold each link cut: it carries again when the last of them is over. */
  readonly #cuts = new Map<string, number>();
  network: MemoryNetwork | null = null;
  lost = 0;

  constructor(dice: Dice, network: Plan["network"]) {
    this.#dice = dice;
    this.#network = network;
  }

  /** Of one packet. Streams keep their order: one that is late holds back those behind it. */
  delayMs(from: string, to: string): number {
    const { delayMs, loss } = this.#network;
    // Within a machine nothing is lost and nothing is far.
    if (from === to) return 0.05;
    let ms = this.#dice.between(delayMs[0], delayMs[1]) + (this.#slow.get(`${from}>${to}`) ?? 0);
    for (let resend = RESEND_MS; loss > 0 && this.#dice.chance(loss); resend *= 2) {
      this.lost += 1;
      ms += resend;
    }
    return ms;
  }

  /** @returns what ends it */
  cut(cuts: readonly Cut[]): () => void {
    for (const [from, to] of cuts) {
      this.#count(from, to, 1);
      this.network?.cut(from, to);
    }
    return () => this.network?.heal(cuts.filter(([from, to]) => this.#count(from, to, -1) === 0));
  }

  #count(from: string, to: string, by: 1 | -1): number {
    const link = `${from}>${to}`;
    const count = (this.#cuts.get(link) ?? 0) + by;
    this.#cuts.set(link, count);
    return count;
  }

  slow(from: string, to: string, ms: number): void {
    this.#slow.set(`${from}>${to}`, ms);
  }

  restore(from: string, to: string): void {
    this.#slow.delete(`${from}>${to}`);
  }
}
