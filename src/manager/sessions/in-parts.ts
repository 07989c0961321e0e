/**
 * Many objects written in entries that fit. What was said of them is measured beforehand; what the
 * objects hold besides is not, so a part that turns out too large is halved, and one object that does
 * not fit alone is given up: made again it would be refused for ever, and everything behind it with it.
 */
import { isTooLarge } from "../../store/too-large.ts";
import type { StoreApi, WriteTx } from "../../store/types.ts";

/** Encoded bytes of what was said in one entry; the other half of it is for what else the objects hold. */
export const SAID_PER_UPDATE_BYTES_MAX = 512 * 1024;

export type Writes<T> = {
  /** Items of one entry. */
  readonly max: number;
  /** Encoded. */
  readonly bytesOf: (item: T) => number;
  readonly write: (tx: WriteTx, part: readonly T[]) => void;
  readonly giveUp: (item: T) => void;
};

/** Begun in this turn; resolves when everything that fits is committed. @throws AppError of the store, but for what is too large */
export async function updateInParts<T>(store: StoreApi, items: readonly T[], writes: Writes<T>): Promise<void> {
  await Promise.all(partsOf(items, writes).map((part) => update(store, part, writes)));
}

async function update<T>(store: StoreApi, part: readonly T[], writes: Writes<T>): Promise<void> {
  try {
    await store.update((tx) => writes.write(tx, part));
  } catch (error) {
    if (!isTooLarge(error)) throw error;
    const [only] = part;
    if (part.length === 1 && only !== undefined) {
      writes.giveUp(only);
      return;
    }
    const half = Math.ceil(part.length / 2);
    await Promise.all([part.slice(0, half), part.slice(half)].map((some) => update(store, some, writes)));
  }
}

function partsOf<T>(items: readonly T[], { max, bytesOf }: Writes<T>): T[][] {
  const parts: T[][] = [];
  let bytes = 0;
  for (const item of items) {
    const size = bytesOf(item);
    const last = parts.at(-1);
    if (last === undefined || last.length >= max || bytes + size > SAID_PER_UPDATE_BYTES_MAX) {
      parts.push([item]);
      bytes = size;
    } else {
      last.push(item);
      bytes += size;
    }
  }
  return parts;
}
