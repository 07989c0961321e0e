// Original file: proto/shoal/v1/events.proto

import type { EventPositionInput as _shoal_v1_EventPositionInput, EventPosition as _shoal_v1_EventPosition } from './EventPosition.ts';
import type { ConsistencyInput as _shoal_v1_ConsistencyInput, Consistency as _shoal_v1_Consistency } from './Consistency.ts';
import type { Long } from '@grpc/proto-loader';

export interface ReadEventsRequestInput {
  /**
   * type, event (the action), level (that one or worse), service, node, task, actor.
   */
  'filters'?: (string)[];
  /**
   * Unset begins with the oldest, or as since_ms and from_now say.
   */
  'after'?: (_shoal_v1_EventPositionInput | null);
  /**
   * Not before this cluster time.
   */
  'sinceMs'?: (number | string | Long);
  /**
   * Not after this cluster time; 0 is no limit.
   */
  'untilMs'?: (number | string | Long);
  /**
   * At most 1,000; 0 is 100.
   */
  'pageSize'?: (number);
  /**
   * When there is none, wait so long for the next; at most 30,000.
   */
  'waitMs'?: (number);
  /**
   * Only those that are to come. Not together with `after`.
   */
  'fromNow'?: (boolean);
  'consistency'?: (_shoal_v1_ConsistencyInput);
}

export interface ReadEventsRequest {
  /**
   * type, event (the action), level (that one or worse), service, node, task, actor.
   */
  'filters': (string)[];
  /**
   * Unset begins with the oldest, or as since_ms and from_now say.
   */
  'after': (_shoal_v1_EventPosition | null);
  /**
   * Not before this cluster time.
   */
  'sinceMs': (number);
  /**
   * Not after this cluster time; 0 is no limit.
   */
  'untilMs': (number);
  /**
   * At most 1,000; 0 is 100.
   */
  'pageSize': (number);
  /**
   * When there is none, wait so long for the next; at most 30,000.
   */
  'waitMs': (number);
  /**
   * Only those that are to come. Not together with `after`.
   */
  'fromNow': (boolean);
  'consistency': (_shoal_v1_Consistency);
}
