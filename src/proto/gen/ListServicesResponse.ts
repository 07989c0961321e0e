// Original file: proto/shoal/v1/control.proto

import type { ServiceSummaryInput as _shoal_v1_ServiceSummaryInput, ServiceSummary as _shoal_v1_ServiceSummary } from './ServiceSummary.ts';
import type { Long } from '@grpc/proto-loader';

export interface ListServicesResponseInput {
  'services'?: (_shoal_v1_ServiceSummaryInput)[];
  'nextPageToken'?: (string);
  /**
   * The Raft index this was read at: a watch may resume from it.
   */
  'version'?: (number | string | Long);
}

export interface ListServicesResponse {
  'services': (_shoal_v1_ServiceSummary)[];
  'nextPageToken': (string);
  /**
   * The Raft index this was read at: a watch may resume from it.
   */
  'version': (number);
}
