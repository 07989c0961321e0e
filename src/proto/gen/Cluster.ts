// Original file: proto/shoal/v1/objects.proto

import type { MetaInput as _shoal_v1_MetaInput, Meta as _shoal_v1_Meta } from './Meta.ts';
import type { ClusterSpecInput as _shoal_v1_ClusterSpecInput, ClusterSpec as _shoal_v1_ClusterSpec } from './ClusterSpec.ts';
import type { RecoveryInput as _shoal_v1_RecoveryInput, Recovery as _shoal_v1_Recovery } from './Recovery.ts';
import type { MassSilenceInput as _shoal_v1_MassSilenceInput, MassSilence as _shoal_v1_MassSilence } from './MassSilence.ts';
import type { Long } from '@grpc/proto-loader';

export interface ClusterInput {
  'id'?: (string);
  'meta'?: (_shoal_v1_MetaInput | null);
  'spec'?: (_shoal_v1_ClusterSpecInput | null);
  /**
   * Which life of the cluster this is: a recovery or restore begins a new one, and what belongs to an
   * earlier one acts in it no more (src/model/incarnation.ts).
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
  /**
   * Set by a recovery or restore until `shoal cluster resume`: meanwhile nothing is started, stopped or
   * deleted on any node.
   */
  'awaitsResume'?: (_shoal_v1_RecoveryInput | null);
  /**
   * The last time that many nodes fell silent at once.
   */
  'massSilence'?: (_shoal_v1_MassSilenceInput | null);
  /**
   * Cluster time until which nodes have to come back after the last loss of quorum: nobody could hear them.
   */
  'quorumGraceUntilMs'?: (number | string | Long);
}

export interface Cluster {
  'id': (string);
  'meta': (_shoal_v1_Meta | null);
  'spec': (_shoal_v1_ClusterSpec | null);
  /**
   * Which life of the cluster this is: a recovery or restore begins a new one, and what belongs to an
   * earlier one acts in it no more (src/model/incarnation.ts).
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
  /**
   * Set by a recovery or restore until `shoal cluster resume`: meanwhile nothing is started, stopped or
   * deleted on any node.
   */
  'awaitsResume': (_shoal_v1_Recovery | null);
  /**
   * The last time that many nodes fell silent at once.
   */
  'massSilence': (_shoal_v1_MassSilence | null);
  /**
   * Cluster time until which nodes have to come back after the last loss of quorum: nobody could hear them.
   */
  'quorumGraceUntilMs': (number);
}
