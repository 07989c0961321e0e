/** A backup's state on its way to be the log of one manager, for `shoal restore`. */
import { Store } from "../store/store.ts";
import type { Restore } from "../store/types.ts";
import { AppError } from "../util/errors.ts";
import type { Env } from "../util/env.ts";
import type { KvFactory } from "../util/kv.ts";
import type { Node } from "../model/index.ts";
import { BackupReader, type BackupHeader } from "./backup-file.ts";
import { beginLife, formerManagersOf, theCluster, type Begun, type FormerManager } from "./new-life.ts";
import { becomeOnlyMember } from "./replica/only-member.ts";
import { closeState, openState } from "./replica/open-state.ts";
import { protoStoreCodec } from "./store-codec.ts";

const NO_MEMBERS = { members: [] };

export class RestoredState {
  readonly header: BackupHeader;
  readonly store: Store;

  private constructor(header: BackupHeader, store: Store) {
    this.header = header;
    this.store = store;
  }

  /**
   * Reads a whole backup into memory and believes nothing of it before its end.
   * @param what how messages name it. @throws AppError `invalid` | `corrupt` | `unsupported`
   */
  static async read(
    env: Env,
    what: string,
    { chunks, protocolMax }: { readonly chunks: AsyncIterable<Uint8Array>; readonly protocolMax: number },
  ): Promise<RestoredState> {
    const store = new Store({ env, codec: protoStoreCodec }, { protocolMax });
    let header: BackupHeader | null = null;
    let restore: Restore | null = null;
    const reader = new BackupReader(what, {
      onHeader: (known) => {
        header = known;
        restore = store.beginRestore(known.version);
      },
      onPiece: (piece) => {
        restore?.add(piece);
        while (restore?.step() === true);
      },
    });
    for await (const chunk of chunks) reader.add(chunk);
    reader.finish();
    return RestoredState.#whole(what, store, { header, restore });
  }

  static #whole(
    what: string,
    store: Store,
    { header, restore }: { readonly header: BackupHeader | null; readonly restore: Restore | null },
  ): RestoredState {
    restore?.replace();
    if (header !== null && theCluster(store.view()).id === header.clusterId) return new RestoredState(header, store);
    throw new AppError("corrupt", `${what} is not of the cluster its header names`, { path: "file" });
  }

  get formerManagers(): readonly FormerManager[] {
    return formerManagersOf(this.store.view(), NO_MEMBERS, "");
  }

  /** Into stores that hold nothing. @param self the one manager, new to the state. @throws AppError for a failed write */
  async becomeCluster(
    deps: { readonly env: Env; readonly kvFactory: KvFactory },
    { self, dataDir }: { readonly self: Node; readonly dataDir: string },
  ): Promise<Begun> {
    const { header, formerManagers, store } = this;
    const failed = new AbortController();
    const identity = { clusterId: header.clusterId, nodeId: self.id };
    const opened = await openState(
      { ...deps, onFatal: (error) => failed.abort(error) },
      { identity, dataDir, bootstrap: null, retired: null, beginRestore: (index) => store.beginRestore(index) },
    );
    try {
      const last = { index: header.version, term: header.term };
      const begun = beginLife(deps.env, store, { kind: "RESTORED", last, self, formerManagers });
      const member = { id: self.id, address: self.address, role: "voter" as const };
      await becomeOnlyMember(opened, { ...begun, member, body: store.snapshot() }, failed.signal);
      return begun;
    } finally {
      await closeState(opened);
    }
  }
}
