// Original file: proto/shoal/v1/control.proto

import type { ServiceInput as _shoal_v1_ServiceInput, Service as _shoal_v1_Service } from './Service.ts';
import type { RunInput as _shoal_v1_RunInput, Run as _shoal_v1_Run } from './Run.ts';
import type { Long } from '@grpc/proto-loader';

export interface GetServiceResponseInput {
  'service'?: (_shoal_v1_ServiceInput | null);
  /**
   * Tasks observed running and wanted.
   */
  'running'?: (number | string | Long);
  /**
   * Tasks that are to run: replicas, the nodes of a global service, what a job may run at once.
   */
  'desired'?: (number | string | Long);
  /**
   * Of a job's newest run: tasks that completed, and that are to.
   */
  'completed'?: (number | string | Long);
  'total'?: (number | string | Long);
  /**
   * Of a cron service: the next time of its schedule, cluster time; 0 for none.
   */
  'nextRunAtMs'?: (number | string | Long);
  /**
   * Of a job: what was run last, or runs.
   */
  'lastRun'?: (_shoal_v1_RunInput | null);
  /**
   * Of those that run: healthy and ready.
   */
  'ready'?: (number | string | Long);
}

export interface GetServiceResponse {
  'service': (_shoal_v1_Service | null);
  /**
   * Tasks observed running and wanted.
   */
  'running': (number);
  /**
   * Tasks that are to run: replicas, the nodes of a global service, what a job may run at once.
   */
  'desired': (number);
  /**
   * Of a job's newest run: tasks that completed, and that are to.
   */
  'completed': (number);
  'total': (number);
  /**
   * Of a cron service: the next time of its schedule, cluster time; 0 for none.
   */
  'nextRunAtMs': (number);
  /**
   * Of a job: what was run last, or runs.
   */
  'lastRun': (_shoal_v1_Run | null);
  /**
   * Of those that run: healthy and ready.
   */
  'ready': (number);
}
