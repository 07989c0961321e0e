// Original file: proto/shoal/v1/control.proto


export interface PlannedMoveInput {
  'taskId'?: (string);
  'taskName'?: (string);
  'fromNodeId'?: (string);
  'fromNodeName'?: (string);
  'toNodeId'?: (string);
  'toNodeName'?: (string);
}

export interface PlannedMove {
  'taskId': (string);
  'taskName': (string);
  'fromNodeId': (string);
  'fromNodeName': (string);
  'toNodeId': (string);
  'toNodeName': (string);
}
