/** Keys of the store of events: bytes whose order is that of the events. */
import type { EventPosition } from "../../model/index.ts";

const EVENT = 0x65;

export const STATE_KEY = Uint8Array.of(0x73);
export const EVENT_KEYS = { gte: Uint8Array.of(EVENT), lt: Uint8Array.of(EVENT + 1) } as const;

/** @param where of the event itself, or right after it */
export function eventKey({ version, n }: EventPosition, where: "at" | "after" = "at"): Uint8Array {
  const key = new Uint8Array(where === "at" ? 13 : 14);
  const view = new DataView(key.buffer);
  view.setUint8(0, EVENT);
  view.setBigUint64(1, BigInt(version));
  view.setUint32(9, n);
  return key;
}
