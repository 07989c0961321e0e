// Original file: proto/shoal/v1/node.proto

import type { LogsOptionsInput as _shoal_v1_LogsOptionsInput, LogsOptions as _shoal_v1_LogsOptions } from './LogsOptions.ts';

export interface NodeLogsRequestInput {
  'taskId'?: (string);
  'options'?: (_shoal_v1_LogsOptionsInput | null);
}

export interface NodeLogsRequest {
  'taskId': (string);
  'options': (_shoal_v1_LogsOptions | null);
}
