// Original file: proto/shoal/v1/objects.proto

import type { MetaInput as _shoal_v1_MetaInput, Meta as _shoal_v1_Meta } from './Meta.ts';
import type { CauseInput as _shoal_v1_CauseInput, Cause as _shoal_v1_Cause } from './Cause.ts';
import type { Long } from '@grpc/proto-loader';

// Original file: proto/shoal/v1/objects.proto

export const _shoal_v1_Run_State = {
  RUNNING: 'RUNNING',
  SUCCEEDED: 'SUCCEEDED',
  /**
   * A task used up its retries.
   */
  FAILED: 'FAILED',
  /**
   * Its deadline passed.
   */
  TIMED_OUT: 'TIMED_OUT',
  /**
   * For a newer run.
   */
  STOPPED: 'STOPPED',
  /**
   * Cron: not run because the one before was still open.
   */
  SKIPPED: 'SKIPPED',
  /**
   * Cron: not run because nobody could, or too late.
   */
  MISSED: 'MISSED',
} as const;

export type _shoal_v1_Run_StateInput =
  | 'RUNNING'
  | 0
  | 'SUCCEEDED'
  | 1
  /**
   * A task used up its retries.
   */
  | 'FAILED'
  | 2
  /**
   * Its deadline passed.
   */
  | 'TIMED_OUT'
  | 3
  /**
   * For a newer run.
   */
  | 'STOPPED'
  | 4
  /**
   * Cron: not run because the one before was still open.
   */
  | 'SKIPPED'
  | 5
  /**
   * Cron: not run because nobody could, or too late.
   */
  | 'MISSED'
  | 6

export type _shoal_v1_Run_State = typeof _shoal_v1_Run_State[keyof typeof _shoal_v1_Run_State]

/**
 * One run of a job: an iteration, or of a cron service one time of its schedule.
 */
export interface RunInput {
  /**
   * "<service id>/<number>".
   */
  'id'?: (string);
  'meta'?: (_shoal_v1_MetaInput | null);
  'serviceId'?: (string);
  'serviceName'?: (string);
  /**
   * Counts up from 1 within a service.
   */
  'number'?: (number | string | Long);
  'revision'?: (number | string | Long);
  'state'?: (_shoal_v1_Run_StateInput);
  /**
   * What ended it, or keeps it from being more, in words.
   */
  'message'?: (string);
  /**
   * Who or what started it.
   */
  'cause'?: (_shoal_v1_CauseInput | null);
  /**
   * Cron: the time it is for, of which there is no other; 0 for runs by hand and of jobs. All times are cluster time.
   */
  'scheduledAtMs'?: (number | string | Long);
  'startedAtMs'?: (number | string | Long);
  /**
   * 0 while it is open.
   */
  'finishedAtMs'?: (number | string | Long);
  /**
   * When what is not complete is stopped; 0 is never.
   */
  'deadlineAtMs'?: (number | string | Long);
  /**
   * Tasks that are to complete; of one task a node, as many as nodes had one.
   */
  'wanted'?: (number | string | Long);
  'completed'?: (number | string | Long);
  /**
   * Attempts that failed.
   */
  'failures'?: (number | string | Long);
  /**
   * Of the last attempt that failed, or 0.
   */
  'exitCode'?: (number);
  /**
   * SKIPPED and MISSED: how many times in a row this stands for; scheduled_at_ms is the last of them.
   */
  'times'?: (number | string | Long);
  /**
   * Of the service so far.
   */
  'skippedTotal'?: (number | string | Long);
  'missedTotal'?: (number | string | Long);
  '_exitCode'?: "exitCode";
}

/**
 * One run of a job: an iteration, or of a cron service one time of its schedule.
 */
export interface Run {
  /**
   * "<service id>/<number>".
   */
  'id': (string);
  'meta': (_shoal_v1_Meta | null);
  'serviceId': (string);
  'serviceName': (string);
  /**
   * Counts up from 1 within a service.
   */
  'number': (number);
  'revision': (number);
  'state': (_shoal_v1_Run_State);
  /**
   * What ended it, or keeps it from being more, in words.
   */
  'message': (string);
  /**
   * Who or what started it.
   */
  'cause': (_shoal_v1_Cause | null);
  /**
   * Cron: the time it is for, of which there is no other; 0 for runs by hand and of jobs. All times are cluster time.
   */
  'scheduledAtMs': (number);
  'startedAtMs': (number);
  /**
   * 0 while it is open.
   */
  'finishedAtMs': (number);
  /**
   * When what is not complete is stopped; 0 is never.
   */
  'deadlineAtMs': (number);
  /**
   * Tasks that are to complete; of one task a node, as many as nodes had one.
   */
  'wanted': (number);
  'completed': (number);
  /**
   * Attempts that failed.
   */
  'failures': (number);
  /**
   * Of the last attempt that failed, or 0.
   */
  'exitCode'?: (number);
  /**
   * SKIPPED and MISSED: how many times in a row this stands for; scheduled_at_ms is the last of them.
   */
  'times': (number);
  /**
   * Of the service so far.
   */
  'skippedTotal': (number);
  'missedTotal': (number);
  '_exitCode'?: "exitCode";
}
