/** How entries and snapshot pieces become bytes. Injected, so that the store knows no protobuf library. */
import type { StoreSnapshotChunk, StoreSnapshotChunkInput } from "../proto/gen/StoreSnapshotChunk.ts";
import type { StoreTransaction, StoreTransactionInput } from "../proto/gen/StoreTransaction.ts";

export interface StoreCodec {
  encodeTransaction(transaction: StoreTransactionInput): Uint8Array;
  decodeTransaction(bytes: Uint8Array): StoreTransaction;
  encodeChunk(chunk: StoreSnapshotChunkInput): Uint8Array;
  decodeChunk(bytes: Uint8Array): StoreSnapshotChunk;
}
