// Original file: proto/shoal/v1/control.proto


export interface FinalizeUpgradeRequestInput {
  'requestId'?: (string);
}

export interface FinalizeUpgradeRequest {
  'requestId': (string);
}
