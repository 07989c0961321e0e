// Original file: proto/shoal/v1/objects.proto

import type { MetaInput as _shoal_v1_MetaInput, Meta as _shoal_v1_Meta } from './Meta.ts';
import type { Long } from '@grpc/proto-loader';

/**
 * A finished mutation, so that its repetition returns the first result.
 */
export interface RequestRecordInput {
  /**
   * "<caller>/<request id>".
   */
  'id'?: (string);
  'meta'?: (_shoal_v1_MetaInput | null);
  /**
   * SHA-256 of the request without its id, hex.
   */
  'hash'?: (string);
  /**
   * The encoded response.
   */
  'result'?: (Buffer | Uint8Array | string);
  'expiresAtMs'?: (number | string | Long);
}

/**
 * A finished mutation, so that its repetition returns the first result.
 */
export interface RequestRecord {
  /**
   * "<caller>/<request id>".
   */
  'id': (string);
  'meta': (_shoal_v1_Meta | null);
  /**
   * SHA-256 of the request without its id, hex.
   */
  'hash': (string);
  /**
   * The encoded response.
   */
  'result': (Buffer);
  'expiresAtMs': (number);
}
