// Original file: proto/shoal/v1/daemon.proto


export interface LeaveRequestInput {
  /**
   * Also when this loses the quorum or is the last manager.
   */
  'force'?: (boolean);
}

export interface LeaveRequest {
  /**
   * Also when this loses the quorum or is the last manager.
   */
  'force': (boolean);
}
