// Original file: proto/shoal/v1/control.proto

import type { ServiceInput as _shoal_v1_ServiceInput, Service as _shoal_v1_Service } from './Service.ts';
import type { Long } from '@grpc/proto-loader';

export interface ServiceSummaryInput {
  'service'?: (_shoal_v1_ServiceInput | null);
  'running'?: (number | string | Long);
  'desired'?: (number | string | Long);
}

export interface ServiceSummary {
  'service': (_shoal_v1_Service | null);
  'running': (number);
  'desired': (number);
}
