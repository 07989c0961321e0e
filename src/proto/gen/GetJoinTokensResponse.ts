// Original file: proto/shoal/v1/control.proto


export interface GetJoinTokensResponseInput {
  'worker'?: (string);
  'manager'?: (string);
  /**
   * Addresses of the managers to join.
   */
  'addresses'?: (string)[];
}

export interface GetJoinTokensResponse {
  'worker': (string);
  'manager': (string);
  /**
   * Addresses of the managers to join.
   */
  'addresses': (string)[];
}
