/**
 * Reading and writing the hand-written codecs: unsigned LEB128 varints up to 2^53, length-prefixed
 * bytes and text. Every read is bounds-checked; malformed input is an AppError, never a surprise.
 */
import { AppError } from "../../util/errors.ts";

const VARINT_BYTES_MAX = 8;
const INITIAL_BYTES = 256;

export class ByteWriter {
  #buffer: Buffer;
  #at: number;
  readonly #start: number;

  /** @param headroom bytes left free in front, for a header that is known only at the end. */
  constructor(sizeHint: number = INITIAL_BYTES, headroom = 0) {
    this.#buffer = Buffer.allocUnsafe(Math.max(sizeHint, INITIAL_BYTES) + headroom);
    this.#start = headroom;
    this.#at = headroom;
  }

  get length(): number {
    return this.#at - this.#start;
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#at++] = value;
  }

  u32(value: number): void {
    this.#reserve(4);
    this.#at = this.#buffer.writeUInt32BE(value >>> 0, this.#at);
  }

  varint(value: number): void {
    this.#reserve(VARINT_BYTES_MAX);
    this.#at = putVarint(this.#buffer, this.#at, value);
  }

  /** Without its length. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.byteLength);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.byteLength;
  }

  bytes(bytes: Uint8Array): void {
    this.varint(bytes.byteLength);
    this.raw(bytes);
  }

  text(text: string): void {
    const length = Buffer.byteLength(text);
    this.varint(length);
    this.#reserve(length);
    this.#at += this.#buffer.write(text, this.#at);
  }

  /** What was written, without the headroom. Shares memory: the writer is used up. */
  finish(): Buffer {
    return this.#buffer.subarray(this.#start, this.#at);
  }

  /** The same with `header` right before it. */
  finishWith(header: Uint8Array): Buffer {
    this.#buffer.set(header, this.#start - header.byteLength);
    return this.#buffer.subarray(this.#start - header.byteLength, this.#at);
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.byteLength) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.byteLength * 2, this.#at + bytes));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  #at = 0;

  /** @param what is named in errors, e.g. "Raft frame". */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.byteLength;
  }

  get remaining(): number {
    return this.#bytes.byteLength - this.#at;
  }

  u8(): number {
    this.#need(1);
    return this.#view.getUint8(this.#at++);
  }

  u32(): number {
    this.#need(4);
    const value = this.#view.getUint32(this.#at);
    this.#at += 4;
    return value;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 128;
    }
    throw this.malformed("a number is too large");
  }

  boolean(): boolean {
    const value = this.u8();
    if (value > 1) throw this.malformed(`${value} is not a truth value`);
    return value === 1;
  }

  /** A view into the input, not a copy. */
  raw(length: number): Uint8Array {
    this.#need(length);
    const start = this.#at;
    this.#at += length;
    return this.#bytes.subarray(start, this.#at);
  }

  bytes(): Uint8Array {
    return this.raw(this.varint());
  }

  text(): string {
    const bytes = this.bytes();
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  }

  end(): void {
    if (!this.isAtEnd) throw this.malformed(`${this.remaining} bytes are left over`);
  }

  malformed(why: string): AppError {
    return new AppError("invalid", `Malformed ${this.#what} at byte ${this.#at}: ${why}`);
  }

  #need(length: number): void {
    if (length > this.remaining) throw this.malformed(`${length} bytes expected, ${this.remaining} left`);
  }
}

/** @returns the offset after it. */
export function putVarint(buffer: Uint8Array, at: number, value: number): number {
  let rest = value;
  while (rest >= 0x80) {
    buffer[at++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  buffer[at++] = rest;
  return at;
}

export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) length += 1;
  return length;
}
