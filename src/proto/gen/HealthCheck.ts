// Original file: proto/shoal/v1/specs.proto

import type { Long } from '@grpc/proto-loader';

export interface HealthCheckInput {
  /**
   * As Docker's: ["CMD", ...] or ["CMD-SHELL", "..."]; ["NONE"] turns the image's own off. A process has none but this.
   */
  'test'?: (string)[];
  'intervalMs'?: (number | string | Long);
  'timeoutMs'?: (number | string | Long);
  'retries'?: (number | string | Long);
  /**
   * Failures within it do not count before the first success.
   */
  'startPeriodMs'?: (number | string | Long);
  /**
   * Between checks within the start period, without which it is refused, before the first success. 0 is 5 s, or the
   * interval where that is shorter.
   * Engines before 25.0 know none and keep to the interval.
   */
  'startIntervalMs'?: (number | string | Long);
}

export interface HealthCheck {
  /**
   * As Docker's: ["CMD", ...] or ["CMD-SHELL", "..."]; ["NONE"] turns the image's own off. A process has none but this.
   */
  'test': (string)[];
  'intervalMs': (number);
  'timeoutMs': (number);
  'retries': (number);
  /**
   * Failures within it do not count before the first success.
   */
  'startPeriodMs': (number);
  /**
   * Between checks within the start period, without which it is refused, before the first success. 0 is 5 s, or the
   * interval where that is shorter.
   * Engines before 25.0 know none and keep to the interval.
   */
  'startIntervalMs': (number);
}
