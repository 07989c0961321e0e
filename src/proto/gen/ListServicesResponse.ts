// Original file: proto/shoal/v1/control.proto

import type { ServiceSummaryInput as _shoal_v1_ServiceSummaryInput, ServiceSummary as _shoal_v1_ServiceSummary } from './ServiceSummary.ts';
import type { RecoveryInput as _shoal_v1_RecoveryInput, Recovery as _shoal_v1_Recovery } from './Recovery.ts';
import type { Long } from '@grpc/proto-loader';

export interface ListServicesResponseInput {
  'services'?: (_shoal_v1_ServiceSummaryInput)[];
  'nextPageToken'?: (string);
  /**
   * The Raft index this was read at: a watch may resume from it.
   */
  'version'?: (number | string | Long);
  /**
   * Null: the cluster does not wait for `shoal cluster resume`.
   */
  'awaitsResume'?: (_shoal_v1_RecoveryInput | null);
}

export interface ListServicesResponse {
  'services': (_shoal_v1_ServiceSummary)[];
  'nextPageToken': (string);
  /**
   * The Raft index this was read at: a watch may resume from it.
   */
  'version': (number);
  /**
   * Null: the cluster does not wait for `shoal cluster resume`.
   */
  'awaitsResume': (_shoal_v1_Recovery | null);
}
