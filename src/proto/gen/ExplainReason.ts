// Original file: proto/shoal/v1/control.proto


export interface ExplainReasonInput {
  /**
   * The task or node this is about.
   */
  'subjectKind'?: (string);
  'subjectId'?: (string);
  'subjectName'?: (string);
  /**
   * The filter or rule: "ready", "runtime", "resources", "constraint", ...
   */
  'code'?: (string);
  'message'?: (string);
  /**
   * What to do next; may be empty.
   */
  'next'?: (string);
}

export interface ExplainReason {
  /**
   * The task or node this is about.
   */
  'subjectKind': (string);
  'subjectId': (string);
  'subjectName': (string);
  /**
   * The filter or rule: "ready", "runtime", "resources", "constraint", ...
   */
  'code': (string);
  'message': (string);
  /**
   * What to do next; may be empty.
   */
  'next': (string);
}
