// Original file: proto/shoal/v1/objects.proto

import type { PlatformInput as _shoal_v1_PlatformInput, Platform as _shoal_v1_Platform } from './Platform.ts';
import type { ResourcesInput as _shoal_v1_ResourcesInput, Resources as _shoal_v1_Resources } from './Resources.ts';

/**
 * What a node says about itself.
 */
export interface NodeDescriptionInput {
  'hostname'?: (string);
  'platform'?: (_shoal_v1_PlatformInput | null);
  'resources'?: (_shoal_v1_ResourcesInput | null);
  /**
   * "container", "process".
   */
  'runtimes'?: (string)[];
  /**
   * Agents on one engine share it, and with it host ports and capacity; empty without an engine.
   */
  'engineId'?: (string);
  'engineLabels'?: ({[key: string]: string});
  'engineVersion'?: (string);
  'shoalVersion'?: (string);
  /**
   * Protocols that the node's program speaks, both ends included; 0 is 1.
   */
  'protocolMin'?: (number);
  'protocolMax'?: (number);
  /**
   * Devices its engine hands out by name: "nvidia", or a CDI class like "nvidia.com/gpu".
   */
  'deviceDrivers'?: (string)[];
  /**
   * Log drivers of its engine; empty is not known.
   */
  'logDrivers'?: (string)[];
  /**
   * The IP address behind the node's address, as the node resolves it.
   */
  'ip'?: (string);
  /**
   * Directories whose file systems are 95 % used or more, so that it takes no new tasks.
   */
  'fullPaths'?: (string)[];
  /**
   * Directories whose file systems are 90 % used or more also after unused images were collected; full ones among them.
   */
  'fillingPaths'?: (string)[];
}

/**
 * What a node says about itself.
 */
export interface NodeDescription {
  'hostname': (string);
  'platform': (_shoal_v1_Platform | null);
  'resources': (_shoal_v1_Resources | null);
  /**
   * "container", "process".
   */
  'runtimes': (string)[];
  /**
   * Agents on one engine share it, and with it host ports and capacity; empty without an engine.
   */
  'engineId': (string);
  'engineLabels': ({[key: string]: string});
  'engineVersion': (string);
  'shoalVersion': (string);
  /**
   * Protocols that the node's program speaks, both ends included; 0 is 1.
   */
  'protocolMin': (number);
  'protocolMax': (number);
  /**
   * Devices its engine hands out by name: "nvidia", or a CDI class like "nvidia.com/gpu".
   */
  'deviceDrivers': (string)[];
  /**
   * Log drivers of its engine; empty is not known.
   */
  'logDrivers': (string)[];
  /**
   * The IP address behind the node's address, as the node resolves it.
   */
  'ip': (string);
  /**
   * Directories whose file systems are 95 % used or more, so that it takes no new tasks.
   */
  'fullPaths': (string)[];
  /**
   * Directories whose file systems are 90 % used or more also after unused images were collected; full ones among them.
   */
  'fillingPaths': (string)[];
}
