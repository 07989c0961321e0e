/**
 * A manager's own log, read without running it, for `shoal recover`: its state as of the last entry
 * it has, known committed or not. An entry that a quorum acknowledged may not be known committed
 * here, so dropping any could lose an acknowledged change; keeping one that nobody acknowledged is
 * an unknown outcome that turned out well.
 */
import { decodeConfig, EMPTY_CONFIG } from "../raft/config.ts";
import type { Config } from "../raft/types.ts";
import { Store } from "../store/store.ts";
import type { Env } from "../util/env.ts";
import { AppError } from "../util/errors.ts";
import type { KvFactory } from "../util/kv.ts";
import { beginLife, formerManagersOf, theCluster, type Begun, type FormerManager } from "./new-life.ts";
import { becomeOnlyMember } from "./replica/only-member.ts";
import type { Identity } from "./replica/log-records.ts";
import { closeState, openState, type OpenedState } from "./replica/open-state.ts";
import { protoStoreCodec } from "./store-codec.ts";

export type SurvivorOptions = {
  readonly identity: Identity;
  /** How messages name the data directory. */
  readonly dataDir: string;
  readonly protocolMax: number;
};

export class Survivor {
  readonly store: Store;
  readonly config: Config;
  readonly last: { readonly index: number; readonly term: number };
  /** The newest entry that is known to be committed. */
  readonly commit: number;
  readonly #env: Env;
  readonly #nodeId: string;
  readonly #opened: OpenedState;
  readonly #failed: AbortSignal;

  private constructor(env: Env, nodeId: string, read: Read) {
    this.#env = env;
    this.#nodeId = nodeId;
    this.#opened = read.opened;
    this.#failed = read.failed;
    this.store = read.store;
    this.config = read.config;
    this.last = read.last;
    this.commit = read.opened.initial.hardState.commit;
  }

  /** @throws AppError `corrupt` | `precondition` | `unavailable`: a daemon uses it */
  static async open(
    deps: { readonly env: Env; readonly kvFactory: KvFactory },
    options: SurvivorOptions,
  ): Promise<Survivor> {
    const { identity, dataDir, protocolMax } = options;
    const failed = new AbortController();
    const store = new Store({ env: deps.env, codec: protoStoreCodec }, { protocolMax });
    const opened = await openState(
      { ...deps, onFatal: (error) => failed.abort(error) },
      { identity, dataDir, bootstrap: null, retired: null, beginRestore: (index) => store.beginRestore(index) },
    );
    try {
      const read = { opened, failed: failed.signal, store, ...replay(opened, store) };
      theCluster(store.view());
      return new Survivor(deps.env, identity.nodeId, read);
    } catch (error) {
      await closeState(opened);
      throw error;
    }
  }

  get formerManagers(): readonly FormerManager[] {
    return formerManagersOf(this.store.view(), this.config, this.#nodeId);
  }

  /** @param address gRPC host:port by which others reach it. @throws AppError before anything has changed, or for a failed write */
  async becomeCluster(address: string): Promise<Begun> {
    const node = this.store.view().get("node", this.#nodeId);
    if (node === undefined) {
      throw new AppError("precondition", `This node ${this.#nodeId} is not in the state it holds: it was removed`, {
        next: "use the data of another manager",
      });
    }
    const { last, formerManagers, store } = this;
    // Its term may be beyond its last entry's: it voted.
    const term = Math.max(last.term, this.#opened.initial.hardState.term);
    const self = { ...node, role: "MANAGER" as const, address };
    const life = { kind: "RECOVERED" as const, last: { ...last, term }, self, formerManagers };
    const begun = beginLife(this.#env, store, life);
    const member = { id: this.#nodeId, address, role: "voter" as const };
    await becomeOnlyMember(this.#opened, { ...begun, member, body: store.snapshot() }, this.#failed);
    return begun;
  }

  async close(): Promise<void> {
    await closeState(this.#opened);
  }
}

type Read = {
  readonly opened: OpenedState;
  readonly failed: AbortSignal;
  readonly store: Store;
  readonly config: Config;
  readonly last: { readonly index: number; readonly term: number };
};

/** All that the log has, in order. */
function replay({ initial, manifest, restore }: OpenedState, store: Store): Pick<Read, "config" | "last"> {
  restore?.replace();
  let config = manifest?.meta.config ?? EMPTY_CONFIG;
  const from = manifest?.meta.index ?? 0;
  let last = { index: from, term: manifest?.meta.term ?? 0 };
  for (const { index, term, kind, payload } of initial.entries) {
    if (index <= from) continue;
    if (kind === "config") config = decodeConfig(payload);
    if (kind === "normal") store.apply({ index, term, payload });
    else store.advance(index);
    last = { index, term };
  }
  return { config, last };
}
