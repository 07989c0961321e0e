/** IP addresses and prefixes as numbers. Texts only in the canonical forms people type; no zones, no ports. */

export type Cidr = {
  readonly version: 4 | 6;
  /** Network address; bits beyond the prefix are zero. */
  readonly base: bigint;
  readonly prefix: number;
};

/** An address (a prefix of all its bits) or `address/prefix`; null if it is neither. */
export function parseCidr(text: string): Cidr | null {
  const slash = text.indexOf("/");
  const address = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (address === null) return null;
  const bits = bitsOf(address.version);
  const prefix = slash < 0 ? bits : parsePrefix(text.slice(slash + 1), bits);
  if (prefix === null) return null;
  const host = BigInt(bits - prefix);
  return { version: address.version, base: (address.value >> host) << host, prefix };
}

/** Whether `inner` lies wholly within `outer`. */
export function cidrContains(outer: Cidr, inner: Cidr): boolean {
  if (outer.version !== inner.version || inner.prefix < outer.prefix) return false;
  const host = BigInt(bitsOf(outer.version) - outer.prefix);
  return inner.base >> host === outer.base >> host;
}

function bitsOf(version: 4 | 6): number {
  return version === 4 ? 32 : 128;
}

function parsePrefix(text: string, bits: number): number | null {
  if (!/^\d{1,3}$/.test(text)) return null;
  const prefix = Number(text);
  return prefix <= bits ? prefix : null;
}

function parseIp(text: string): { readonly version: 4 | 6; readonly value: bigint } | null {
  const v4 = parseIpv4(text);
  if (v4 !== null) return { version: 4, value: v4 };
  const v6 = parseIpv6(text);
  return v6 === null ? null : { version: 6, value: v6 };
}

function parseIpv4(text: string): bigint | null {
  const parts = text.split(".");
  if (parts.length !== 4) return null;
  let value = 0n;
  for (const part of parts) {
    // A leading zero is octal to some parsers: refused instead of guessed.
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return null;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

function parseIpv6(text: string): bigint | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const head = groupsOf(halves[0] ?? "");
  const tail = groupsOf(halves[1] ?? "");
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  let value = 0n;
  for (const group of [...head, ...Array<bigint>(missing).fill(0n), ...tail]) value = (value << 16n) | group;
  return value;
}

function groupsOf(text: string): bigint[] | null {
  if (text === "") return [];
  const groups: bigint[] = [];
  for (const part of text.split(":")) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return null;
    groups.push(BigInt(`0x${part}`));
  }
  return groups;
}
