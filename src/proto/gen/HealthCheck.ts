// Original file: proto/shoal/v1/specs.proto

import type { Long } from '@grpc/proto-loader';

export interface HealthCheckInput {
  /**
   * As Docker's: ["CMD", ...] or ["CMD-SHELL", "..."]; ["NONE"] turns the image's own off.
   */
  'test'?: (string)[];
  'intervalMs'?: (number | string | Long);
  'timeoutMs'?: (number | string | Long);
  'retries'?: (number | string | Long);
  'startPeriodMs'?: (number | string | Long);
}

export interface HealthCheck {
  /**
   * As Docker's: ["CMD", ...] or ["CMD-SHELL", "..."]; ["NONE"] turns the image's own off.
   */
  'test': (string)[];
  'intervalMs': (number);
  'timeoutMs': (number);
  'retries': (number);
  'startPeriodMs': (number);
}
