// Original file: proto/shoal/v1/daemon.proto


export interface JoinRequestInput {
  'managers'?: (string)[];
  'token'?: (string);
  'advertise'?: (string);
  'name'?: (string);
}

export interface JoinRequest {
  'managers': (string)[];
  'token': (string);
  'advertise': (string);
  'name': (string);
}
