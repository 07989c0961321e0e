// Original file: proto/shoal/v1/specs.proto

import type { Long } from '@grpc/proto-loader';

// Original file: proto/shoal/v1/specs.proto

export const _shoal_v1_Mount_Type = {
  BIND: 'BIND',
  VOLUME: 'VOLUME',
  TMPFS: 'TMPFS',
} as const;

export type _shoal_v1_Mount_TypeInput =
  | 'BIND'
  | 0
  | 'VOLUME'
  | 1
  | 'TMPFS'
  | 2

export type _shoal_v1_Mount_Type = typeof _shoal_v1_Mount_Type[keyof typeof _shoal_v1_Mount_Type]

export interface MountInput {
  'type'?: (_shoal_v1_Mount_TypeInput);
  'source'?: (string);
  'target'?: (string);
  'readOnly'?: (boolean);
  /**
   * TMPFS only.
   */
  'tmpfsSizeBytes'?: (number | string | Long);
  /**
   * BIND and VOLUME: the same data on every node, as on a network file system. A task with a named volume or a writable
   * bind that is not shared is started on no other node than the one it ran on, until that is removed; so is the same task of
   * a job's next run. One that writes to a shared mount never runs twice, as if its service were single.
   */
  'shared'?: (boolean);
  /**
   * VOLUME only: the engine's volume plugin, which every node that may run the task has; empty is the engine's own, local.
   * What a plugin keeps is the same data on every node, so that such a volume counts as shared, unless `local`.
   */
  'driver'?: (string);
  /**
   * VOLUME only: as `docker volume create --opt`; of the driver local: type, o, device. They are not secret, and say nothing
   * to a volume that exists.
   */
  'driverOptions'?: ({[key: string]: string});
  /**
   * VOLUME of a driver other than local: its data is on its node all the same, as with a plugin for disks of the node.
   */
  'local'?: (boolean);
}

export interface Mount {
  'type': (_shoal_v1_Mount_Type);
  'source': (string);
  'target': (string);
  'readOnly': (boolean);
  /**
   * TMPFS only.
   */
  'tmpfsSizeBytes': (number);
  /**
   * BIND and VOLUME: the same data on every node, as on a network file system. A task with a named volume or a writable
   * bind that is not shared is started on no other node than the one it ran on, until that is removed; so is the same task of
   * a job's next run. One that writes to a shared mount never runs twice, as if its service were single.
   */
  'shared': (boolean);
  /**
   * VOLUME only: the engine's volume plugin, which every node that may run the task has; empty is the engine's own, local.
   * What a plugin keeps is the same data on every node, so that such a volume counts as shared, unless `local`.
   */
  'driver': (string);
  /**
   * VOLUME only: as `docker volume create --opt`; of the driver local: type, o, device. They are not secret, and say nothing
   * to a volume that exists.
   */
  'driverOptions': ({[key: string]: string});
  /**
   * VOLUME of a driver other than local: its data is on its node all the same, as with a plugin for disks of the node.
   */
  'local': (boolean);
}
