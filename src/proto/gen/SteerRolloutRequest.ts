// Original file: proto/shoal/v1/control.proto


// Original file: proto/shoal/v1/control.proto

export const _shoal_v1_SteerRolloutRequest_Action = {
  NONE: 'NONE',
  /**
   * No further slot takes its turn.
   */
  PAUSE: 'PAUSE',
  /**
   * Goes on after a pause; failures until now are forgiven.
   */
  RESUME: 'RESUME',
  /**
   * The canary was good: all other slots follow.
   */
  PROMOTE: 'PROMOTE',
} as const;

export type _shoal_v1_SteerRolloutRequest_ActionInput =
  | 'NONE'
  | 0
  /**
   * No further slot takes its turn.
   */
  | 'PAUSE'
  | 1
  /**
   * Goes on after a pause; failures until now are forgiven.
   */
  | 'RESUME'
  | 2
  /**
   * The canary was good: all other slots follow.
   */
  | 'PROMOTE'
  | 3

export type _shoal_v1_SteerRolloutRequest_Action = typeof _shoal_v1_SteerRolloutRequest_Action[keyof typeof _shoal_v1_SteerRolloutRequest_Action]

export interface SteerRolloutRequestInput {
  'requestId'?: (string);
  'id'?: (string);
  'action'?: (_shoal_v1_SteerRolloutRequest_ActionInput);
}

export interface SteerRolloutRequest {
  'requestId': (string);
  'id': (string);
  'action': (_shoal_v1_SteerRolloutRequest_Action);
}
