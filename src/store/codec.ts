/** How entries and snapshot pieces become bytes. Injected, so that the store knows no protobuf library. */
import type { StoreSnapshotChunk, StoreSnapshotChunkInput } from "../proto/gen/StoreSnapshotChunk.ts";
import type { StoreTransaction, StoreTransactionInput } from "../proto/gen/StoreTransaction.ts";

export interface StoreCodec {
  encodeTransaction(transaction: StoreTransactionInput): Uint8Array;
  decodeTransaction(bytes: Uint8Array): StoreTransaction;
  /** A field of the transaction that managers which speak `protocol` do not all know; null: there is none. */
  laterField(bytes: Uint8Array, protocol: number): { readonly path: string; readonly needs: number } | null;
  encodeChunk(chunk: StoreSnapshotChunkInput): Uint8Array;
  decodeChunk(bytes: Uint8Array): StoreSnapshotChunk;
}
