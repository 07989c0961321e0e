// Original file: proto/shoal/v1/watch.proto

import type { StoreObjectInput as _shoal_v1_StoreObjectInput, StoreObject as _shoal_v1_StoreObject } from './StoreObject.ts';
import type { Long } from '@grpc/proto-loader';

// Original file: proto/shoal/v1/watch.proto

export const _shoal_v1_WatchMessage_Change_Action = {
  CREATED: 'CREATED',
  UPDATED: 'UPDATED',
  REMOVED: 'REMOVED',
} as const;

export type _shoal_v1_WatchMessage_Change_ActionInput =
  | 'CREATED'
  | 0
  | 'UPDATED'
  | 1
  | 'REMOVED'
  | 2

export type _shoal_v1_WatchMessage_Change_Action = typeof _shoal_v1_WatchMessage_Change_Action[keyof typeof _shoal_v1_WatchMessage_Change_Action]

export interface _shoal_v1_WatchMessage_ChangeInput {
  'action'?: (_shoal_v1_WatchMessage_Change_ActionInput);
  'object'?: (_shoal_v1_StoreObjectInput | null);
}

export interface _shoal_v1_WatchMessage_Change {
  'action': (_shoal_v1_WatchMessage_Change_Action);
  'object': (_shoal_v1_StoreObject | null);
}

/**
 * One without changes tells that nothing more happened up to its version: resume from there.
 */
export interface WatchMessageInput {
  'version'?: (number | string | Long);
  'changes'?: (_shoal_v1_WatchMessage_ChangeInput)[];
  /**
   * The changes after resume_from are no longer kept, or this watcher fell too far behind: read the
   * state again (list or `initial`), then resume from its version. The stream ends after it.
   */
  'compacted'?: (boolean);
  /**
   * The first message: the stream is established at `version`.
   */
  'established'?: (boolean);
}

/**
 * One without changes tells that nothing more happened up to its version: resume from there.
 */
export interface WatchMessage {
  'version': (number);
  'changes': (_shoal_v1_WatchMessage_Change)[];
  /**
   * The changes after resume_from are no longer kept, or this watcher fell too far behind: read the
   * state again (list or `initial`), then resume from its version. The stream ends after it.
   */
  'compacted': (boolean);
  /**
   * The first message: the stream is established at `version`.
   */
  'established': (boolean);
}
