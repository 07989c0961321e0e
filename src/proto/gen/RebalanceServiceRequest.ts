// Original file: proto/shoal/v1/control.proto


export interface RebalanceServiceRequestInput {
  'requestId'?: (string);
  'id'?: (string);
}

export interface RebalanceServiceRequest {
  'requestId': (string);
  'id': (string);
}
