/** The store's bytes are protobuf messages of store.proto. */
import { FIELDS_SINCE } from "../proto/fields-since.ts";
import { codec } from "../proto/load.ts";
import { findField } from "../proto/strict.ts";
import { RowSharing } from "./share-rows.ts";
import type { StoreCodec } from "../store/codec.ts";

const transaction = codec("StoreTransaction");
const chunk = codec("StoreSnapshotChunk");

/** One pool for the process: several managers in one test share what is equal anyway. */
const sharing = new RowSharing();

/** @param fieldsSince as FIELDS_SINCE has it */
export function makeStoreCodec(fieldsSince: Readonly<Record<string, number>>): StoreCodec {
  const since = new Map(Object.entries(fieldsSince));
  const newest = Math.max(1, ...since.values());
  return {
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
    laterField: (bytes, protocol) => {
      if (newest <= protocol) return null;
      const found = findField("StoreTransaction", bytes, (name) => (since.get(name) ?? 1) > protocol);
      return found === null ? null : { path: pathForPeople(found.path), needs: since.get(found.name) ?? 1 };
    },
  };
}

export const protoStoreCodec = makeStoreCodec(FIELDS_SINCE);

/** In the object that is written; a revision is the task part of its service's spec. */
function pathForPeople(path: string): string {
  return path.replace(/^actions\.put\.revision\.spec/, "spec.task").replace(/^actions\.put\.\w+\./, "");
}
