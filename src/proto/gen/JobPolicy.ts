// Original file: proto/shoal/v1/specs.proto

import type { Long } from '@grpc/proto-loader';

export interface JobPolicyInput {
  /**
   * From the start of a run to its end: what is not complete then is stopped, and the run timed out. 0 is no limit.
   */
  'deadlineMs'?: (number | string | Long);
  /**
   * From a task's start to its end: it is stopped then and counts as failed; less than the deadline. 0 is no limit.
   */
  'taskTimeoutMs'?: (number | string | Long);
  /**
   * Finished runs that are remembered, with their tasks: those that succeeded, and the others. At most 100; unset is 5, 0 is
   * none. The newest always is, and of a schedule the one of its latest time.
   */
  'runsSucceededKept'?: (number | string | Long);
  'runsFailedKept'?: (number | string | Long);
  '_runsSucceededKept'?: "runsSucceededKept";
  '_runsFailedKept'?: "runsFailedKept";
}

export interface JobPolicy {
  /**
   * From the start of a run to its end: what is not complete then is stopped, and the run timed out. 0 is no limit.
   */
  'deadlineMs': (number);
  /**
   * From a task's start to its end: it is stopped then and counts as failed; less than the deadline. 0 is no limit.
   */
  'taskTimeoutMs': (number);
  /**
   * Finished runs that are remembered, with their tasks: those that succeeded, and the others. At most 100; unset is 5, 0 is
   * none. The newest always is, and of a schedule the one of its latest time.
   */
  'runsSucceededKept'?: (number);
  'runsFailedKept'?: (number);
  '_runsSucceededKept'?: "runsSucceededKept";
  '_runsFailedKept'?: "runsFailedKept";
}
