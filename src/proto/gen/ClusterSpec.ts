// Original file: proto/shoal/v1/specs.proto

import type { _shoal_v1_Placement_StrategyInput, _shoal_v1_Placement_Strategy } from './Placement.ts';
import type { Long } from '@grpc/proto-loader';

export interface ClusterSpecInput {
  'name'?: (string);
  /**
   * Tasks kept per slot, the live one included, at most 100; unset is 5. 0 and 1 keep the live one alone, or where none is the
   * last that was. -1 keeps all of them as long as their service, or their run, is: nothing bounds what a service that
   * keeps failing leaves behind then.
   */
  'taskHistoryLimit'?: (number | string | Long);
  /**
   * From a node's last word until its tasks are replaced, for services that do not say; at least 3 s; 0 is 6 s. Only
   * time under a leader counts.
   */
  'replaceAfterMs'?: (number | string | Long);
  /**
   * The same for a node whose kernel closed the connection without a goodbye: what it runs is presumed to go on. At least
   * replace_after_ms; 0 is 30 s, or that where it is longer.
   */
  'replaceClosedAfterMs'?: (number | string | Long);
  /**
   * Events are dropped when they are older: 1 h to 366 days; 0 is 7 days.
   */
  'eventsKeptMs'?: (number | string | Long);
  /**
   * The newest so many are kept: 1,000 to 1,000,000; 0 is 100,000.
   */
  'eventsKept'?: (number | string | Long);
  /**
   * For services that name none; unset is SPREAD. A service that reserves nothing is always spread.
   */
  'strategy'?: (_shoal_v1_Placement_StrategyInput);
  '_taskHistoryLimit'?: "taskHistoryLimit";
}

export interface ClusterSpec {
  'name': (string);
  /**
   * Tasks kept per slot, the live one included, at most 100; unset is 5. 0 and 1 keep the live one alone, or where none is the
   * last that was. -1 keeps all of them as long as their service, or their run, is: nothing bounds what a service that
   * keeps failing leaves behind then.
   */
  'taskHistoryLimit'?: (number);
  /**
   * From a node's last word until its tasks are replaced, for services that do not say; at least 3 s; 0 is 6 s. Only
   * time under a leader counts.
   */
  'replaceAfterMs': (number);
  /**
   * The same for a node whose kernel closed the connection without a goodbye: what it runs is presumed to go on. At least
   * replace_after_ms; 0 is 30 s, or that where it is longer.
   */
  'replaceClosedAfterMs': (number);
  /**
   * Events are dropped when they are older: 1 h to 366 days; 0 is 7 days.
   */
  'eventsKeptMs': (number);
  /**
   * The newest so many are kept: 1,000 to 1,000,000; 0 is 100,000.
   */
  'eventsKept': (number);
  /**
   * For services that name none; unset is SPREAD. A service that reserves nothing is always spread.
   */
  'strategy': (_shoal_v1_Placement_Strategy);
  '_taskHistoryLimit'?: "taskHistoryLimit";
}
