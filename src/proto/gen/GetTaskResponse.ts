// Original file: proto/shoal/v1/control.proto

import type { TaskInput as _shoal_v1_TaskInput, Task as _shoal_v1_Task } from './Task.ts';
import type { TaskSpecInput as _shoal_v1_TaskSpecInput, TaskSpec as _shoal_v1_TaskSpec } from './TaskSpec.ts';

export interface GetTaskResponseInput {
  'task'?: (_shoal_v1_TaskInput | null);
  'spec'?: (_shoal_v1_TaskSpecInput | null);
}

export interface GetTaskResponse {
  'task': (_shoal_v1_Task | null);
  'spec': (_shoal_v1_TaskSpec | null);
}
