// Original file: proto/shoal/v1/specs.proto


export interface LogConfigInput {
  /**
   * Docker's log driver; empty is json-file with rotation.
   */
  'driver'?: (string);
  'options'?: ({[key: string]: string});
}

export interface LogConfig {
  /**
   * Docker's log driver; empty is json-file with rotation.
   */
  'driver': (string);
  'options': ({[key: string]: string});
}
