// Original file: proto/shoal/v1/session.proto

import type { AssignmentInput as _shoal_v1_AssignmentInput, Assignment as _shoal_v1_Assignment } from './Assignment.ts';
import type { Long } from '@grpc/proto-loader';

export interface AssignmentSetInput {
  /**
   * Complete replaces everything the agent holds; incremental applies on top of `applies_to`.
   */
  'complete'?: (boolean);
  'appliesTo'?: (number | string | Long);
  'resultsIn'?: (number | string | Long);
  'clusterIncarnation'?: (string);
  'assigned'?: (_shoal_v1_AssignmentInput)[];
  /**
   * Task ids the agent no longer needs to know.
   */
  'removed'?: (string)[];
  /**
   * Raft index of the committed state it was made from. An agent that acted on a newer one refuses
   * the set: a manager that lags must not stop tasks it has not heard of yet. 0 is unknown.
   */
  'version'?: (number | string | Long);
  /**
   * The node's session that this state knows of. Only if it is the present one has the leader heard of the node again, and
   * nothing of it is being started elsewhere for an earlier silence: until then the agent starts nothing that never runs twice.
   */
  'sessionId'?: (string);
}

export interface AssignmentSet {
  /**
   * Complete replaces everything the agent holds; incremental applies on top of `applies_to`.
   */
  'complete': (boolean);
  'appliesTo': (number);
  'resultsIn': (number);
  'clusterIncarnation': (string);
  'assigned': (_shoal_v1_Assignment)[];
  /**
   * Task ids the agent no longer needs to know.
   */
  'removed': (string)[];
  /**
   * Raft index of the committed state it was made from. An agent that acted on a newer one refuses
   * the set: a manager that lags must not stop tasks it has not heard of yet. 0 is unknown.
   */
  'version': (number);
  /**
   * The node's session that this state knows of. Only if it is the present one has the leader heard of the node again, and
   * nothing of it is being started elsewhere for an earlier silence: until then the agent starts nothing that never runs twice.
   */
  'sessionId': (string);
}
