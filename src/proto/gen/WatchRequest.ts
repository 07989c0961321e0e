// Original file: proto/shoal/v1/watch.proto

import type { Long } from '@grpc/proto-loader';

export interface WatchRequestInput {
  /**
   * Changes after this version. 0 starts now.
   */
  'resumeFrom'?: (number | string | Long);
  /**
   * "service", "task", "node", "run", "cluster"; none is all of them.
   */
  'kinds'?: (string)[];
  /**
   * As in Control.List*. A kind that lacks a key, or for which a value is nothing that it can be, is left out.
   */
  'filters'?: (string)[];
  /**
   * First send the state as it is (as CREATED changes), then an empty message as its end, then changes. Not together
   * with resume_from.
   */
  'initial'?: (boolean);
}

export interface WatchRequest {
  /**
   * Changes after this version. 0 starts now.
   */
  'resumeFrom': (number);
  /**
   * "service", "task", "node", "run", "cluster"; none is all of them.
   */
  'kinds': (string)[];
  /**
   * As in Control.List*. A kind that lacks a key, or for which a value is nothing that it can be, is left out.
   */
  'filters': (string)[];
  /**
   * First send the state as it is (as CREATED changes), then an empty message as its end, then changes. Not together
   * with resume_from.
   */
  'initial': (boolean);
}
