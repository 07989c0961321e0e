// Original file: proto/shoal/v1/logs.proto

import type { LogsOptionsInput as _shoal_v1_LogsOptionsInput, LogsOptions as _shoal_v1_LogsOptions } from './LogsOptions.ts';

export interface LogsRequestInput {
  /**
   * Services or tasks, by id, unique prefix or name.
   */
  'targets'?: (string)[];
  'options'?: (_shoal_v1_LogsOptionsInput | null);
}

export interface LogsRequest {
  /**
   * Services or tasks, by id, unique prefix or name.
   */
  'targets': (string)[];
  'options': (_shoal_v1_LogsOptions | null);
}
