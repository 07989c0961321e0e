// Original file: proto/shoal/v1/control.proto


// Original file: proto/shoal/v1/control.proto

export const _shoal_v1_ManagerStatus_Reachability = {
  NONE: 'NONE',
  UNREACHABLE: 'UNREACHABLE',
  REACHABLE: 'REACHABLE',
  LEADER: 'LEADER',
  LEARNER: 'LEARNER',
} as const;

export type _shoal_v1_ManagerStatus_ReachabilityInput =
  | 'NONE'
  | 0
  | 'UNREACHABLE'
  | 1
  | 'REACHABLE'
  | 2
  | 'LEADER'
  | 3
  | 'LEARNER'
  | 4

export type _shoal_v1_ManagerStatus_Reachability = typeof _shoal_v1_ManagerStatus_Reachability[keyof typeof _shoal_v1_ManagerStatus_Reachability]

export interface ManagerStatusInput {
  'reachability'?: (_shoal_v1_ManagerStatus_ReachabilityInput);
}

export interface ManagerStatus {
  'reachability': (_shoal_v1_ManagerStatus_Reachability);
}
