// Original file: proto/shoal/v1/control.proto

import type { PlannedMoveInput as _shoal_v1_PlannedMoveInput, PlannedMove as _shoal_v1_PlannedMove } from './PlannedMove.ts';

export interface PlanRebalanceResponseInput {
  /**
   * In this order, one after the other. At most 1,000, and in large clusters fewer.
   */
  'moves'?: (_shoal_v1_PlannedMoveInput)[];
  /**
   * Why nothing is moved now, though it may be later; empty if nothing holds it up.
   */
  'waitsFor'?: (string);
  /**
   * More may follow than are told.
   */
  'partial'?: (boolean);
}

export interface PlanRebalanceResponse {
  /**
   * In this order, one after the other. At most 1,000, and in large clusters fewer.
   */
  'moves': (_shoal_v1_PlannedMove)[];
  /**
   * Why nothing is moved now, though it may be later; empty if nothing holds it up.
   */
  'waitsFor': (string);
  /**
   * More may follow than are told.
   */
  'partial': (boolean);
}
