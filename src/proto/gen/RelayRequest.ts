// Original file: proto/shoal/v1/session.proto

import type { NodeSeenInput as _shoal_v1_NodeSeenInput, NodeSeen as _shoal_v1_NodeSeen } from './NodeSeen.ts';
import type { NodeReportInput as _shoal_v1_NodeReportInput, NodeReport as _shoal_v1_NodeReport } from './NodeReport.ts';
import type { Long } from '@grpc/proto-loader';

export interface RelayRequestInput {
  'managerId'?: (string);
  /**
   * Term in which the sender knows the receiver as leader; another one is refused as not-leader.
   */
  'term'?: (number | string | Long);
  'seen'?: (_shoal_v1_NodeSeenInput)[];
  'reports'?: (_shoal_v1_NodeReportInput)[];
}

export interface RelayRequest {
  'managerId': (string);
  /**
   * Term in which the sender knows the receiver as leader; another one is refused as not-leader.
   */
  'term': (number);
  'seen': (_shoal_v1_NodeSeen)[];
  'reports': (_shoal_v1_NodeReport)[];
}
