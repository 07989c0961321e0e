// Original file: proto/shoal/v1/control.proto


export interface RemoveRequestInput {
  'requestId'?: (string);
  'id'?: (string);
}

export interface RemoveRequest {
  'requestId': (string);
  'id': (string);
}
