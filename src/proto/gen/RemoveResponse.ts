// Original file: proto/shoal/v1/control.proto


export interface RemoveResponseInput {
  'id'?: (string);
}

export interface RemoveResponse {
  'id': (string);
}
