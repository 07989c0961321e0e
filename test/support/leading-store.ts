/** A real store that leads a log of one: every update is committed and applied in the next microtask. */
import { protoStoreCodec } from "../../src/manager/store-codec.ts";
import { Store, type StoreOptions } from "../../src/store/store.ts";
import type { Env } from "../../src/util/env.ts";
import { FakeLog } from "./store/fake-log.ts";

class CommittingLog extends FakeLog {
  onPropose: () => void = () => undefined;

  override propose(payload: Uint8Array): { readonly index: number; readonly term: number } {
    const position = super.propose(payload);
    queueMicrotask(() => this.onPropose());
    return position;
  }
}

export function leadingStore(env: Env, options: StoreOptions = {}): Store {
  const store = new Store({ env, codec: protoStoreCodec }, { freezeRows: true, ...options });
  const log = new CommittingLog();
  log.onPropose = () => store.apply(log.take());
  store.setProposer(log);
  store.leadershipGained(log.term);
  return store;
}
