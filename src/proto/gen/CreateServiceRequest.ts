// Original file: proto/shoal/v1/control.proto

import type { ServiceSpecInput as _shoal_v1_ServiceSpecInput, ServiceSpec as _shoal_v1_ServiceSpec } from './ServiceSpec.ts';

export interface CreateServiceRequestInput {
  'requestId'?: (string);
  'spec'?: (_shoal_v1_ServiceSpecInput | null);
}

export interface CreateServiceRequest {
  'requestId': (string);
  'spec': (_shoal_v1_ServiceSpec | null);
}
