/**
 * The protobuf wire format (protobuf.dev/programming-guides/encoding) between plain objects and
 * bytes: what the generated codecs (gen/codecs.ts) are written in. Numbers are JavaScript's, so
 * 64-bit ones are exact below 2^53 in size.
 *
 * proto-loader's own way, over message classes and back, takes twice the time and memory; every
 * write passes here four times on the leader alone. A test holds the two to the same bytes and
 * objects.
 */
import { AppError } from "../util/errors.ts";

const VARINT_BYTES_MAX = 10;
const TWO_32 = 0x1_0000_0000;
/** Below this, a loop over ASCII is quicker than the call into the engine's own UTF-8. */
const SHORT_TEXT = 16;
/** The same for reading, where every character added makes another string. */
const SHORT_READ = 9;
const BUFFER_BYTES_FIRST = 4096;
/** One larger than this is not kept for the next message. */
const BUFFER_BYTES_KEPT = 1024 * 1024;

const VARINT = 0;
const FIXED_64 = 1;
const DELIMITED = 2;
const FIXED_32 = 5;

export class Writer {
  #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES_FIRST);
  #at = 0;

  /** A copy of what was written; the writer starts over. */
  finish(): Buffer {
    const bytes = Buffer.allocUnsafe(this.#at);
    this.#buffer.copy(bytes, 0, 0, this.#at);
    this.#at = 0;
    if (this.#buffer.length > BUFFER_BYTES_KEPT) this.#buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES_FIRST);
    return bytes;
  }

  /** After a failure half-way. */
  reset(): void {
    this.#at = 0;
  }

  text(tag: number, value: string): void {
    const { length } = value;
    this.#reserve(2 * VARINT_BYTES_MAX + 3 * length);
    this.#small(tag);
    if (length < SHORT_TEXT && this.#ascii(value, length)) return;
    const bytes = Buffer.byteLength(value);
    this.#small(bytes);
    this.#at += this.#buffer.write(value, this.#at, bytes, "utf8");
  }

  bytes(tag: number, value: Uint8Array | string): void {
    const bytes = typeof value === "string" ? Buffer.from(value, "base64") : value;
    this.#reserve(2 * VARINT_BYTES_MAX + bytes.length);
    this.#small(tag);
    this.#small(bytes.length);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** uint32, uint64, enums, sizes. @throws TypeError for what is none: as one it would be another number */
  uint(tag: number, value: number): void {
    if (!(value >= 0)) throw new TypeError(`${value} is no unsigned number`);
    this.#reserve(2 * VARINT_BYTES_MAX);
    this.#small(tag);
    this.#varint(value);
  }

  /** int32, int64: a negative number takes ten bytes of two's complement. */
  int(tag: number, value: number): void {
    this.#reserve(2 * VARINT_BYTES_MAX);
    this.#small(tag);
    if (value >= 0) this.#varint(value);
    else this.#negative(value);
  }

  bool(tag: number, value: boolean): void {
    this.#reserve(VARINT_BYTES_MAX);
    this.#small(tag);
    this.#buffer[this.#at++] = value ? 1 : 0;
  }

  double(tag: number, value: number): void {
    this.#reserve(VARINT_BYTES_MAX + 8);
    this.#small(tag);
    this.#at = this.#buffer.writeDoubleLE(value, this.#at);
  }

  /** Begins a message in the message. @returns what `close` wants to know */
  open(tag: number): number {
    this.#reserve(2 * VARINT_BYTES_MAX);
    this.#small(tag);
    // Its length is known at the end; most are below 128 and fit the one byte left here.
    return ++this.#at;
  }

  close(start: number): void {
    const length = this.#at - start;
    if (length < 0x80) {
      this.#buffer[start - 1] = length;
      return;
    }
    let more = 0;
    for (let rest = Math.floor(length / 0x80); rest > 0; rest = Math.floor(rest / 0x80)) more++;
    this.#reserve(more);
    this.#buffer.copyWithin(start + more, start, this.#at);
    const end = this.#at + more;
    this.#at = start - 1;
    this.#small(length);
    this.#at = end;
  }

  /** Room was reserved by who calls. */
  #small(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#buffer[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.#at++] = rest;
  }

  #varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#buffer[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#at++] = rest;
  }

  #negative(value: number): void {
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest >= 0x80n) {
      this.#buffer[this.#at++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#buffer[this.#at++] = Number(rest);
  }

  /** @returns false, with nothing written, when it is more than ASCII. */
  #ascii(value: string, length: number): boolean {
    const start = this.#at;
    this.#buffer[start] = length;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code >= 0x80) return false;
      this.#buffer[start + 1 + i] = code;
    }
    this.#at = start + 1 + length;
    return true;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#buffer.length, this.#at + bytes));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}

/** Every read is checked against the end of the message it belongs to. */
export class Reader {
  readonly #buffer: Buffer;
  at = 0;
  /** The end of the message being read. */
  end: number;

  constructor(bytes: Buffer) {
    this.#buffer = bytes;
    this.end = bytes.length;
  }

  /** A tag, a length, an enum: anything that 32 bits hold. */
  small(): number {
    const byte = this.#byte();
    return byte < 0x80 ? byte : this.#more(byte & 0x7f) % TWO_32;
  }

  uint(): number {
    const byte = this.#byte();
    return byte < 0x80 ? byte : this.#more(byte & 0x7f);
  }

  int(): number {
    const byte = this.#byte();
    if (byte < 0x80) return byte;
    const start = this.at - 1;
    const value = this.#more(byte & 0x7f);
    // Ten bytes are a negative number's: read as unsigned it is beyond what a double holds exactly.
    return this.at - start < VARINT_BYTES_MAX ? value : this.#signed(start);
  }

  /** int32 as protobuf has it: the low 32 bits. */
  int32(): number {
    return Number(BigInt.asIntN(32, BigInt(this.int())));
  }

  bool(): boolean {
    return this.uint() !== 0;
  }

  double(): number {
    this.#need(8);
    const value = this.#buffer.readDoubleLE(this.at);
    this.at += 8;
    return value;
  }

  text(): string {
    const end = this.#delimited();
    const from = this.at;
    this.at = end;
    if (end - from >= SHORT_READ) return this.#buffer.toString("utf8", from, end);
    let text = "";
    for (let i = from; i < end; i++) {
      const byte = this.#buffer[i] ?? 0;
      if (byte >= 0x80) return this.#buffer.toString("utf8", from, end);
      text += String.fromCharCode(byte);
    }
    return text;
  }

  /** A view of what is read, not a copy. */
  bytes(): Buffer {
    const end = this.#delimited();
    const view = this.#buffer.subarray(this.at, end);
    this.at = end;
    return view;
  }

  /** Begins a message in the message. @returns what `close` wants back */
  open(): number {
    const outer = this.end;
    this.end = this.#delimited();
    return outer;
  }

  close(outer: number): void {
    this.end = outer;
  }

  /** A field that this program does not know. */
  skip(tag: number): void {
    switch (tag & 7) {
      case VARINT:
        this.uint();
        return;
      case FIXED_64:
        this.#need(8);
        this.at += 8;
        return;
      case DELIMITED:
        this.at = this.#delimited();
        return;
      case FIXED_32:
        this.#need(4);
        this.at += 4;
        return;
      default:
        throw malformed(`wire type ${tag & 7} is unknown`);
    }
  }

  /** @returns where it ends */
  #delimited(): number {
    const length = this.small();
    this.#need(length);
    return this.at + length;
  }

  #byte(): number {
    if (this.at >= this.end) throw malformed("it ends in the middle of a field");
    return this.#buffer[this.at++] ?? 0;
  }

  #more(first: number): number {
    let value = first;
    let scale = 0x80;
    for (let i = 1; i < VARINT_BYTES_MAX; i++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    throw malformed("a number is too long");
  }

  #signed(start: number): number {
    let value = 0n;
    for (let i = 0; i < VARINT_BYTES_MAX; i++) value |= BigInt((this.#buffer[start + i] ?? 0) & 0x7f) << BigInt(7 * i);
    return Number(BigInt.asIntN(64, value));
  }

  #need(bytes: number): void {
    if (bytes > this.end - this.at) throw malformed("it ends in the middle of a field");
  }
}

function malformed(why: string): AppError {
  return new AppError("invalid", `Malformed protobuf message: ${why}`);
}

/** @throws TypeError for a name that the enum has not: what proto-loader would silently write as 0 */
export function numberOf(enumeration: Readonly<Record<string, number>>, value: string | number): number {
  if (typeof value === "number") return value;
  const number = enumeration[value];
  if (number === undefined) throw new TypeError(`There is no enum value ${value}`);
  return number;
}

/** As proto-loader does: a number that has no name stays one, whatever the type says. */
export function enumValue<Name extends string>(names: ReadonlyMap<number, Name>, value: number): Name {
  return names.get(value) ?? (value as unknown as Name);
}

export function sortedKeys(map: object): readonly string[] {
  const keys = Object.keys(map);
  return keys.length > 1 ? keys.sort() : keys;
}

/** Whatever a stranger calls a key, it is a key and nothing else. */
export function setKey<Value>(map: Record<string, Value>, key: string, value: Value): void {
  if (key === "__proto__") Object.defineProperty(map, key, { value, enumerable: true, configurable: true });
  else map[key] = value;
}
