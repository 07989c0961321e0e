/** A log as one number for each index: the hash covers everything up to it, so an equal prefix is one comparison. */
import { crc32 } from "node:zlib";
import type { Entry } from "../../../src/raft/types.ts";

export function chainHash(previous: number, { term, kind, payload }: Pick<Entry, "term" | "kind" | "payload">): number {
  let hash = Math.imul(previous ^ term, 0x01000193) ^ kind.charCodeAt(0);
  hash = Math.imul(hash ^ crc32(payload), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) | 0;
}
