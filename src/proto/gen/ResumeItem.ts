// Original file: proto/shoal/v1/control.proto


// Original file: proto/shoal/v1/control.proto

export const _shoal_v1_ResumeItem_Action = {
  /**
   * Runs and is stopped.
   */
  STOP: 'STOP',
  /**
   * Does not run and is started.
   */
  START: 'START',
  /**
   * May run where nobody can see it; another one is started once its node is given up.
   */
  REPLACE: 'REPLACE',
} as const;

export type _shoal_v1_ResumeItem_ActionInput =
  /**
   * Runs and is stopped.
   */
  | 'STOP'
  | 0
  /**
   * Does not run and is started.
   */
  | 'START'
  | 1
  /**
   * May run where nobody can see it; another one is started once its node is given up.
   */
  | 'REPLACE'
  | 2

export type _shoal_v1_ResumeItem_Action = typeof _shoal_v1_ResumeItem_Action[keyof typeof _shoal_v1_ResumeItem_Action]

export interface ResumeItemInput {
  'action'?: (_shoal_v1_ResumeItem_ActionInput);
  /**
   * Empty for one that does not exist yet.
   */
  'taskId'?: (string);
  'serviceId'?: (string);
  /**
   * web.2
   */
  'name'?: (string);
  /**
   * Empty: the scheduler decides.
   */
  'nodeId'?: (string);
  'nodeName'?: (string);
  'reason'?: (string);
}

export interface ResumeItem {
  'action': (_shoal_v1_ResumeItem_Action);
  /**
   * Empty for one that does not exist yet.
   */
  'taskId': (string);
  'serviceId': (string);
  /**
   * web.2
   */
  'name': (string);
  /**
   * Empty: the scheduler decides.
   */
  'nodeId': (string);
  'nodeName': (string);
  'reason': (string);
}
