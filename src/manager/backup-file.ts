/**
 * A backup's file: a snapshot's body between a header and an end, each under a checksum that goes on
 * from the one before it, and a hash over all of it. A file that is cut, damaged, put together from
 * two or from elsewhere is refused before anything is made of it.
 *
 * ```
 * "SHOAL-BACKUP 1\n"
 * frames of  kind u8 | length u32 | payload | crc32 u32 (of kind, length, payload; seeded with the frame before's)
 *   1 header  JSON, BackupHeader
 *   2 piece   of the snapshot's body (store/snapshot.ts)
 *   3 end     SHA-256 of every byte before this frame; nothing follows
 * ```
 * Numbers are big-endian. It holds the CA's key and the join tokens in the clear: its reader is the cluster's owner.
 */
import { createHash, type Hash } from "node:crypto";
import { crc32 } from "node:zlib";
import { AppError } from "../util/errors.ts";

export type BackupHeader = {
  readonly clusterId: string;
  readonly clusterName: string;
  readonly incarnation: string;
  /** Raft index and term of the state in it. */
  readonly version: number;
  readonly term: number;
  /** Unix ms by the clock of the manager that made it. */
  readonly createdAtMs: number;
  /** Of the program that made it. */
  readonly shoalVersion: string;
};

const NAME = "SHOAL-BACKUP ";
const FORMAT = 1;
const MAGIC = Buffer.from(`${NAME}${FORMAT}\n`, "latin1");
/** The name, a number of a few digits and a line end: what tells a newer file from a foreign one. */
const MAGIC_LINE = /^SHOAL-BACKUP (\d{1,6})\n/;
const MAGIC_BYTES_MAX = NAME.length + 7;

const KIND_HEADER = 1;
const KIND_PIECE = 2;
const KIND_END = 3;
const HEAD_BYTES = 5;
const CRC_BYTES = 4;
/** A piece is 64 KiB, or one object: far below. A length beyond it is damage, not to be waited for. */
const PAYLOAD_BYTES_MAX = 16 * 1024 * 1024;

export class BackupWriter {
  readonly #hash: Hash = createHash("sha256");
  #crc = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  begin(header: BackupHeader): Uint8Array {
    return Buffer.concat([this.#count(MAGIC), this.#frame(KIND_HEADER, Buffer.from(JSON.stringify(header)))]);
  }

  piece(bytes: Uint8Array): Uint8Array {
    return this.#frame(KIND_PIECE, bytes);
  }

  end(): Uint8Array {
    return this.#frame(KIND_END, this.#hash.copy().digest());
  }

  #frame(kind: number, payload: Uint8Array): Uint8Array {
    const frame = Buffer.allocUnsafe(HEAD_BYTES + payload.byteLength + CRC_BYTES);
    frame.writeUInt8(kind, 0);
    frame.writeUInt32BE(payload.byteLength, 1);
    frame.set(payload, HEAD_BYTES);
    this.#crc = crc32(frame.subarray(0, HEAD_BYTES + payload.byteLength), this.#crc);
    frame.writeUInt32BE(this.#crc, HEAD_BYTES + payload.byteLength);
    return this.#count(frame);
  }

  #count(bytes: Uint8Array): Uint8Array {
    this.#hash.update(bytes);
    this.#bytes += bytes.byteLength;
    return bytes;
  }
}

export type BackupHandlers = {
  onHeader(header: BackupHeader): void;
  onPiece(bytes: Uint8Array): void;
};

/** Takes a file's bytes, cut anywhere. Nothing it hands out counts before `finish` has returned. */
export class BackupReader {
  readonly #what: string;
  readonly #handlers: BackupHandlers;
  readonly #hash: Hash = createHash("sha256");
  #held: Uint8Array = new Uint8Array(0);
  /** Of the first byte held. */
  #at = 0;
  #crc = 0;
  #state: "magic" | "header" | "pieces" | "ended" = "magic";

  /** @param what how messages name the file */
  constructor(what: string, handlers: BackupHandlers) {
    this.#what = what;
    this.#handlers = handlers;
  }

  /** @throws AppError `invalid` for what is no backup, `unsupported` for a newer one, `corrupt` for a damaged one */
  add(bytes: Uint8Array): void {
    this.#held = this.#held.byteLength === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    while (this.#step());
  }

  /** After the last byte. @throws AppError `corrupt` | `invalid` */
  finish(): void {
    if (this.#state === "ended") return;
    if (this.#state === "magic") throw this.#foreign();
    const bytes = this.#at + this.#held.byteLength;
    throw this.#refusal("corrupt", `is cut short: it ends after ${bytes} bytes`, "use another copy of it");
  }

  /** @returns whether there may be more to take. */
  #step(): boolean {
    if (this.#held.byteLength === 0) return false;
    if (this.#state === "ended") throw this.#damaged("bytes follow its end");
    return this.#state === "magic" ? this.#magic() : this.#frame();
  }

  #magic(): boolean {
    const text = Buffer.from(this.#held.subarray(0, MAGIC_BYTES_MAX)).toString("latin1");
    const match = MAGIC_LINE.exec(text);
    if (match === null) {
      const couldBecome = text.length < MAGIC_BYTES_MAX && /^[^\n]*$/.test(text) && fits(text);
      if (couldBecome) return false;
      throw this.#foreign();
    }
    if (Number(match[1]) !== FORMAT) {
      throw this.#refusal(
        "unsupported",
        `has format ${match[1] ?? ""}, this program reads ${FORMAT}`,
        "use the version of shoal that made it",
      );
    }
    this.#take(MAGIC.byteLength);
    this.#state = "header";
    return true;
  }

  #frame(): boolean {
    if (this.#held.byteLength < HEAD_BYTES) return false;
    const view = new DataView(this.#held.buffer, this.#held.byteOffset, this.#held.byteLength);
    const length = view.getUint32(1);
    if (length > PAYLOAD_BYTES_MAX) throw this.#damaged(`a part of ${length} bytes`);
    const end = HEAD_BYTES + length;
    if (this.#held.byteLength < end + CRC_BYTES) return false;
    const crc = crc32(this.#held.subarray(0, end), this.#crc);
    if (crc !== view.getUint32(end)) throw this.#damaged("its checksum is wrong");
    this.#part(view.getUint8(0), this.#held.subarray(HEAD_BYTES, end));
    this.#crc = crc;
    this.#take(end + CRC_BYTES);
    return true;
  }

  #part(kind: number, payload: Uint8Array): void {
    if (kind === KIND_HEADER && this.#state === "header") {
      this.#state = "pieces";
      this.#handlers.onHeader(this.#parseHeader(payload));
    } else if (kind === KIND_PIECE && this.#state === "pieces") this.#handlers.onPiece(payload);
    else if (kind === KIND_END && this.#state === "pieces") {
      if (!this.#hash.copy().digest().equals(payload)) throw this.#damaged("its hash is wrong");
      this.#state = "ended";
    } else throw this.#damaged(`an unexpected part of kind ${kind}`);
  }

  #parseHeader(payload: Uint8Array): BackupHeader {
    const value: unknown = JSON.parse(Buffer.from(payload).toString());
    const fields = new Map(typeof value === "object" && value !== null ? Object.entries(value) : []);
    const text = (name: string): string => {
      const field: unknown = fields.get(name);
      if (typeof field !== "string") throw this.#damaged(`its header lacks ${name}`);
      return field;
    };
    const number = (name: string): number => {
      const field: unknown = fields.get(name);
      if (typeof field !== "number" || !Number.isSafeInteger(field) || field < 0) {
        throw this.#damaged(`its header lacks ${name}`);
      }
      return field;
    };
    return {
      clusterId: text("clusterId"),
      clusterName: text("clusterName"),
      incarnation: text("incarnation"),
      version: number("version"),
      term: number("term"),
      createdAtMs: number("createdAtMs"),
      shoalVersion: text("shoalVersion"),
    };
  }

  #take(bytes: number): void {
    this.#hash.update(this.#held.subarray(0, bytes));
    this.#held = this.#held.subarray(bytes);
    this.#at += bytes;
  }

  #foreign(): AppError {
    return this.#refusal("invalid", "is no backup of a Shoal cluster", "give a file that shoal backup wrote");
  }

  #damaged(why: string): AppError {
    return this.#refusal(
      "corrupt",
      `is damaged at byte ${this.#at}: ${why}`,
      "use another copy of it, or an older one",
    );
  }

  #refusal(code: "invalid" | "unsupported" | "corrupt", why: string, next: string): AppError {
    return new AppError(code, `${this.#what} ${why}`, { path: "file", next });
  }
}

/** Whether more bytes could make a magic line of it. */
function fits(text: string): boolean {
  return text.length <= NAME.length ? NAME.startsWith(text) : /^SHOAL-BACKUP \d{1,6}$/.test(text);
}
