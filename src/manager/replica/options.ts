/** What a replica is made of and may be told. */
import type { Dialer } from "../../proto/rpc.ts";
import type { MemberId, RaftOptions } from "../../raft/types.ts";
import type { Env } from "../../util/env.ts";
import type { KvFactory } from "../../util/kv.ts";
import type { Logger } from "../../util/log.ts";
import type { HelloProtocols, HelloTime } from "./hello.ts";
import type { Retired } from "./retired.ts";
import type { Sealer } from "./sealer.ts";
import type { SnapshotOptions } from "./current-snapshot.ts";

export type ReplicaDeps = {
  readonly env: Env;
  readonly log: Logger;
  readonly dialer: Dialer;
  readonly kvFactory: KvFactory;
  readonly sealer?: Sealer;
};

export type ReplicaOptions = {
  readonly clusterId: string;
  readonly nodeId: MemberId;
  /** host:port by which the others reach this one, for those who know no configuration with it. */
  readonly address?: string;
  /** How messages name the data directory. */
  readonly dataDir: string;
  /** Default: this program's, and a cluster that was never upgraded. */
  readonly protocols?: HelloProtocols;
  /** Of the state machine's state; empty while it has none. */
  readonly incarnation?: () => string;
  readonly time?: HelloTime;
  /** What this node promised as a manager before; null: it never was one. */
  readonly retired?: Retired | null;
  readonly snapshots?: Partial<SnapshotOptions>;
  /** Resolves when what others keep of the log up to `index` is on disk: before a snapshot takes its place. */
  readonly settle?: (index: number) => Promise<void>;
  readonly raft?: Partial<Omit<RaftOptions, "random">>;
  /** A write failed or the state is beyond doubt: the process must end. Called once. */
  readonly onFatal: (error: Error) => void;
  /** This manager was removed from the cluster: stop it. Called once. */
  readonly onRemoved: () => void;
};
