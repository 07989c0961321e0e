// Original file: proto/shoal/v1/control.proto

import type { ServiceInput as _shoal_v1_ServiceInput, Service as _shoal_v1_Service } from './Service.ts';
import type { RunInput as _shoal_v1_RunInput, Run as _shoal_v1_Run } from './Run.ts';
import type { Long } from '@grpc/proto-loader';

export interface ServiceSummaryInput {
  'service'?: (_shoal_v1_ServiceInput | null);
  'running'?: (number | string | Long);
  'desired'?: (number | string | Long);
  /**
   * As in GetServiceResponse.
   */
  'completed'?: (number | string | Long);
  'total'?: (number | string | Long);
  'nextRunAtMs'?: (number | string | Long);
  'lastRun'?: (_shoal_v1_RunInput | null);
  'ready'?: (number | string | Long);
}

export interface ServiceSummary {
  'service': (_shoal_v1_Service | null);
  'running': (number);
  'desired': (number);
  /**
   * As in GetServiceResponse.
   */
  'completed': (number);
  'total': (number);
  'nextRunAtMs': (number);
  'lastRun': (_shoal_v1_Run | null);
  'ready': (number);
}
