// Original file: proto/shoal/v1/daemon.proto


export interface InitResponseInput {
  'clusterId'?: (string);
  'nodeId'?: (string);
  'advertise'?: (string);
  'workerToken'?: (string);
  'managerToken'?: (string);
}

export interface InitResponse {
  'clusterId': (string);
  'nodeId': (string);
  'advertise': (string);
  'workerToken': (string);
  'managerToken': (string);
}
