// Original file: proto/shoal/v1/control.proto


export interface RemoveResponseInput {
  'id'?: (string);
  /**
   * As of updates.
   */
  'warnings'?: (string)[];
}

export interface RemoveResponse {
  'id': (string);
  /**
   * As of updates.
   */
  'warnings': (string)[];
}
