// Original file: proto/shoal/v1/backup.proto

import type { Long } from '@grpc/proto-loader';

export interface _shoal_v1_BackupMessage_BeginInput {
  'clusterId'?: (string);
  'clusterName'?: (string);
  /**
   * Of the state in it.
   */
  'version'?: (number | string | Long);
  'services'?: (number);
  'tasks'?: (number);
  'nodes'?: (number);
}

export interface _shoal_v1_BackupMessage_Begin {
  'clusterId': (string);
  'clusterName': (string);
  /**
   * Of the state in it.
   */
  'version': (number);
  'services': (number);
  'tasks': (number);
  'nodes': (number);
}

/**
 * Without it the file is not complete.
 */
export interface _shoal_v1_BackupMessage_EndInput {
  'bytes'?: (number | string | Long);
  /**
   * Of the whole file, hex.
   */
  'sha256'?: (string);
}

/**
 * Without it the file is not complete.
 */
export interface _shoal_v1_BackupMessage_End {
  'bytes': (number);
  /**
   * Of the whole file, hex.
   */
  'sha256': (string);
}

export interface BackupMessageInput {
  'begin'?: (_shoal_v1_BackupMessage_BeginInput | null);
  /**
   * The next bytes of the file (src/manager/backup-file.ts).
   */
  'data'?: (Buffer | Uint8Array | string);
  'end'?: (_shoal_v1_BackupMessage_EndInput | null);
  'message'?: "begin"|"data"|"end";
}

export interface BackupMessage {
  'begin'?: (_shoal_v1_BackupMessage_Begin | null);
  /**
   * The next bytes of the file (src/manager/backup-file.ts).
   */
  'data'?: (Buffer);
  'end'?: (_shoal_v1_BackupMessage_End | null);
  'message'?: "begin"|"data"|"end";
}
