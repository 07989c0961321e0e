/**
 * `shoal recover`: a cluster of one manager from the data of a survivor, while its daemon is stopped.
 * Everything is read and checked before anything is changed, and the change is one atomic write.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { LevelKvFactory } from "../disk/level-kv.ts";
import type { Begun, FormerManager } from "../manager/new-life.ts";
import { LOG_STORE } from "../manager/replica/open-state.ts";
import { Survivor } from "../manager/survivor.ts";
import { nodeName } from "../model/naming.ts";
import { AWAITS_RESUME_SINCE } from "../model/awaits-resume.ts";
import { PROTOCOLS, protocolOf } from "../model/protocol.ts";
import { Keystore } from "../pki/keystore.ts";
import type { NodeIdentity } from "../pki/types.ts";
import type { ReadTx } from "../store/types.ts";
import { AppError } from "../util/errors.ts";
import type { Env } from "../util/env.ts";
import { StartRecords, type StartRecord } from "./start-record.ts";
import { isMarkedSuperseded } from "./superseded-file.ts";

/** What a recovery is about to do, for people to judge. */
export type RecoveryPlan = {
  readonly dataDir: string;
  readonly cluster: { readonly id: string; readonly name: string; readonly incarnation: string };
  readonly manager: { readonly id: string; readonly name: string; readonly address: string };
  /** The last entry of its log: what is newer elsewhere is lost. */
  readonly last: { readonly index: number; readonly term: number };
  /** Entries kept that are not known to be committed. */
  readonly uncommitted: number;
  readonly counts: { readonly nodes: number; readonly services: number; readonly tasks: number };
  readonly formerManagers: readonly FormerManager[];
  /** Names of nodes whose program is too old for what a recovered cluster writes. */
  readonly outdatedNodes: readonly string[];
};

export type RecoverOptions = {
  readonly dataDir: string;
  /** Null: as it was told at init or join. */
  readonly advertise: string | null;
  /** Also when it is the cluster's only manager. */
  readonly force: boolean;
};

export class ClusterRecovery {
  readonly plan: RecoveryPlan;
  readonly #survivor: Survivor;
  readonly #records: StartRecords;
  readonly #record: StartRecord;

  private constructor(plan: RecoveryPlan, survivor: Survivor, records: StartRecords, record: StartRecord) {
    this.plan = plan;
    this.#survivor = survivor;
    this.#records = records;
    this.#record = record;
  }

  /** Holds the data directory until `close`. @throws AppError precondition | unavailable | corrupt */
  static async open(env: Env, { dataDir, advertise, force }: RecoverOptions): Promise<ClusterRecovery> {
    const identity = await managerIn(dataDir);
    const records = new StartRecords(dataDir);
    const known = await records.load();
    const address = advertise ?? known?.advertise ?? "";
    if (address === "") throw new AppError("precondition", "This manager's address is not known", ADVERTISE_NEXT);
    const record = {
      kind: "join",
      nodeName: "",
      bootstrap: null,
      ...known,
      advertise: address,
      managers: [address],
    } as const;
    const survivor = await Survivor.open(
      { env, kvFactory: new LevelKvFactory(dataDir) },
      { identity, dataDir, protocolMax: PROTOCOLS.max },
    );
    const plan = planOf(survivor, { dataDir, identity, address });
    if (plan.formerManagers.length === 0 && !force) {
      await survivor.close();
      throw new AppError("precondition", "This is the cluster's only manager: it needs no others to go on", {
        next: "start it: shoal daemon; or shoal recover --force for a new incarnation all the same",
      });
    }
    return new ClusterRecovery(plan, survivor, records, record);
  }

  /** @throws AppError when a write failed: the directory holds the old cluster or the new one, and a start shows which */
  async apply(): Promise<Begun> {
    const begun = await this.#survivor.becomeCluster(this.#record.advertise);
    await this.#records.save(this.#record);
    return begun;
  }

  async close(): Promise<void> {
    await this.#survivor.close();
  }
}

const ADVERTISE_NEXT = { path: "advertise", next: "say it with --advertise HOST:PORT" };

async function managerIn(dataDir: string): Promise<NodeIdentity> {
  const stored = await new Keystore(dataDir).load();
  if (stored === undefined) {
    throw new AppError("precondition", `There is no node in ${dataDir}`, {
      path: "data-dir",
      next: "say where the manager's data are: --data-dir DIR; without any, shoal restore FILE",
    });
  }
  const { identity } = stored;
  if (identity.role !== "manager" || !existsSync(join(dataDir, LOG_STORE))) {
    throw new AppError("precondition", `The node in ${dataDir} is no manager: it has no state to recover from`, {
      path: "data-dir",
      next: "run it on a manager",
    });
  }
  if (isMarkedSuperseded(dataDir)) {
    throw new AppError("precondition", `The manager in ${dataDir} was left behind when its cluster was recovered`, {
      next: "start its daemon: it goes on as a worker of the recovered cluster",
    });
  }
  return identity;
}

function planOf(
  survivor: Survivor,
  { dataDir, identity, address }: { dataDir: string; identity: NodeIdentity; address: string },
): RecoveryPlan {
  const tx = survivor.store.view();
  const [cluster] = tx.all("cluster");
  const self = tx.get("node", identity.nodeId);
  const { last, commit, formerManagers } = survivor;
  return {
    dataDir,
    cluster: { id: identity.clusterId, name: cluster?.spec?.name ?? "", incarnation: cluster?.incarnation ?? "" },
    manager: { id: identity.nodeId, name: self === undefined ? "" : nodeName(self), address },
    last,
    uncommitted: Math.max(0, last.index - commit),
    counts: { nodes: tx.count("node"), services: tx.count("service"), tasks: tx.count("task") },
    formerManagers,
    outdatedNodes: outdatedNodes(tx, identity.nodeId),
  };
}

function outdatedNodes(tx: ReadTx, selfId: string): string[] {
  return [...tx.all("node")]
    .filter(({ id, description }) => id !== selfId && description !== null)
    .filter(({ description }) => protocolOf(description?.protocolMax) < AWAITS_RESUME_SINCE)
    .map(nodeName);
}
