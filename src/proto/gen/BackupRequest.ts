// Original file: proto/shoal/v1/backup.proto

import type { ConsistencyInput as _shoal_v1_ConsistencyInput, Consistency as _shoal_v1_Consistency } from './Consistency.ts';

export interface BackupRequestInput {
  /**
   * STALE: what this one manager knows, also without a quorum.
   */
  'consistency'?: (_shoal_v1_ConsistencyInput);
}

export interface BackupRequest {
  /**
   * STALE: what this one manager knows, also without a quorum.
   */
  'consistency': (_shoal_v1_Consistency);
}
