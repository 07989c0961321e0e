// Original file: proto/shoal/v1/control.proto

import type { ConsistencyInput as _shoal_v1_ConsistencyInput, Consistency as _shoal_v1_Consistency } from './Consistency.ts';

export interface ListRequestInput {
  'filters'?: (string)[];
  /**
   * At most 1,000; 0 is 100.
   */
  'pageSize'?: (number);
  /**
   * From the previous answer; empty is the first page.
   */
  'pageToken'?: (string);
  'consistency'?: (_shoal_v1_ConsistencyInput);
}

export interface ListRequest {
  'filters': (string)[];
  /**
   * At most 1,000; 0 is 100.
   */
  'pageSize': (number);
  /**
   * From the previous answer; empty is the first page.
   */
  'pageToken': (string);
  'consistency': (_shoal_v1_Consistency);
}
