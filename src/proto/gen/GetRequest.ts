// Original file: proto/shoal/v1/control.proto

import type { ConsistencyInput as _shoal_v1_ConsistencyInput, Consistency as _shoal_v1_Consistency } from './Consistency.ts';

/**
 * By id, unique id prefix, or name.
 */
export interface GetRequestInput {
  'id'?: (string);
  'consistency'?: (_shoal_v1_ConsistencyInput);
}

/**
 * By id, unique id prefix, or name.
 */
export interface GetRequest {
  'id': (string);
  'consistency': (_shoal_v1_Consistency);
}
