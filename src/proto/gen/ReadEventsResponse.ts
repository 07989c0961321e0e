// Original file: proto/shoal/v1/events.proto

import type { EventInput as _shoal_v1_EventInput, Event as _shoal_v1_Event } from './Event.ts';
import type { EventGapInput as _shoal_v1_EventGapInput, EventGap as _shoal_v1_EventGap } from './EventGap.ts';
import type { EventPositionInput as _shoal_v1_EventPositionInput, EventPosition as _shoal_v1_EventPosition } from './EventPosition.ts';

export interface ReadEventsResponseInput {
  'events'?: (_shoal_v1_EventInput)[];
  /**
   * What is missing up to `next`, each said once.
   */
  'gaps'?: (_shoal_v1_EventGapInput)[];
  /**
   * How far this answer goes.
   */
  'next'?: (_shoal_v1_EventPositionInput | null);
  /**
   * More of what was asked for is there already.
   */
  'hasMore'?: (boolean);
}

export interface ReadEventsResponse {
  'events': (_shoal_v1_Event)[];
  /**
   * What is missing up to `next`, each said once.
   */
  'gaps': (_shoal_v1_EventGap)[];
  /**
   * How far this answer goes.
   */
  'next': (_shoal_v1_EventPosition | null);
  /**
   * More of what was asked for is there already.
   */
  'hasMore': (boolean);
}
