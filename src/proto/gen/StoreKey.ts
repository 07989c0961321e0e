// Original file: proto/shoal/v1/store.proto


export interface StoreKeyInput {
  /**
   * "cluster", "node", "service", "revision", "task", "request", "run".
   */
  'table'?: (string);
  'id'?: (string);
}

export interface StoreKey {
  /**
   * "cluster", "node", "service", "revision", "task", "request", "run".
   */
  'table': (string);
  'id': (string);
}
