// Original file: proto/shoal/v1/specs.proto

import type { ContainerSpecInput as _shoal_v1_ContainerSpecInput, ContainerSpec as _shoal_v1_ContainerSpec } from './ContainerSpec.ts';
import type { ProcessSpecInput as _shoal_v1_ProcessSpecInput, ProcessSpec as _shoal_v1_ProcessSpec } from './ProcessSpec.ts';
import type { ResourceRequirementsInput as _shoal_v1_ResourceRequirementsInput, ResourceRequirements as _shoal_v1_ResourceRequirements } from './ResourceRequirements.ts';
import type { RestartPolicyInput as _shoal_v1_RestartPolicyInput, RestartPolicy as _shoal_v1_RestartPolicy } from './RestartPolicy.ts';
import type { PlacementInput as _shoal_v1_PlacementInput, Placement as _shoal_v1_Placement } from './Placement.ts';
import type { LogConfigInput as _shoal_v1_LogConfigInput, LogConfig as _shoal_v1_LogConfig } from './LogConfig.ts';
import type { PortSpecInput as _shoal_v1_PortSpecInput, PortSpec as _shoal_v1_PortSpec } from './PortSpec.ts';
import type { TaskChecksInput as _shoal_v1_TaskChecksInput, TaskChecks as _shoal_v1_TaskChecks } from './TaskChecks.ts';
import type { Long } from '@grpc/proto-loader';

/**
 * What one task runs. Immutable once stored as a revision.
 */
export interface TaskSpecInput {
  'container'?: (_shoal_v1_ContainerSpecInput | null);
  'process'?: (_shoal_v1_ProcessSpecInput | null);
  'resources'?: (_shoal_v1_ResourceRequirementsInput | null);
  'restart'?: (_shoal_v1_RestartPolicyInput | null);
  'placement'?: (_shoal_v1_PlacementInput | null);
  'log'?: (_shoal_v1_LogConfigInput | null);
  'ports'?: (_shoal_v1_PortSpecInput)[];
  /**
   * Any change of it replaces every task (service restart).
   */
  'forceUpdate'?: (number | string | Long);
  /**
   * Beside the runtime's own health check.
   */
  'checks'?: (_shoal_v1_TaskChecksInput | null);
  'runtime'?: "container"|"process";
}

/**
 * What one task runs. Immutable once stored as a revision.
 */
export interface TaskSpec {
  'container'?: (_shoal_v1_ContainerSpec | null);
  'process'?: (_shoal_v1_ProcessSpec | null);
  'resources': (_shoal_v1_ResourceRequirements | null);
  'restart': (_shoal_v1_RestartPolicy | null);
  'placement': (_shoal_v1_Placement | null);
  'log': (_shoal_v1_LogConfig | null);
  'ports': (_shoal_v1_PortSpec)[];
  /**
   * Any change of it replaces every task (service restart).
   */
  'forceUpdate': (number);
  /**
   * Beside the runtime's own health check.
   */
  'checks': (_shoal_v1_TaskChecks | null);
  'runtime'?: "container"|"process";
}
