// Original file: proto/shoal/v1/specs.proto

import type { ReplicatedInput as _shoal_v1_ReplicatedInput, Replicated as _shoal_v1_Replicated } from './Replicated.ts';
import type { TaskSpecInput as _shoal_v1_TaskSpecInput, TaskSpec as _shoal_v1_TaskSpec } from './TaskSpec.ts';
import type { UpdateConfigInput as _shoal_v1_UpdateConfigInput, UpdateConfig as _shoal_v1_UpdateConfig } from './UpdateConfig.ts';
import type { GlobalInput as _shoal_v1_GlobalInput, Global as _shoal_v1_Global } from './Global.ts';
import type { ReplicatedJobInput as _shoal_v1_ReplicatedJobInput, ReplicatedJob as _shoal_v1_ReplicatedJob } from './ReplicatedJob.ts';
import type { GlobalJobInput as _shoal_v1_GlobalJobInput, GlobalJob as _shoal_v1_GlobalJob } from './GlobalJob.ts';
import type { CronInput as _shoal_v1_CronInput, Cron as _shoal_v1_Cron } from './Cron.ts';
import type { NodeLossInput as _shoal_v1_NodeLossInput, NodeLoss as _shoal_v1_NodeLoss } from './NodeLoss.ts';

export interface ServiceSpecInput {
  /**
   * DNS label, at most 63 characters, unique in the cluster.
   */
  'name'?: (string);
  'labels'?: ({[key: string]: string});
  'replicated'?: (_shoal_v1_ReplicatedInput | null);
  'task'?: (_shoal_v1_TaskSpecInput | null);
  /**
   * Not of jobs: a changed job starts over.
   */
  'update'?: (_shoal_v1_UpdateConfigInput | null);
  'global'?: (_shoal_v1_GlobalInput | null);
  'replicatedJob'?: (_shoal_v1_ReplicatedJobInput | null);
  'globalJob'?: (_shoal_v1_GlobalJobInput | null);
  'cron'?: (_shoal_v1_CronInput | null);
  /**
   * How the way back is rolled out; unset is as `update`, without delay and canary, and pausing on failure.
   */
  'rollback'?: (_shoal_v1_UpdateConfigInput | null);
  /**
   * What becomes of its tasks while their node does not answer.
   */
  'nodeLoss'?: (_shoal_v1_NodeLossInput | null);
  /**
   * Its one task never runs twice, at the price of waiting: an agent cut off from all managers for 20 s stops it, and
   * another one is started after 30 s, or, where only the agent may be dead, not before its node answers or is removed.
   * Only with at most one replica, or of a job with one task at once; a new task starts when the old one has stopped, whatever
   * the update order says, and whichever run it is of.
   */
  'single'?: (boolean);
  /**
   * Replicated only. When nodes differ by two or more of its tasks, as after one joined or came back, tasks are moved one
   * at a time: the next one starts first, and the old one stops when that has been ready for the monitor period. A node
   * takes part from 60 s after it became ready. Never within a rollout; not with data of a node, single, or packed tasks.
   */
  'rebalance'?: (boolean);
  /**
   * Fixed at creation; none is replicated.
   */
  'mode'?: "replicated"|"global"|"replicatedJob"|"globalJob"|"cron";
}

export interface ServiceSpec {
  /**
   * DNS label, at most 63 characters, unique in the cluster.
   */
  'name': (string);
  'labels': ({[key: string]: string});
  'replicated'?: (_shoal_v1_Replicated | null);
  'task': (_shoal_v1_TaskSpec | null);
  /**
   * Not of jobs: a changed job starts over.
   */
  'update': (_shoal_v1_UpdateConfig | null);
  'global'?: (_shoal_v1_Global | null);
  'replicatedJob'?: (_shoal_v1_ReplicatedJob | null);
  'globalJob'?: (_shoal_v1_GlobalJob | null);
  'cron'?: (_shoal_v1_Cron | null);
  /**
   * How the way back is rolled out; unset is as `update`, without delay and canary, and pausing on failure.
   */
  'rollback': (_shoal_v1_UpdateConfig | null);
  /**
   * What becomes of its tasks while their node does not answer.
   */
  'nodeLoss': (_shoal_v1_NodeLoss | null);
  /**
   * Its one task never runs twice, at the price of waiting: an agent cut off from all managers for 20 s stops it, and
   * another one is started after 30 s, or, where only the agent may be dead, not before its node answers or is removed.
   * Only with at most one replica, or of a job with one task at once; a new task starts when the old one has stopped, whatever
   * the update order says, and whichever run it is of.
   */
  'single': (boolean);
  /**
   * Replicated only. When nodes differ by two or more of its tasks, as after one joined or came back, tasks are moved one
   * at a time: the next one starts first, and the old one stops when that has been ready for the monitor period. A node
   * takes part from 60 s after it became ready. Never within a rollout; not with data of a node, single, or packed tasks.
   */
  'rebalance': (boolean);
  /**
   * Fixed at creation; none is replicated.
   */
  'mode'?: "replicated"|"global"|"replicatedJob"|"globalJob"|"cron";
}
