// Original file: proto/shoal/v1/specs.proto

import type { CheckInput as _shoal_v1_CheckInput, Check as _shoal_v1_Check } from './Check.ts';

/**
 * What the agent of a task's node asks it, over and over.
 */
export interface TaskChecksInput {
  /**
   * Until it passes the task is STARTING and the other two wait. Once it fails the task is ended.
   */
  'startup'?: (_shoal_v1_CheckInput | null);
  /**
   * Until it passes, and while it fails, the task takes no traffic and counts neither as available nor as updated.
   * Without one a task is ready when it runs. Not of jobs.
   */
  'readiness'?: (_shoal_v1_CheckInput | null);
  /**
   * Once it fails the task is ended. In both cases the restart policy says what follows.
   */
  'liveness'?: (_shoal_v1_CheckInput | null);
}

/**
 * What the agent of a task's node asks it, over and over.
 */
export interface TaskChecks {
  /**
   * Until it passes the task is STARTING and the other two wait. Once it fails the task is ended.
   */
  'startup': (_shoal_v1_Check | null);
  /**
   * Until it passes, and while it fails, the task takes no traffic and counts neither as available nor as updated.
   * Without one a task is ready when it runs. Not of jobs.
   */
  'readiness': (_shoal_v1_Check | null);
  /**
   * Once it fails the task is ended. In both cases the restart policy says what follows.
   */
  'liveness': (_shoal_v1_Check | null);
}
