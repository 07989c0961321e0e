/**
 * Membership: its codec, the single-step rules (thesis 4.1-4.2), and which configuration holds at
 * which index. A configuration is effective when it is appended, so it is derived from the log and
 * falls back when the log is truncated.
 */
import { assert } from "../util/assert.ts";
import { AppError } from "../util/errors.ts";
import type { Config, Entry, Member, MemberId } from "./types.ts";

/** Designed for up to 7 voters; learners and a replacement in flight come on top. */
export const MEMBERS_MAX = 32;

const CODEC_VERSION = 1;
const ROLE_VOTER = 1;
const ROLE_LEARNER = 2;

export const EMPTY_CONFIG: Config = { members: [] };

/** Sorted by id without duplicates, as every configuration must be. */
export function makeConfig(members: readonly Member[]): Config {
  const sorted = members.toSorted((a, b) => compareIds(a.id, b.id));
  for (let i = 1; i < sorted.length; i++) {
    assert(sorted[i]?.id !== sorted[i - 1]?.id, `Member ${sorted[i]?.id} is listed twice`);
  }
  return { members: sorted };
}

/** By code units: the same order on every machine, whatever its locale. */
export function compareIds(a: MemberId, b: MemberId): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/**
 * ```
 * version u8 | count u16 | count x ( role u8 | id length u16 | id | address length u16 | address )
 * ```
 * Strings are UTF-8, numbers big-endian.
 */
export function encodeConfig(config: Config): Uint8Array {
  assert(config.members.length <= MEMBERS_MAX, `A cluster has at most ${MEMBERS_MAX} managers`);
  const encoder = new TextEncoder();
  const parts = config.members.map((member) => ({
    role: member.role === "voter" ? ROLE_VOTER : ROLE_LEARNER,
    id: encoder.encode(member.id),
    address: encoder.encode(member.address),
  }));
  const length = parts.reduce((sum, part) => sum + 5 + part.id.byteLength + part.address.byteLength, 3);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, CODEC_VERSION);
  view.setUint16(1, parts.length);
  let at = 3;
  const put = (value: Uint8Array): void => {
    view.setUint16(at, value.byteLength);
    bytes.set(value, at + 2);
    at += 2 + value.byteLength;
  };
  for (const part of parts) {
    view.setUint8(at++, part.role);
    put(part.id);
    put(part.address);
  }
  return bytes;
}

export function decodeConfig(bytes: Uint8Array): Config {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const corrupt = (why: string): AppError => new AppError("corrupt", `Cannot decode a membership entry: ${why}`);
  let at = 3;
  const take = (): string => {
    const length = view.getUint16(at);
    if (at + 2 + length > bytes.byteLength) throw corrupt("a string runs past the end");
    const text = decoder.decode(bytes.subarray(at + 2, at + 2 + length));
    at += 2 + length;
    return text;
  };
  try {
    if (view.getUint8(0) !== CODEC_VERSION) throw corrupt(`version ${view.getUint8(0)} is unknown`);
    const count = view.getUint16(1);
    if (count > MEMBERS_MAX) throw corrupt(`it names ${count} members`);
    const members = new Map<MemberId, Member>();
    for (let i = 0; i < count; i++) {
      const role = view.getUint8(at++);
      if (role !== ROLE_VOTER && role !== ROLE_LEARNER) throw corrupt(`role ${role} is unknown`);
      const member: Member = { id: take(), address: take(), role: role === ROLE_VOTER ? "voter" : "learner" };
      if (members.has(member.id)) throw corrupt("a member is listed twice");
      members.set(member.id, member);
    }
    if (at !== bytes.byteLength) throw corrupt("bytes are left over");
    return makeConfig([...members.values()]);
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) throw corrupt(error.message);
    throw error;
  }
}

/** The first entry of a new cluster: index 1, term 1, committed by definition. Persist it before the first start. */
export function bootstrapEntry(config: Config): Entry {
  return { index: 1, term: 1, kind: "config", payload: encodeConfig(config) };
}

/** Why one step cannot lead from `current` to `next`; null if it can. */
export type ConfigRefusal = "unchanged" | "no-voters" | "not-single-step" | "too-many";

/**
 * One voter more or fewer (a promotion and a demotion are that, too) keeps any two majorities
 * overlapping. Learners and addresses do not vote, so they may change freely alongside.
 */
export function refuseChange(current: Config, next: Config): ConfigRefusal | null {
  if (next.members.length > MEMBERS_MAX) return "too-many";
  const before = voterIds(current);
  const after = voterIds(next);
  if (after.length === 0) return "no-voters";
  const added = after.filter((id) => !before.includes(id)).length;
  const removed = before.filter((id) => !after.includes(id)).length;
  if (added + removed > 1) return "not-single-step";
  return sameConfig(current, next) ? "unchanged" : null;
}

export function voterIds(config: Config): MemberId[] {
  return config.members.filter((member) => member.role === "voter").map((member) => member.id);
}

export function hasMember(config: Config, id: MemberId): boolean {
  return config.members.some((member) => member.id === id);
}

function sameConfig(a: Config, b: Config): boolean {
  return (
    a.members.length === b.members.length &&
    a.members.every((member, i) => {
      const other = b.members[i];
      return other?.id === member.id && other.address === member.address && other.role === member.role;
    })
  );
}

export type ConfigVersion = {
  /** Index of the entry that brought it (or of the snapshot it came with). */
  readonly index: number;
  readonly config: Config;
  readonly voters: readonly MemberId[];
};

/** The configurations of the log's window, oldest first. There is always at least the base. */
export class ConfigHistory {
  #base: ConfigVersion;
  /** After the base, ascending by index; usually empty. */
  #later: ConfigVersion[] = [];

  constructor(index: number, config: Config) {
    this.#base = version(index, config);
  }

  get latest(): ConfigVersion {
    return this.#later.at(-1) ?? this.#base;
  }

  /** The configuration that an index lives under. Indexes before the base are gone. */
  at(index: number): ConfigVersion {
    return this.#later.findLast((candidate) => candidate.index <= index) ?? this.#base;
  }

  /** Those that became effective in (after, upTo], ascending. */
  between(after: number, upTo: number): readonly ConfigVersion[] {
    if (this.latest.index <= after) return [];
    return this.#later.filter((candidate) => candidate.index > after && candidate.index <= upTo);
  }

  append(index: number, config: Config): void {
    assert(index > this.latest.index, "Configurations are appended in order");
    this.#later.push(version(index, config));
  }

  truncateFrom(index: number): void {
    while ((this.#later.at(-1)?.index ?? -1) >= index) this.#later.pop();
  }

  compactTo(index: number): void {
    this.#base = this.at(index);
    this.#later = this.#later.filter((candidate) => candidate.index > index);
  }

  reset(index: number, config: Config): void {
    this.#base = version(index, config);
    this.#later = [];
  }
}

function version(index: number, config: Config): ConfigVersion {
  return { index, config, voters: voterIds(config) };
}
