// Original file: proto/shoal/v1/specs.proto

import type { CommandProbeInput as _shoal_v1_CommandProbeInput, CommandProbe as _shoal_v1_CommandProbe } from './CommandProbe.ts';
import type { HttpProbeInput as _shoal_v1_HttpProbeInput, HttpProbe as _shoal_v1_HttpProbe } from './HttpProbe.ts';
import type { TcpProbeInput as _shoal_v1_TcpProbeInput, TcpProbe as _shoal_v1_TcpProbe } from './TcpProbe.ts';
import type { Long } from '@grpc/proto-loader';

export interface CheckInput {
  'command'?: (_shoal_v1_CommandProbeInput | null);
  'http'?: (_shoal_v1_HttpProbeInput | null);
  'tcp'?: (_shoal_v1_TcpProbeInput | null);
  /**
   * To the first probe: from the task's start, or where there is a startup check from its success. Of startup and
   * readiness less than the progress deadline of rollouts.
   */
  'initialDelayMs'?: (number | string | Long);
  /**
   * From the end of a probe to the next one, at least 100; 0 is 10 s, for a startup check 1 s.
   */
  'intervalMs'?: (number | string | Long);
  /**
   * A probe that takes longer has failed; at most 5 min, 0 is 5 s.
   */
  'timeoutMs'?: (number | string | Long);
  /**
   * So many failed probes in a row make the check fail; at most 1,000; 0 is 3, for a startup check 60.
   */
  'failures'?: (number | string | Long);
  /**
   * So many good ones in a row make it pass; at most 1,000; 0 is 1, which is all there is but for readiness.
   */
  'successes'?: (number | string | Long);
  /**
   * One of them.
   */
  'probe'?: "command"|"http"|"tcp";
}

export interface Check {
  'command'?: (_shoal_v1_CommandProbe | null);
  'http'?: (_shoal_v1_HttpProbe | null);
  'tcp'?: (_shoal_v1_TcpProbe | null);
  /**
   * To the first probe: from the task's start, or where there is a startup check from its success. Of startup and
   * readiness less than the progress deadline of rollouts.
   */
  'initialDelayMs': (number);
  /**
   * From the end of a probe to the next one, at least 100; 0 is 10 s, for a startup check 1 s.
   */
  'intervalMs': (number);
  /**
   * A probe that takes longer has failed; at most 5 min, 0 is 5 s.
   */
  'timeoutMs': (number);
  /**
   * So many failed probes in a row make the check fail; at most 1,000; 0 is 3, for a startup check 60.
   */
  'failures': (number);
  /**
   * So many good ones in a row make it pass; at most 1,000; 0 is 1, which is all there is but for readiness.
   */
  'successes': (number);
  /**
   * One of them.
   */
  'probe'?: "command"|"http"|"tcp";
}
