/**
 * Frames of the Raft stream: hello, a batch of messages, ping and pong. On the wire a frame is the
 * `data` field of a RaftFrame protobuf message, written by hand so that a payload is copied once.
 *
 * Sender, receiver and cluster are said once, in the hello; messages carry neither `from` nor `to`.
 * Every frame states how many writes of its sender's log are durable (peer-writes.ts).
 */
import { decodeConfig, encodeConfig } from "../../raft/config.ts";
import type { Entry, MemberId, Message, MessageType, SnapshotMeta } from "../../raft/types.ts";
import { codec } from "../../proto/load.ts";
import { assertNever } from "../../util/assert.ts";
import { ByteReader, ByteWriter, putVarint, varintLength } from "./bytes.ts";
import { kindCode, kindOf, unknownEntryKind } from "./entry-codec.ts";

/** Raised when an older peer could misread a frame; both sides must have the same. */
export const PROTOCOL_VERSION = 1;

/** A larger frame is refused: the transport's own limit is above it, and no sender of ours makes one. */
export const FRAME_BYTES_MAX = 8 * 1024 * 1024;

export type Hello = {
  readonly protocolVersion: number;
  readonly clusterId: string;
  readonly from: MemberId;
  readonly to: MemberId;
  /** Durable writes of the sender's log. */
  readonly writes: number;
  /** How many of the receiver's the sender has heard of. */
  readonly seen: number;
  /** The highest protocol of the sender's program, and the cluster's as the sender knows it (model/protocol.ts). */
  readonly protocolMax: number;
  readonly clusterProtocol: number;
  /** Of the sender's state (model/incarnation.ts); empty while it has none, and of programs before it was sent. */
  readonly incarnation: string;
  /** Cluster time, Unix ms; 0: the sender does not know it, or its program did not send it. */
  readonly timeMs: number;
  /** Where the sender is reached; empty: its program did not send it. */
  readonly address: string;
};

export type Frame =
  | { readonly kind: "hello"; readonly hello: Hello }
  | { readonly kind: "messages"; readonly writes: number; readonly messages: readonly Message[] }
  | { readonly kind: "ping"; readonly seq: number; readonly writes: number }
  | { readonly kind: "pong"; readonly seq: number; readonly writes: number };

const FRAME_HELLO = 1;
const FRAME_MESSAGES = 2;
const FRAME_PING = 3;
const FRAME_PONG = 4;

/** Field 1, length-delimited. */
const DATA_TAG = 0x0a;
const HEADER_BYTES_MAX = 6;
const ENTRY_OVERHEAD_BYTES = 24;
const MESSAGE_OVERHEAD_BYTES = 64;
const COUNT_BYTES_MAX = 8;

/** A payload is copied out of its frame when keeping it would pin more than this many times its size. */
const PIN_FACTOR_MAX = 4;

/** Codes on the wire: never reused. */
const TYPE_CODES: Readonly<Record<MessageType, number>> = {
  "pre-vote": 1,
  "pre-vote-reply": 2,
  vote: 3,
  "vote-reply": 4,
  append: 5,
  "append-reply": 6,
  heartbeat: 7,
  "heartbeat-reply": 8,
  snapshot: 9,
  "snapshot-reply": 10,
  "timeout-now": 11,
  "read-index": 12,
  "read-index-reply": 13,
  removed: 14,
  commit: 15,
};

const TYPES_BY_CODE = new Map<number, string>(Object.entries(TYPE_CODES).map(([type, code]) => [code, type]));

export function encodeHello(hello: Hello): Buffer {
  const writer = startFrame(FRAME_HELLO, 128);
  writer.varint(hello.protocolVersion);
  writer.text(hello.clusterId);
  writer.text(hello.from);
  writer.text(hello.to);
  writer.varint(hello.writes);
  writer.varint(hello.seen);
  writer.varint(hello.protocolMax);
  writer.varint(hello.clusterProtocol);
  writer.text(hello.incarnation);
  writer.varint(hello.timeMs);
  writer.text(hello.address);
  return finishFrame(writer);
}

export function encodePing(seq: number, writes = 0): Buffer {
  const writer = startFrame(FRAME_PING, 16);
  writer.varint(seq);
  writer.varint(writes);
  return finishFrame(writer);
}

export function encodePong(seq: number, writes = 0): Buffer {
  const writer = startFrame(FRAME_PONG, 16);
  writer.varint(seq);
  writer.varint(writes);
  return finishFrame(writer);
}

export function encodeMessages(messages: readonly Message[], writes = 0): Buffer {
  let size = COUNT_BYTES_MAX;
  for (const message of messages) size += messageBytes(message);
  const writer = startFrame(FRAME_MESSAGES, size);
  writer.varint(writes);
  for (const message of messages) putMessage(writer, message);
  return finishFrame(writer);
}

/** Upper bound of a message's bytes in a frame. */
export function messageBytes(message: Message): number {
  if (message.type !== "append") return MESSAGE_OVERHEAD_BYTES;
  let size = MESSAGE_OVERHEAD_BYTES;
  for (const entry of message.entries) size += ENTRY_OVERHEAD_BYTES + entry.payload.byteLength;
  return size;
}

/** Who sent a frame and who got it. */
type Peer = { readonly from: MemberId; readonly to: MemberId };

/**
 * @param peer as agreed in the hello: completes each message.
 * @throws AppError `invalid` on anything malformed
 */
export function decodeFrame(wire: Uint8Array, peer: Peer): Frame {
  const data = unwrap(wire);
  const reader = new ByteReader(data, "Raft frame");
  if (data.byteLength > FRAME_BYTES_MAX) throw reader.malformed(`${data.byteLength} bytes are too many`);
  const kind = reader.u8();
  switch (kind) {
    case FRAME_HELLO: {
      // A later version may append fields: what this one does not know is not its business.
      const hello = {
        protocolVersion: reader.varint(),
        clusterId: reader.text(),
        from: reader.text(),
        to: reader.text(),
        writes: reader.varint(),
        seen: reader.varint(),
        protocolMax: reader.varint(),
        clusterProtocol: reader.varint(),
        incarnation: reader.isAtEnd ? "" : reader.text(),
        timeMs: reader.isAtEnd ? 0 : reader.varint(),
        address: reader.isAtEnd ? "" : reader.text(),
      };
      return { kind: "hello", hello };
    }
    case FRAME_MESSAGES: {
      const writes = reader.varint();
      const messages: Message[] = [];
      while (!reader.isAtEnd) messages.push(takeMessage(reader, peer, data.byteLength));
      return { kind: "messages", writes, messages };
    }
    case FRAME_PING:
      return { kind: "ping", seq: reader.varint(), writes: reader.varint() };
    case FRAME_PONG:
      return { kind: "pong", seq: reader.varint(), writes: reader.varint() };
    default:
      throw reader.malformed(`frame kind ${kind} is unknown`);
  }
}

function startFrame(kind: number, sizeHint: number): ByteWriter {
  const writer = new ByteWriter(sizeHint + 1, HEADER_BYTES_MAX);
  writer.u8(kind);
  return writer;
}

function finishFrame(writer: ByteWriter): Buffer {
  const header = new Uint8Array(1 + varintLength(writer.length));
  header[0] = DATA_TAG;
  putVarint(header, 1, writer.length);
  return writer.finishWith(header);
}

const raftFrame = codec("RaftFrame");

/** The quick way for what our own encoder writes; any other valid RaftFrame goes through protobuf. */
function unwrap(wire: Uint8Array): Uint8Array {
  if (wire[0] === DATA_TAG) {
    let length = 0;
    let scale = 1;
    for (let at = 1; at < HEADER_BYTES_MAX; at++) {
      const byte = wire[at];
      if (byte === undefined) break;
      length += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte >= 0x80) continue;
      if (at + 1 + length === wire.byteLength) return wire.subarray(at + 1);
      break;
    }
  }
  try {
    return raftFrame.decode(wire).data;
  } catch {
    throw new ByteReader(wire, "Raft frame").malformed("it is no RaftFrame message");
  }
}

function putMessage(writer: ByteWriter, message: Message): void {
  writer.u8(TYPE_CODES[message.type]);
  writer.varint(message.term);
  switch (message.type) {
    case "pre-vote":
      writer.varint(message.lastIndex);
      writer.varint(message.lastTerm);
      return;
    case "vote":
      writer.varint(message.lastIndex);
      writer.varint(message.lastTerm);
      writer.u8(message.transfer ? 1 : 0);
      return;
    case "pre-vote-reply":
    case "vote-reply":
      writer.u8(message.granted ? 1 : 0);
      return;
    case "append":
      putAppend(writer, message);
      return;
    case "append-reply":
      writer.u8(message.ok ? 1 : 0);
      writer.varint(message.index);
      writer.varint(message.hintIndex);
      writer.varint(message.hintTerm);
      return;
    case "heartbeat":
      writer.varint(message.commit);
      writer.varint(message.readSeq);
      return;
    case "heartbeat-reply":
      writer.varint(message.readSeq);
      return;
    case "commit":
      writer.varint(message.commit);
      return;
    case "snapshot":
      putSnapshotMeta(writer, message.meta);
      return;
    case "snapshot-reply":
      writer.varint(message.index);
      writer.u8(message.ok ? 1 : 0);
      return;
    case "read-index":
      writer.varint(message.requestId);
      return;
    case "read-index-reply":
      writer.varint(message.requestId);
      writer.varint(message.index);
      writer.u8(message.ok ? 1 : 0);
      return;
    case "timeout-now":
    case "removed":
      return;
    default:
      assertNever(message, "Raft message");
  }
}

/** Entries are contiguous from prevIndex + 1, so their indexes are not written. */
function putAppend(writer: ByteWriter, message: Extract<Message, { type: "append" }>): void {
  writer.varint(message.prevIndex);
  writer.varint(message.prevTerm);
  writer.varint(message.commit);
  writer.varint(message.entries.length);
  for (const entry of message.entries) {
    writer.varint(entry.term);
    writer.u8(kindCode(entry.kind));
    writer.bytes(entry.payload);
  }
}

function putSnapshotMeta(writer: ByteWriter, meta: SnapshotMeta): void {
  writer.varint(meta.index);
  writer.varint(meta.term);
  writer.bytes(encodeConfig(meta.config));
  writer.varint(meta.sizeBytes);
  writer.text(meta.hash);
}

/** Objects are written out, not spread together: this is the hottest code of a busy leader. */
function takeMessage(reader: ByteReader, { from, to }: Peer, frameBytes: number): Message {
  const code = reader.u8();
  const type = TYPES_BY_CODE.get(code);
  const term = reader.varint();
  switch (type) {
    case "pre-vote":
      return { from, to, term, type, lastIndex: reader.varint(), lastTerm: reader.varint() };
    case "vote": {
      const lastIndex = reader.varint();
      return { from, to, term, type, lastIndex, lastTerm: reader.varint(), transfer: reader.boolean() };
    }
    case "pre-vote-reply":
    case "vote-reply":
      return { from, to, term, type, granted: reader.boolean() };
    case "append":
      return takeAppend(reader, { from, to, term }, frameBytes);
    case "append-reply": {
      const ok = reader.boolean();
      const index = reader.varint();
      return { from, to, term, type, ok, index, hintIndex: reader.varint(), hintTerm: reader.varint() };
    }
    case "heartbeat":
      return { from, to, term, type, commit: reader.varint(), readSeq: reader.varint() };
    case "heartbeat-reply":
      return { from, to, term, type, readSeq: reader.varint() };
    case "commit":
      return { from, to, term, type, commit: reader.varint() };
    case "snapshot":
      return { from, to, term, type, meta: takeSnapshotMeta(reader) };
    case "snapshot-reply":
      return { from, to, term, type, index: reader.varint(), ok: reader.boolean() };
    case "read-index":
      return { from, to, term, type, requestId: reader.varint() };
    case "read-index-reply":
      return { from, to, term, type, requestId: reader.varint(), index: reader.varint(), ok: reader.boolean() };
    case "timeout-now":
    case "removed":
      return { from, to, term, type };
    default:
      throw reader.malformed(`message type ${code} is unknown`);
  }
}

function takeAppend(
  reader: ByteReader,
  { from, to, term }: Peer & { readonly term: number },
  frameBytes: number,
): Message {
  const prevIndex = reader.varint();
  const prevTerm = reader.varint();
  const commit = reader.varint();
  const count = reader.varint();
  // Each entry takes at least three bytes, so a lying count cannot make us allocate.
  if (count > reader.remaining / 3) throw reader.malformed(`${count} entries cannot fit`);
  const entries: Entry[] = [];
  for (let i = 1; i <= count; i++) {
    const entryTerm = reader.varint();
    const code = reader.u8();
    const kind = kindOf(code);
    if (kind === undefined) throw unknownEntryKind(prevIndex + i, code);
    const view = reader.bytes();
    const payload = frameBytes > PIN_FACTOR_MAX * view.byteLength ? Buffer.from(view) : view;
    entries.push({ index: prevIndex + i, term: entryTerm, kind, payload });
  }
  return { from, to, term, type: "append", prevIndex, prevTerm, entries, commit };
}

function takeSnapshotMeta(reader: ByteReader): SnapshotMeta {
  const index = reader.varint();
  const term = reader.varint();
  const config = decodeConfig(reader.bytes());
  return { index, term, config, sizeBytes: reader.varint(), hash: reader.text() };
}
