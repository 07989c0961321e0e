// Original file: proto/shoal/v1/objects.proto

import type { MetaInput as _shoal_v1_MetaInput, Meta as _shoal_v1_Meta } from './Meta.ts';
import type { TaskSpecInput as _shoal_v1_TaskSpecInput, TaskSpec as _shoal_v1_TaskSpec } from './TaskSpec.ts';
import type { CauseInput as _shoal_v1_CauseInput, Cause as _shoal_v1_Cause } from './Cause.ts';
import type { Long } from '@grpc/proto-loader';

// Original file: proto/shoal/v1/objects.proto

export const _shoal_v1_Revision_Outcome = {
  /**
   * Not rolled out to its end (yet): the first one, or the one under way.
   */
  NONE: 'NONE',
  COMPLETED: 'COMPLETED',
  /**
   * Its rollout failed.
   */
  FAILED: 'FAILED',
  /**
   * Somebody went back from it, or on before it was complete.
   */
  ROLLED_BACK: 'ROLLED_BACK',
  SUPERSEDED: 'SUPERSEDED',
} as const;

export type _shoal_v1_Revision_OutcomeInput =
  /**
   * Not rolled out to its end (yet): the first one, or the one under way.
   */
  | 'NONE'
  | 0
  | 'COMPLETED'
  | 1
  /**
   * Its rollout failed.
   */
  | 'FAILED'
  | 2
  /**
   * Somebody went back from it, or on before it was complete.
   */
  | 'ROLLED_BACK'
  | 3
  | 'SUPERSEDED'
  | 4

export type _shoal_v1_Revision_Outcome = typeof _shoal_v1_Revision_Outcome[keyof typeof _shoal_v1_Revision_Outcome]

/**
 * A service's task spec, stored once and never changed; tasks hold its number.
 */
export interface RevisionInput {
  /**
   * "<service id>/<number>".
   */
  'id'?: (string);
  'meta'?: (_shoal_v1_MetaInput | null);
  'serviceId'?: (string);
  'number'?: (number | string | Long);
  'spec'?: (_shoal_v1_TaskSpecInput | null);
  /**
   * Who made it, and what differs from the one before.
   */
  'cause'?: (_shoal_v1_CauseInput | null);
  'outcome'?: (_shoal_v1_Revision_OutcomeInput);
  /**
   * Why it has this outcome; may be empty.
   */
  'outcomeMessage'?: (string);
}

/**
 * A service's task spec, stored once and never changed; tasks hold its number.
 */
export interface Revision {
  /**
   * "<service id>/<number>".
   */
  'id': (string);
  'meta': (_shoal_v1_Meta | null);
  'serviceId': (string);
  'number': (number);
  'spec': (_shoal_v1_TaskSpec | null);
  /**
   * Who made it, and what differs from the one before.
   */
  'cause': (_shoal_v1_Cause | null);
  'outcome': (_shoal_v1_Revision_Outcome);
  /**
   * Why it has this outcome; may be empty.
   */
  'outcomeMessage': (string);
}
