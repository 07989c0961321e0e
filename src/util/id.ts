/** Identifiers: 25 characters of base 36 from 128 random bits, as Swarm's users know them. */
import type { Env } from "./env.ts";

export const ID_LENGTH = 25;
const ID_PATTERN = /^[0-9a-z]{25}$/;

/** 128 bits fit in 25 base-36 digits (36^25 > 2^128), so the text is padded, never cut. */
export function newId(env: Pick<Env, "randomBytes">): string {
  return toBase36(env.randomBytes(16), ID_LENGTH);
}

/** Unsigned big-endian bytes as base 36, left-padded with zeros to `length`. */
export function toBase36(bytes: Uint8Array, length: number): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
  return BigInt(`0x0${hex}`).toString(36).padStart(length, "0");
}

export function isId(text: string): boolean {
  return ID_PATTERN.test(text);
}
