// Original file: proto/shoal/v1/control.proto

import type { RecoveryInput as _shoal_v1_RecoveryInput, Recovery as _shoal_v1_Recovery } from './Recovery.ts';
import type { ResumeItemInput as _shoal_v1_ResumeItemInput, ResumeItem as _shoal_v1_ResumeItem } from './ResumeItem.ts';
import type { ResumeNodeInput as _shoal_v1_ResumeNodeInput, ResumeNode as _shoal_v1_ResumeNode } from './ResumeNode.ts';

export interface PlanResumeResponseInput {
  /**
   * Null: the cluster does not wait.
   */
  'awaitsResume'?: (_shoal_v1_RecoveryInput | null);
  'incarnation'?: (string);
  /**
   * At most 10,000; `omitted` more are not listed.
   */
  'items'?: (_shoal_v1_ResumeItemInput)[];
  'omitted'?: (number);
  /**
   * Nodes that could not be asked what they run.
   */
  'unknown'?: (_shoal_v1_ResumeNodeInput)[];
}

export interface PlanResumeResponse {
  /**
   * Null: the cluster does not wait.
   */
  'awaitsResume': (_shoal_v1_Recovery | null);
  'incarnation': (string);
  /**
   * At most 10,000; `omitted` more are not listed.
   */
  'items': (_shoal_v1_ResumeItem)[];
  'omitted': (number);
  /**
   * Nodes that could not be asked what they run.
   */
  'unknown': (_shoal_v1_ResumeNode)[];
}
