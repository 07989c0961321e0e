// Original file: proto/shoal/v1/control.proto

import type { ServiceSpecInput as _shoal_v1_ServiceSpecInput, ServiceSpec as _shoal_v1_ServiceSpec } from './ServiceSpec.ts';
import type { Long } from '@grpc/proto-loader';

export interface UpdateServiceRequestInput {
  'requestId'?: (string);
  'id'?: (string);
  /**
   * The version read before; another one is a conflict ("update out of sequence").
   */
  'version'?: (number | string | Long);
  'spec'?: (_shoal_v1_ServiceSpecInput | null);
}

export interface UpdateServiceRequest {
  'requestId': (string);
  'id': (string);
  /**
   * The version read before; another one is a conflict ("update out of sequence").
   */
  'version': (number);
  'spec': (_shoal_v1_ServiceSpec | null);
}
