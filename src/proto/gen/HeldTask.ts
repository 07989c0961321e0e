// Original file: proto/shoal/v1/node.proto

import type { _shoal_v1_Task_StateInput, _shoal_v1_Task_State } from './Task.ts';

export interface HeldTaskInput {
  'id'?: (string);
  'serviceId'?: (string);
  /**
   * web.2
   */
  'name'?: (string);
  'desired'?: (_shoal_v1_Task_StateInput);
  'observed'?: (_shoal_v1_Task_StateInput);
}

export interface HeldTask {
  'id': (string);
  'serviceId': (string);
  /**
   * web.2
   */
  'name': (string);
  'desired': (_shoal_v1_Task_State);
  'observed': (_shoal_v1_Task_State);
}
