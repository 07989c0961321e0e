// Original file: proto/shoal/v1/control.proto

import type { RunInput as _shoal_v1_RunInput, Run as _shoal_v1_Run } from './Run.ts';
import type { Long } from '@grpc/proto-loader';

export interface ListRunsResponseInput {
  /**
   * By service, the newest first. Open ones with what their tasks have come to.
   */
  'runs'?: (_shoal_v1_RunInput)[];
  'nextPageToken'?: (string);
  'version'?: (number | string | Long);
}

export interface ListRunsResponse {
  /**
   * By service, the newest first. Open ones with what their tasks have come to.
   */
  'runs': (_shoal_v1_Run)[];
  'nextPageToken': (string);
  'version': (number);
}
