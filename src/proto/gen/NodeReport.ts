// Original file: proto/shoal/v1/session.proto

import type { TaskReportInput as _shoal_v1_TaskReportInput, TaskReport as _shoal_v1_TaskReport } from './TaskReport.ts';

export interface NodeReportInput {
  'nodeId'?: (string);
  'report'?: (_shoal_v1_TaskReportInput | null);
}

export interface NodeReport {
  'nodeId': (string);
  'report': (_shoal_v1_TaskReport | null);
}
