// Original file: proto/shoal/v1/control.proto

import type { NodeSummaryInput as _shoal_v1_NodeSummaryInput, NodeSummary as _shoal_v1_NodeSummary } from './NodeSummary.ts';
import type { RecoveryInput as _shoal_v1_RecoveryInput, Recovery as _shoal_v1_Recovery } from './Recovery.ts';
import type { MassSilenceInput as _shoal_v1_MassSilenceInput, MassSilence as _shoal_v1_MassSilence } from './MassSilence.ts';
import type { Long } from '@grpc/proto-loader';

export interface ListNodesResponseInput {
  'nodes'?: (_shoal_v1_NodeSummaryInput)[];
  'nextPageToken'?: (string);
  'version'?: (number | string | Long);
  'awaitsResume'?: (_shoal_v1_RecoveryInput | null);
  /**
   * The last time that many nodes fell silent at once, also when it is over.
   */
  'massSilence'?: (_shoal_v1_MassSilenceInput | null);
}

export interface ListNodesResponse {
  'nodes': (_shoal_v1_NodeSummary)[];
  'nextPageToken': (string);
  'version': (number);
  'awaitsResume': (_shoal_v1_Recovery | null);
  /**
   * The last time that many nodes fell silent at once, also when it is over.
   */
  'massSilence': (_shoal_v1_MassSilence | null);
}
