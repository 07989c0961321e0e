/** The store's bytes are protobuf messages of store.proto. */
import { codec } from "../proto/load.ts";
import type { StoreCodec } from "../store/codec.ts";

const transaction = codec("StoreTransaction");
const chunk = codec("StoreSnapshotChunk");

export const protoStoreCodec: StoreCodec = {
  encodeTransaction: (value) => transaction.encode(value),
  decodeTransaction: (bytes) => transaction.decode(bytes),
  encodeChunk: (value) => chunk.encode(value),
  decodeChunk: (bytes) => chunk.decode(bytes),
};
