// Original file: proto/shoal/v1/types.proto


export interface PlatformInput {
  'os'?: (string);
  'architecture'?: (string);
}

export interface Platform {
  'os': (string);
  'architecture': (string);
}
