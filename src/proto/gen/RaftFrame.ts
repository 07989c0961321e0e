// Original file: proto/shoal/v1/raft.proto


/**
 * `data` is the hand-written encoding of manager/replica/frame-codec.ts.
 */
export interface RaftFrameInput {
  'data'?: (Buffer | Uint8Array | string);
}

/**
 * `data` is the hand-written encoding of manager/replica/frame-codec.ts.
 */
export interface RaftFrame {
  'data': (Buffer);
}
