// Original file: proto/shoal/v1/node.proto

import type { HeldTaskInput as _shoal_v1_HeldTaskInput, HeldTask as _shoal_v1_HeldTask } from './HeldTask.ts';

export interface NodeTasksResponseInput {
  'tasks'?: (_shoal_v1_HeldTaskInput)[];
}

export interface NodeTasksResponse {
  'tasks': (_shoal_v1_HeldTask)[];
}
