// Original file: proto/shoal/v1/control.proto

import type { RevisionSummaryInput as _shoal_v1_RevisionSummaryInput, RevisionSummary as _shoal_v1_RevisionSummary } from './RevisionSummary.ts';

export interface ListRevisionsResponseInput {
  'revisions'?: (_shoal_v1_RevisionSummaryInput)[];
}

export interface ListRevisionsResponse {
  'revisions': (_shoal_v1_RevisionSummary)[];
}
