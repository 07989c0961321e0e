/** The store's codec over the protobuf messages of proto/shoal/v1/store.proto. */
import { codec } from "../proto/load.ts";
import type { StoreCodec } from "../store/codec.ts";

export function createStoreCodec(): StoreCodec {
  const transaction = codec("StoreTransaction");
  const chunk = codec("StoreSnapshotChunk");
  return {
    encodeTransaction: (value) => transaction.encode(value),
    decodeTransaction: (bytes) => transaction.decode(bytes),
    encodeChunk: (value) => chunk.encode(value),
    decodeChunk: (bytes) => chunk.decode(bytes),
  };
}
