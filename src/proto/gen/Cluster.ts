// Original file: proto/shoal/v1/objects.proto

import type { MetaInput as _shoal_v1_MetaInput, Meta as _shoal_v1_Meta } from './Meta.ts';
import type { ClusterSpecInput as _shoal_v1_ClusterSpecInput, ClusterSpec as _shoal_v1_ClusterSpec } from './ClusterSpec.ts';

export interface ClusterInput {
  'id'?: (string);
  'meta'?: (_shoal_v1_MetaInput | null);
  'spec'?: (_shoal_v1_ClusterSpecInput | null);
  /**
   * Changes when the cluster is recovered or restored: agents act on assignments of one incarnation only.
   */
  'incarnation'?: (string);
  'rootCertificatePem'?: (string);
  /**
   * Secrets: never in an API answer.
   */
  'rootKeyPem'?: (string);
  'workerTokenSecret'?: (string);
  'managerTokenSecret'?: (string);
  /**
   * Nodes that were removed, the newest last; at most 512. Their certificates and disks open nothing any more.
   */
  'removedNodeIds'?: (string)[];
  /**
   * The protocol that managers may write: raised once every one of them supports it. 0 is 1.
   */
  'protocol'?: (number);
}

export interface Cluster {
  'id': (string);
  'meta': (_shoal_v1_Meta | null);
  'spec': (_shoal_v1_ClusterSpec | null);
  /**
   * Changes when the cluster is recovered or restored: agents act on assignments of one incarnation only.
   */
  'incarnation': (string);
  'rootCertificatePem': (string);
  /**
   * Secrets: never in an API answer.
   */
  'rootKeyPem': (string);
  'workerTokenSecret': (string);
  'managerTokenSecret': (string);
  /**
   * Nodes that were removed, the newest last; at most 512. Their certificates and disks open nothing any more.
   */
  'removedNodeIds': (string)[];
  /**
   * The protocol that managers may write: raised once every one of them supports it. 0 is 1.
   */
  'protocol': (number);
}
