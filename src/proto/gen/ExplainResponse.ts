// Original file: proto/shoal/v1/control.proto

import type { ExplainReasonInput as _shoal_v1_ExplainReasonInput, ExplainReason as _shoal_v1_ExplainReason } from './ExplainReason.ts';

export interface ExplainResponseInput {
  /**
   * "service", "task", "node".
   */
  'kind'?: (string);
  'id'?: (string);
  'name'?: (string);
  /**
   * One sentence.
   */
  'summary'?: (string);
  'reasons'?: (_shoal_v1_ExplainReasonInput)[];
}

export interface ExplainResponse {
  /**
   * "service", "task", "node".
   */
  'kind': (string);
  'id': (string);
  'name': (string);
  /**
   * One sentence.
   */
  'summary': (string);
  'reasons': (_shoal_v1_ExplainReason)[];
}
