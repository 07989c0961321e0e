// Original file: proto/shoal/v1/store.proto

import type { StoreObjectInput as _shoal_v1_StoreObjectInput, StoreObject as _shoal_v1_StoreObject } from './StoreObject.ts';
import type { StoreKeyInput as _shoal_v1_StoreKeyInput, StoreKey as _shoal_v1_StoreKey } from './StoreKey.ts';

export interface StoreActionInput {
  /**
   * Create or replace.
   */
  'put'?: (_shoal_v1_StoreObjectInput | null);
  'remove'?: (_shoal_v1_StoreKeyInput | null);
  'action'?: "put"|"remove";
}

export interface StoreAction {
  /**
   * Create or replace.
   */
  'put'?: (_shoal_v1_StoreObject | null);
  'remove'?: (_shoal_v1_StoreKey | null);
  'action'?: "put"|"remove";
}
