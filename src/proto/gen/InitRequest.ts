// Original file: proto/shoal/v1/daemon.proto


export interface InitRequestInput {
  'clusterName'?: (string);
  'advertise'?: (string);
}

export interface InitRequest {
  'clusterName': (string);
  'advertise': (string);
}
