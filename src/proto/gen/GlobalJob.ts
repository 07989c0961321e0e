// Original file: proto/shoal/v1/specs.proto

import type { JobPolicyInput as _shoal_v1_JobPolicyInput, JobPolicy as _shoal_v1_JobPolicy } from './JobPolicy.ts';

/**
 * One task to completion on every node that a global service would have. A node that joins later gets its own, also
 * after the run was over.
 */
export interface GlobalJobInput {
  'policy'?: (_shoal_v1_JobPolicyInput | null);
}

/**
 * One task to completion on every node that a global service would have. A node that joins later gets its own, also
 * after the run was over.
 */
export interface GlobalJob {
  'policy': (_shoal_v1_JobPolicy | null);
}
