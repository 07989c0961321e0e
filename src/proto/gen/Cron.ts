// Original file: proto/shoal/v1/specs.proto

import type { ReplicatedJobInput as _shoal_v1_ReplicatedJobInput, ReplicatedJob as _shoal_v1_ReplicatedJob } from './ReplicatedJob.ts';
import type { GlobalJobInput as _shoal_v1_GlobalJobInput, GlobalJob as _shoal_v1_GlobalJob } from './GlobalJob.ts';
import type { Long } from '@grpc/proto-loader';

// Original file: proto/shoal/v1/specs.proto

/**
 * When a time comes and a run is still open.
 */
export const _shoal_v1_Cron_Overlap = {
  /**
   * The time is skipped.
   */
  SKIP: 'SKIP',
  /**
   * The open run is stopped.
   */
  REPLACE: 'REPLACE',
  /**
   * Both run; at most 20 at once, then times are skipped. Not of what never runs twice.
   */
  ALLOW: 'ALLOW',
} as const;

/**
 * When a time comes and a run is still open.
 */
export type _shoal_v1_Cron_OverlapInput =
  /**
   * The time is skipped.
   */
  | 'SKIP'
  | 0
  /**
   * The open run is stopped.
   */
  | 'REPLACE'
  | 1
  /**
   * Both run; at most 20 at once, then times are skipped. Not of what never runs twice.
   */
  | 'ALLOW'
  | 2

/**
 * When a time comes and a run is still open.
 */
export type _shoal_v1_Cron_Overlap = typeof _shoal_v1_Cron_Overlap[keyof typeof _shoal_v1_Cron_Overlap]

/**
 * A job that runs at times of a clock. The times are cluster time; each is run at most once, whoever leads.
 */
export interface CronInput {
  /**
   * minute hour day month weekday, or with seconds before them. A fixed time that summer time leaves out is run right
   * after the gap, one that comes twice is run once.
   */
  'schedule'?: (string);
  /**
   * Like Europe/Berlin; empty is UTC.
   */
  'timeZone'?: (string);
  'overlap'?: (_shoal_v1_Cron_OverlapInput);
  /**
   * Of the times nobody could run, the latest is run if it is not longer ago than this; the others are counted as
   * missed. At least 1 s; 0 is 5 min.
   */
  'startingDeadlineMs'?: (number | string | Long);
  /**
   * No times come until it is resumed, and none of them is made up for.
   */
  'suspended'?: (boolean);
  'replicated'?: (_shoal_v1_ReplicatedJobInput | null);
  'global'?: (_shoal_v1_GlobalJobInput | null);
  /**
   * What each run does; none is a replicated job.
   */
  'job'?: "replicated"|"global";
}

/**
 * A job that runs at times of a clock. The times are cluster time; each is run at most once, whoever leads.
 */
export interface Cron {
  /**
   * minute hour day month weekday, or with seconds before them. A fixed time that summer time leaves out is run right
   * after the gap, one that comes twice is run once.
   */
  'schedule': (string);
  /**
   * Like Europe/Berlin; empty is UTC.
   */
  'timeZone': (string);
  'overlap': (_shoal_v1_Cron_Overlap);
  /**
   * Of the times nobody could run, the latest is run if it is not longer ago than this; the others are counted as
   * missed. At least 1 s; 0 is 5 min.
   */
  'startingDeadlineMs': (number);
  /**
   * No times come until it is resumed, and none of them is made up for.
   */
  'suspended': (boolean);
  'replicated'?: (_shoal_v1_ReplicatedJob | null);
  'global'?: (_shoal_v1_GlobalJob | null);
  /**
   * What each run does; none is a replicated job.
   */
  'job'?: "replicated"|"global";
}
