/** The store's bytes are protobuf messages of store.proto. */
import { codec } from "../proto/load.ts";
import { RowSharing } from "./share-rows.ts";
import type { StoreCodec } from "../store/codec.ts";

const transaction = codec("StoreTransaction");
const chunk = codec("StoreSnapshotChunk");

/** One pool for the process: several managers in one test share what is equal anyway. */
const sharing = new RowSharing();

export const protoStoreCodec: StoreCodec = {
  encodeTransaction: (value) => transaction.encode(value),
  decodeTransaction: (bytes) => {
    const decoded = transaction.decode(bytes);
    for (const { put } of decoded.actions) if (put !== null && put !== undefined) sharing.share(put);
    return decoded;
  },
  encodeChunk: (value) => chunk.encode(value),
  decodeChunk: (bytes) => {
    const decoded = chunk.decode(bytes);
    for (const object of decoded.objects) sharing.share(object);
    return decoded;
  },
};
