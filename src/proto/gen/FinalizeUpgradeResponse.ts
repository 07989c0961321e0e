// Original file: proto/shoal/v1/control.proto


export interface FinalizeUpgradeResponseInput {
  'before'?: (number);
  'protocol'?: (number);
}

export interface FinalizeUpgradeResponse {
  'before': (number);
  'protocol': (number);
}
