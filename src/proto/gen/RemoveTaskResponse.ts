// Original file: proto/shoal/v1/control.proto

import type { TaskInput as _shoal_v1_TaskInput, Task as _shoal_v1_Task } from './Task.ts';

export interface RemoveTaskResponseInput {
  /**
   * As it is told to stop.
   */
  'task'?: (_shoal_v1_TaskInput | null);
}

export interface RemoveTaskResponse {
  /**
   * As it is told to stop.
   */
  'task': (_shoal_v1_Task | null);
}
