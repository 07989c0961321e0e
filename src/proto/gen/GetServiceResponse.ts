// Original file: proto/shoal/v1/control.proto

import type { ServiceInput as _shoal_v1_ServiceInput, Service as _shoal_v1_Service } from './Service.ts';
import type { Long } from '@grpc/proto-loader';

export interface GetServiceResponseInput {
  'service'?: (_shoal_v1_ServiceInput | null);
  /**
   * Tasks observed running and wanted.
   */
  'running'?: (number | string | Long);
  /**
   * Tasks that are to run: replicas, or the nodes of a global service.
   */
  'desired'?: (number | string | Long);
}

export interface GetServiceResponse {
  'service': (_shoal_v1_Service | null);
  /**
   * Tasks observed running and wanted.
   */
  'running': (number);
  /**
   * Tasks that are to run: replicas, or the nodes of a global service.
   */
  'desired': (number);
}
