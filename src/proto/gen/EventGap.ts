// Original file: proto/shoal/v1/events.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Versions whose events this manager does not have.
 */
export interface EventGapInput {
  'afterVersion'?: (number | string | Long);
  'upToVersion'?: (number | string | Long);
  /**
   * Cluster time of the last of them.
   */
  'upToMs'?: (number | string | Long);
  /**
   * They were dropped for their age or number. Otherwise this manager got the state at up_to_version as a snapshot, and
   * no other manager could give it the events before.
   */
  'expired'?: (boolean);
}

/**
 * Versions whose events this manager does not have.
 */
export interface EventGap {
  'afterVersion': (number);
  'upToVersion': (number);
  /**
   * Cluster time of the last of them.
   */
  'upToMs': (number);
  /**
   * They were dropped for their age or number. Otherwise this manager got the state at up_to_version as a snapshot, and
   * no other manager could give it the events before.
   */
  'expired': (boolean);
}
