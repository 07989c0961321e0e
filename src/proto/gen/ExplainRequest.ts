// Original file: proto/shoal/v1/control.proto


export interface ExplainRequestInput {
  /**
   * A service, task or node by id, unique prefix or name; looked for in this order.
   */
  'id'?: (string);
}

export interface ExplainRequest {
  /**
   * A service, task or node by id, unique prefix or name; looked for in this order.
   */
  'id': (string);
}
