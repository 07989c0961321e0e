// Original file: proto/shoal/v1/control.proto


export interface ResumeNodeInput {
  'id'?: (string);
  'name'?: (string);
  'address'?: (string);
  /**
   * The state has no such node: it joined after the backup, or was removed before. Its tasks are left alone.
   */
  'isStranger'?: (boolean);
  'reason'?: (string);
}

export interface ResumeNode {
  'id': (string);
  'name': (string);
  'address': (string);
  /**
   * The state has no such node: it joined after the backup, or was removed before. Its tasks are left alone.
   */
  'isStranger': (boolean);
  'reason': (string);
}
