// Original file: proto/shoal/v1/control.proto


export interface ResumeClusterRequestInput {
  'requestId'?: (string);
  /**
   * As planned; another one is a conflict.
   */
  'incarnation'?: (string);
}

export interface ResumeClusterRequest {
  'requestId': (string);
  /**
   * As planned; another one is a conflict.
   */
  'incarnation': (string);
}
