// Original file: proto/shoal/v1/specs.proto


export interface DeviceInput {
  /**
   * A path on the node.
   */
  'source'?: (string);
  /**
   * Empty is the same as `source`.
   */
  'target'?: (string);
  /**
   * Of r (read), w (write) and m (mknod); empty is rwm.
   */
  'permissions'?: (string);
}

export interface Device {
  /**
   * A path on the node.
   */
  'source': (string);
  /**
   * Empty is the same as `source`.
   */
  'target': (string);
  /**
   * Of r (read), w (write) and m (mknod); empty is rwm.
   */
  'permissions': (string);
}
