// Original file: proto/shoal/v1/events.proto

import type { EventGapInput as _shoal_v1_EventGapInput, EventGap as _shoal_v1_EventGap } from './EventGap.ts';
import type { EventPositionInput as _shoal_v1_EventPositionInput, EventPosition as _shoal_v1_EventPosition } from './EventPosition.ts';
import type { Long } from '@grpc/proto-loader';

/**
 * What a manager keeps beside its events.
 */
export interface EventsStateInput {
  /**
   * Events of all changes up to this one are on disk.
   */
  'version'?: (number | string | Long);
  'count'?: (number);
  /**
   * The oldest first; at most 16.
   */
  'gaps'?: (_shoal_v1_EventGapInput)[];
  /**
   * The last one that was dropped, and its time.
   */
  'dropped'?: (_shoal_v1_EventPositionInput | null);
  'droppedMs'?: (number | string | Long);
}

/**
 * What a manager keeps beside its events.
 */
export interface EventsState {
  /**
   * Events of all changes up to this one are on disk.
   */
  'version': (number);
  'count': (number);
  /**
   * The oldest first; at most 16.
   */
  'gaps': (_shoal_v1_EventGap)[];
  /**
   * The last one that was dropped, and its time.
   */
  'dropped': (_shoal_v1_EventPosition | null);
  'droppedMs': (number);
}
