// Original file: proto/shoal/v1/types.proto


/**
 * Who did it and why, on every change of state people can see.
 */
export interface CauseInput {
  /**
   * "user:<name>", "node:<id>", "orchestrator", "scheduler", "restart", "reaper", "cron".
   */
  'actor'?: (string);
  'reason'?: (string);
}

/**
 * Who did it and why, on every change of state people can see.
 */
export interface Cause {
  /**
   * "user:<name>", "node:<id>", "orchestrator", "scheduler", "restart", "reaper", "cron".
   */
  'actor': (string);
  'reason': (string);
}
