// Original file: proto/shoal/v1/specs.proto


/**
 * Good if it exits with 0. Run in the container, or for a process on the node with the process's own environment.
 */
export interface CommandProbeInput {
  /**
   * Program and arguments; no shell.
   */
  'command'?: (string)[];
}

/**
 * Good if it exits with 0. Run in the container, or for a process on the node with the process's own environment.
 */
export interface CommandProbe {
  /**
   * Program and arguments; no shell.
   */
  'command': (string)[];
}
