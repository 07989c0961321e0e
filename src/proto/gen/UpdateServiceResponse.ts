// Original file: proto/shoal/v1/control.proto

import type { ServiceInput as _shoal_v1_ServiceInput, Service as _shoal_v1_Service } from './Service.ts';

export interface UpdateServiceResponseInput {
  'service'?: (_shoal_v1_ServiceInput | null);
  /**
   * What follows that nobody asked for: data that stays behind on nodes. One sentence each, at most 21.
   */
  'warnings'?: (string)[];
}

export interface UpdateServiceResponse {
  'service': (_shoal_v1_Service | null);
  /**
   * What follows that nobody asked for: data that stays behind on nodes. One sentence each, at most 21.
   */
  'warnings': (string)[];
}
