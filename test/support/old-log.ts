/** A data directory as a manager of three left it, without running one. */
import { closeState, openState } from "../../src/manager/replica/open-state.ts";
import { protoStoreCodec } from "../../src/manager/store-codec.ts";
import type { Entry, HardState, Member } from "../../src/raft/types.ts";
import { toTransaction, type Action } from "../../src/store/actions.ts";
import type { Env } from "../../src/util/env.ts";
import type { KvFactory } from "../../src/util/kv.ts";
import type { MemoryDisk } from "./memory-kv.ts";
import type { Sim } from "./sim-env.ts";

export const MEMBERS: readonly Member[] = ["m1", "m2", "m3"].map((id) => ({ id, address: `${id}:1`, role: "voter" }));
export const IDENTITY = { clusterId: "c1", nodeId: "m1" };

const TERM = 3;

export type OldLog = {
  readonly changes: readonly (readonly Action[])[];
  readonly hardState?: Partial<HardState>;
};

/** In memory. */
export async function writeOldLog(sim: Sim, disk: MemoryDisk, log: OldLog): Promise<void> {
  const env = sim.env("old");
  const work = writeLog({ env, kvFactory: disk.factory(env) }, log);
  await sim.resolve(work, { timeoutMs: 60_000, what: "the old log is written" });
}

/** The configuration is entry 1; each transaction of `changes` is an entry of its own, from 2 on, in one record each. */
export async function writeLog(
  deps: { readonly env: Env; readonly kvFactory: KvFactory },
  { changes, hardState }: OldLog,
): Promise<void> {
  const opened = await openState(
    { ...deps, onFatal: (error) => void Promise.reject(error) },
    {
      identity: IDENTITY,
      dataDir: "d",
      bootstrap: { members: MEMBERS },
      retired: null,
      beginRestore: () => ({ add: () => undefined, step: () => false, replace: () => undefined }),
    },
  );
  for (const [at, actions] of changes.entries()) {
    const payload = protoStoreCodec.encodeTransaction(toTransaction(1000 + at, actions));
    const entry: Entry = { index: at + 2, term: TERM, kind: "normal", payload };
    const state = { term: TERM, vote: "m2", commit: 1, ...hardState };
    await new Promise<void>((done) => opened.storage.append({ entries: [entry], hardState: state }, done));
  }
  await closeState(opened);
}
