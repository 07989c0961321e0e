// Original file: proto/shoal/v1/control.proto

import type { RevisionInput as _shoal_v1_RevisionInput, Revision as _shoal_v1_Revision } from './Revision.ts';
import type { Long } from '@grpc/proto-loader';

export interface RevisionSummaryInput {
  /**
   * Without its spec.
   */
  'revision'?: (_shoal_v1_RevisionInput | null);
  /**
   * Image or command, for people.
   */
  'label'?: (string);
  'current'?: (boolean);
  /**
   * Tasks of it that run.
   */
  'running'?: (number | string | Long);
}

export interface RevisionSummary {
  /**
   * Without its spec.
   */
  'revision': (_shoal_v1_Revision | null);
  /**
   * Image or command, for people.
   */
  'label': (string);
  'current': (boolean);
  /**
   * Tasks of it that run.
   */
  'running': (number);
}
