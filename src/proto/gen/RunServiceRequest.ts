// Original file: proto/shoal/v1/control.proto


export interface RunServiceRequestInput {
  'requestId'?: (string);
  'id'?: (string);
}

export interface RunServiceRequest {
  'requestId': (string);
  'id': (string);
}
