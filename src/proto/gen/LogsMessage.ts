// Original file: proto/shoal/v1/logs.proto

import type { Long } from '@grpc/proto-loader';

/**
 * A source was added: how people tell lines apart.
 */
export interface _shoal_v1_LogsMessage_BeginInput {
  'taskId'?: (string);
  'nodeId'?: (string);
  'name'?: (string);
  'nodeName'?: (string);
}

/**
 * A source was added: how people tell lines apart.
 */
export interface _shoal_v1_LogsMessage_Begin {
  'taskId': (string);
  'nodeId': (string);
  'name': (string);
  'nodeName': (string);
}

/**
 * A source has no more to say; with an error if it could not be read to its end.
 */
export interface _shoal_v1_LogsMessage_EndInput {
  'taskId'?: (string);
  'nodeId'?: (string);
  'error'?: (string);
}

/**
 * A source has no more to say; with an error if it could not be read to its end.
 */
export interface _shoal_v1_LogsMessage_End {
  'taskId': (string);
  'nodeId': (string);
  'error': (string);
}

export interface _shoal_v1_LogsMessage_LineInput {
  'taskId'?: (string);
  'nodeId'?: (string);
  'stream'?: (_shoal_v1_LogsMessage_StreamInput);
  /**
   * Unix microseconds by the node's clock.
   */
  'timeUs'?: (number | string | Long);
  /**
   * Without its newline; a line over 16 KiB comes in pieces with `partial`.
   */
  'data'?: (Buffer | Uint8Array | string);
  'partial'?: (boolean);
  /**
   * Grows along one stream of a task and is the same whenever it is read; 0 where that is true of the time. The times
   * of a process's lines are estimates: nobody stamps them when they are written.
   */
  'position'?: (number | string | Long);
}

export interface _shoal_v1_LogsMessage_Line {
  'taskId': (string);
  'nodeId': (string);
  'stream': (_shoal_v1_LogsMessage_Stream);
  /**
   * Unix microseconds by the node's clock.
   */
  'timeUs': (number);
  /**
   * Without its newline; a line over 16 KiB comes in pieces with `partial`.
   */
  'data': (Buffer);
  'partial': (boolean);
  /**
   * Grows along one stream of a task and is the same whenever it is read; 0 where that is true of the time. The times
   * of a process's lines are estimates: nobody stamps them when they are written.
   */
  'position': (number);
}

// Original file: proto/shoal/v1/logs.proto

export const _shoal_v1_LogsMessage_Stream = {
  STDOUT: 'STDOUT',
  STDERR: 'STDERR',
} as const;

export type _shoal_v1_LogsMessage_StreamInput =
  | 'STDOUT'
  | 0
  | 'STDERR'
  | 1

export type _shoal_v1_LogsMessage_Stream = typeof _shoal_v1_LogsMessage_Stream[keyof typeof _shoal_v1_LogsMessage_Stream]

export interface LogsMessageInput {
  'line'?: (_shoal_v1_LogsMessage_LineInput | null);
  'end'?: (_shoal_v1_LogsMessage_EndInput | null);
  'begin'?: (_shoal_v1_LogsMessage_BeginInput | null);
  'message'?: "line"|"end"|"begin";
}

export interface LogsMessage {
  'line'?: (_shoal_v1_LogsMessage_Line | null);
  'end'?: (_shoal_v1_LogsMessage_End | null);
  'begin'?: (_shoal_v1_LogsMessage_Begin | null);
  'message'?: "line"|"end"|"begin";
}
