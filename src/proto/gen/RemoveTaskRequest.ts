// Original file: proto/shoal/v1/control.proto


export interface RemoveTaskRequestInput {
  'requestId'?: (string);
  /**
   * By id, unique id prefix, or the name of its slot (web.2).
   */
  'id'?: (string);
}

export interface RemoveTaskRequest {
  'requestId': (string);
  /**
   * By id, unique id prefix, or the name of its slot (web.2).
   */
  'id': (string);
}
