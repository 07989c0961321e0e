/** Counters of one replica, as a plain object; whoever exports metrics reads them. */
export type ReplicaMetrics = {
  proposals: number;
  flushes: number;
  flushedEntries: number;
  flushMsTotal: number;
  flushMsMax: number;
  applied: number;
  messagesIn: number;
  messagesOut: number;
  /** Times this replica became leader. */
  leaderships: number;
  leaderLost: number;
  snapshotsTaken: number;
  snapshotsInstalled: number;
  snapshotsFailed: number;
};

export function newReplicaMetrics(): ReplicaMetrics {
  return {
    proposals: 0,
    flushes: 0,
    flushedEntries: 0,
    flushMsTotal: 0,
    flushMsMax: 0,
    applied: 0,
    messagesIn: 0,
    messagesOut: 0,
    leaderships: 0,
    leaderLost: 0,
    snapshotsTaken: 0,
    snapshotsInstalled: 0,
    snapshotsFailed: 0,
  };
}
