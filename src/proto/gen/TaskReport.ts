// Original file: proto/shoal/v1/session.proto

import type { TaskStatusInput as _shoal_v1_TaskStatusInput, TaskStatus as _shoal_v1_TaskStatus } from './TaskStatus.ts';

export interface TaskReportInput {
  'taskId'?: (string);
  'status'?: (_shoal_v1_TaskStatusInput | null);
}

export interface TaskReport {
  'taskId': (string);
  'status': (_shoal_v1_TaskStatus | null);
}
