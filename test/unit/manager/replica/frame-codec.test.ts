import { expect } from "chai";
import {
  decodeFrame,
  encodeHello,
  encodeMessages,
  encodePing,
  encodePong,
  messageBytes,
} from "../../../../src/manager/replica/frame-codec.ts";
import { codec } from "../../../../src/proto/load.ts";
import type { Entry, Message } from "../../../../src/raft/types.ts";
import { isAppError } from "../../../../src/util/errors.ts";

const PEER = { from: "a", to: "b" };
const ENVELOPE = { ...PEER, term: 2 ** 40 };

const entry = (index: number, text: string): Entry => ({
  index,
  term: 5,
  kind: text === "" ? "noop" : "normal",
  payload: Buffer.from(text),
});

const META = {
  index: 900,
  term: 4,
  config: {
    members: [
      { id: "a", address: "a:1", role: "voter" as const },
      { id: "b", address: "[::1]:2", role: "learner" as const },
    ],
  },
  sizeBytes: 123_456_789,
  hash: "ab".repeat(32),
};

const MESSAGES: readonly Message[] = [
  { ...ENVELOPE, type: "pre-vote", lastIndex: 7, lastTerm: 3 },
  { ...ENVELOPE, type: "pre-vote-reply", granted: true },
  { ...ENVELOPE, type: "vote", lastIndex: 2 ** 50, lastTerm: 3, transfer: true },
  { ...ENVELOPE, type: "vote-reply", granted: false },
  { ...ENVELOPE, type: "append", prevIndex: 6, prevTerm: 2, entries: [entry(7, "x"), entry(8, "")], commit: 5 },
  { ...ENVELOPE, type: "append", prevIndex: 0, prevTerm: 0, entries: [], commit: 0 },
  { ...ENVELOPE, type: "append-reply", ok: false, index: 6, hintIndex: 3, hintTerm: 1 },
  { ...ENVELOPE, type: "heartbeat", commit: 5, readSeq: 77 },
  { ...ENVELOPE, type: "heartbeat-reply", readSeq: 77 },
  { ...ENVELOPE, type: "commit", commit: 2 ** 40 },
  { ...ENVELOPE, type: "snapshot", meta: META },
  { ...ENVELOPE, type: "snapshot-reply", index: 900, ok: true },
  { ...ENVELOPE, type: "timeout-now" },
  { ...ENVELOPE, type: "read-index", requestId: 2 ** 49 },
  { ...ENVELOPE, type: "read-index-reply", requestId: 12, index: 13, ok: true },
  { ...ENVELOPE, type: "removed" },
];

function normal(messages: readonly Message[]): unknown {
  return messages.map((message) =>
    message.type === "append"
      ? { ...message, entries: message.entries.map((e) => ({ ...e, payload: Buffer.from(e.payload).toString("hex") })) }
      : message,
  );
}

describe("manager/replica/frame-codec", () => {
  it("reads back every kind of message, alone and in one batch", () => {
    for (const batch of [...MESSAGES.map((message) => [message]), MESSAGES]) {
      const frame = decodeFrame(encodeMessages(batch, 2 ** 40), PEER);
      expect(frame.kind === "messages" && frame.writes).to.equal(2 ** 40);
      expect(frame.kind === "messages" && normal(frame.messages)).to.deep.equal(normal(batch));
    }
  });

  it("writes frames that any protobuf reader takes for a RaftFrame, and reads what any writer makes of one", () => {
    const raftFrame = codec("RaftFrame");
    for (const size of [0, 1, 100, 127, 128, 20_000, 3_000_000]) {
      const messages: Message[] = [
        { ...ENVELOPE, type: "append", prevIndex: 0, prevTerm: 0, entries: [entry(1, "x".repeat(size))], commit: 0 },
      ];
      const wire = encodeMessages(messages);
      const { data } = raftFrame.decode(wire);
      expect(raftFrame.encode({ data }).equals(wire)).to.equal(true);
      // A field this program does not know, in front: legal protobuf, off the quick path.
      const foreign = Buffer.concat([Buffer.from([0x10, 0x01]), wire]);
      const frame = decodeFrame(foreign, PEER);
      expect(frame.kind === "messages" && normal(frame.messages)).to.deep.equal(normal(messages));
    }
  });

  it("never takes more bytes than it announces", () => {
    for (const message of MESSAGES) {
      if (message.type === "snapshot") continue;
      expect(encodeMessages([message]).byteLength, message.type).to.be.at.most(messageBytes(message) + 8);
    }
  });

  it("reads back hello, ping and pong", () => {
    const hello = {
      protocolVersion: 1,
      clusterId: "c",
      from: "a",
      to: "b",
      writes: 2 ** 45,
      seen: 7,
      protocolMax: 3,
      clusterProtocol: 2,
      incarnation: "1764316800.abc",
      timeMs: 1_764_316_800_123,
      address: "10.0.0.1:7377",
    };
    expect(decodeFrame(encodeHello(hello), PEER)).to.deep.equal({ kind: "hello", hello });
    expect(decodeFrame(encodePing(300, 12), PEER)).to.deep.equal({ kind: "ping", seq: 300, writes: 12 });
    expect(decodeFrame(encodePong(301, 13), PEER)).to.deep.equal({ kind: "pong", seq: 301, writes: 13 });
  });

  it("answers anything malformed with an error and nothing else", () => {
    const valid = encodeMessages(MESSAGES);
    // Every byte, not a sample: one that makes a config list a member twice is one of hundreds.
    const read = (damaged: Uint8Array): void => {
      try {
        decodeFrame(damaged, PEER);
      } catch (error) {
        if (!isAppError(error)) throw error;
      }
    };
    for (let cut = 1; cut <= valid.byteLength; cut += 1) read(valid.subarray(0, valid.byteLength - cut));
    for (let at = 0; at < valid.byteLength; at += 1) {
      for (const flip of [1, 2, 3, 4, 8, 16, 32, 64, 128, 255]) {
        const damaged = Buffer.from(valid);
        damaged[at]! ^= flip;
        read(damaged);
      }
    }
    expect(() => decodeFrame(Buffer.from("GET / HTTP/1.1\r\n"), PEER)).to.throw("Malformed Raft frame");
    expect(() => decodeFrame(Buffer.alloc(0), PEER)).to.throw("Malformed Raft frame");
  });

  it("does not believe a count of entries that cannot fit", () => {
    const wire = encodeMessages([{ ...ENVELOPE, type: "append", prevIndex: 0, prevTerm: 0, entries: [], commit: 0 }]);
    // The last byte is the count.
    wire[wire.byteLength - 1] = 100;
    expect(() => decodeFrame(wire, PEER)).to.throw("100 entries cannot fit");
  });

  it("does not pin a large frame for a small payload", () => {
    const entries = [entry(1, "x".repeat(100_000)), entry(2, "tiny")];
    const wire = encodeMessages([{ ...ENVELOPE, type: "append", prevIndex: 0, prevTerm: 0, entries, commit: 0 }]);
    const frame = decodeFrame(wire, PEER);
    const message = frame.kind === "messages" ? frame.messages[0] : undefined;
    expect(message?.type === "append" && message.entries[1]!.payload.buffer).to.not.equal(wire.buffer);
  });
});
