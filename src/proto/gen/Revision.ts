// Original file: proto/shoal/v1/objects.proto

import type { MetaInput as _shoal_v1_MetaInput, Meta as _shoal_v1_Meta } from './Meta.ts';
import type { TaskSpecInput as _shoal_v1_TaskSpecInput, TaskSpec as _shoal_v1_TaskSpec } from './TaskSpec.ts';
import type { Long } from '@grpc/proto-loader';

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
}
