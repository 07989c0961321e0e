// Original file: proto/shoal/v1/specs.proto

import type { MountInput as _shoal_v1_MountInput, Mount as _shoal_v1_Mount } from './Mount.ts';
import type { HealthCheckInput as _shoal_v1_HealthCheckInput, HealthCheck as _shoal_v1_HealthCheck } from './HealthCheck.ts';
import type { DeviceInput as _shoal_v1_DeviceInput, Device as _shoal_v1_Device } from './Device.ts';
import type { GpuRequestInput as _shoal_v1_GpuRequestInput, GpuRequest as _shoal_v1_GpuRequest } from './GpuRequest.ts';
import type { Long } from '@grpc/proto-loader';

// Original file: proto/shoal/v1/specs.proto

export const _shoal_v1_ContainerSpec_PullPolicy = {
  /**
   * A local image is used; otherwise it is pulled.
   */
  MISSING: 'MISSING',
  /**
   * Pulled at every task start.
   */
  ALWAYS: 'ALWAYS',
  /**
   * Never pulled.
   */
  NEVER: 'NEVER',
} as const;

export type _shoal_v1_ContainerSpec_PullPolicyInput =
  /**
   * A local image is used; otherwise it is pulled.
   */
  | 'MISSING'
  | 0
  /**
   * Pulled at every task start.
   */
  | 'ALWAYS'
  | 1
  /**
   * Never pulled.
   */
  | 'NEVER'
  | 2

export type _shoal_v1_ContainerSpec_PullPolicy = typeof _shoal_v1_ContainerSpec_PullPolicy[keyof typeof _shoal_v1_ContainerSpec_PullPolicy]

export interface ContainerSpecInput {
  'image'?: (string);
  /**
   * Replaces the image's entrypoint.
   */
  'command'?: (string)[];
  /**
   * Arguments to the entrypoint.
   */
  'args'?: (string)[];
  /**
   * NAME=value.
   */
  'env'?: (string)[];
  'dir'?: (string);
  'user'?: (string);
  'hostname'?: (string);
  'labels'?: ({[key: string]: string});
  'mounts'?: (_shoal_v1_MountInput)[];
  /**
   * Name or number; empty is the image's own, or SIGTERM.
   */
  'stopSignal'?: (string);
  /**
   * From the stop signal to SIGKILL; unset is 10 s.
   */
  'stopGraceMs'?: (number | string | Long);
  'health'?: (_shoal_v1_HealthCheckInput | null);
  'pullPolicy'?: (_shoal_v1_ContainerSpec_PullPolicyInput);
  'readOnly'?: (boolean);
  'init'?: (boolean);
  'tty'?: (boolean);
  'capAdd'?: (string)[];
  'capDrop'?: (string)[];
  'sysctls'?: ({[key: string]: string});
  'extraHosts'?: (string)[];
  /**
   * Devices of the node; at most 64. A node that lacks one fails the start.
   */
  'devices'?: (_shoal_v1_DeviceInput)[];
  /**
   * Placed on nodes whose engine hands GPUs out.
   */
  'gpus'?: (_shoal_v1_GpuRequestInput | null);
  /**
   * As the kernel's device cgroup takes them: "c 189:* rmw".
   */
  'deviceCgroupRules'?: (string)[];
  '_stopGraceMs'?: "stopGraceMs";
}

export interface ContainerSpec {
  'image': (string);
  /**
   * Replaces the image's entrypoint.
   */
  'command': (string)[];
  /**
   * Arguments to the entrypoint.
   */
  'args': (string)[];
  /**
   * NAME=value.
   */
  'env': (string)[];
  'dir': (string);
  'user': (string);
  'hostname': (string);
  'labels': ({[key: string]: string});
  'mounts': (_shoal_v1_Mount)[];
  /**
   * Name or number; empty is the image's own, or SIGTERM.
   */
  'stopSignal': (string);
  /**
   * From the stop signal to SIGKILL; unset is 10 s.
   */
  'stopGraceMs'?: (number);
  'health': (_shoal_v1_HealthCheck | null);
  'pullPolicy': (_shoal_v1_ContainerSpec_PullPolicy);
  'readOnly': (boolean);
  'init': (boolean);
  'tty': (boolean);
  'capAdd': (string)[];
  'capDrop': (string)[];
  'sysctls': ({[key: string]: string});
  'extraHosts': (string)[];
  /**
   * Devices of the node; at most 64. A node that lacks one fails the start.
   */
  'devices': (_shoal_v1_Device)[];
  /**
   * Placed on nodes whose engine hands GPUs out.
   */
  'gpus': (_shoal_v1_GpuRequest | null);
  /**
   * As the kernel's device cgroup takes them: "c 189:* rmw".
   */
  'deviceCgroupRules': (string)[];
  '_stopGraceMs'?: "stopGraceMs";
}
