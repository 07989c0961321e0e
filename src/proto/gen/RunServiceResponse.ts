// Original file: proto/shoal/v1/control.proto

import type { RunInput as _shoal_v1_RunInput, Run as _shoal_v1_Run } from './Run.ts';

export interface RunServiceResponseInput {
  'run'?: (_shoal_v1_RunInput | null);
}

export interface RunServiceResponse {
  'run': (_shoal_v1_Run | null);
}
