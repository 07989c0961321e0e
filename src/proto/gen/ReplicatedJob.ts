// Original file: proto/shoal/v1/specs.proto

import type { JobPolicyInput as _shoal_v1_JobPolicyInput, JobPolicy as _shoal_v1_JobPolicy } from './JobPolicy.ts';
import type { Long } from '@grpc/proto-loader';

/**
 * Runs until enough of its tasks completed (exit code 0). A failed one is tried again by the restart policy, of which
 * any means on-failure; unset is on-failure with at most 3 retries. One whose node is down for 30 s is tried elsewhere,
 * so work may be done twice. A changed task spec or number of completions, and RunService, start a new run; the tasks of
 * the one before are removed.
 */
export interface ReplicatedJobInput {
  /**
   * Tasks that must complete, in slots 1 to this; at most 10,000; 0 is 1.
   */
  'totalCompletions'?: (number | string | Long);
  /**
   * Tasks at once; 0 is all of them.
   */
  'maxConcurrent'?: (number | string | Long);
  'policy'?: (_shoal_v1_JobPolicyInput | null);
}

/**
 * Runs until enough of its tasks completed (exit code 0). A failed one is tried again by the restart policy, of which
 * any means on-failure; unset is on-failure with at most 3 retries. One whose node is down for 30 s is tried elsewhere,
 * so work may be done twice. A changed task spec or number of completions, and RunService, start a new run; the tasks of
 * the one before are removed.
 */
export interface ReplicatedJob {
  /**
   * Tasks that must complete, in slots 1 to this; at most 10,000; 0 is 1.
   */
  'totalCompletions': (number);
  /**
   * Tasks at once; 0 is all of them.
   */
  'maxConcurrent': (number);
  'policy': (_shoal_v1_JobPolicy | null);
}
