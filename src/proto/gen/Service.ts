// Original file: proto/shoal/v1/objects.proto

import type { MetaInput as _shoal_v1_MetaInput, Meta as _shoal_v1_Meta } from './Meta.ts';
import type { ServiceSpecInput as _shoal_v1_ServiceSpecInput, ServiceSpec as _shoal_v1_ServiceSpec } from './ServiceSpec.ts';
import type { CauseInput as _shoal_v1_CauseInput, Cause as _shoal_v1_Cause } from './Cause.ts';
import type { RolloutInput as _shoal_v1_RolloutInput, Rollout as _shoal_v1_Rollout } from './Rollout.ts';
import type { Long } from '@grpc/proto-loader';

export interface ServiceInput {
  'id'?: (string);
  'meta'?: (_shoal_v1_MetaInput | null);
  'spec'?: (_shoal_v1_ServiceSpecInput | null);
  /**
   * Number of the current revision: what all tasks are to become. A rollback lowers it.
   */
  'revision'?: (number | string | Long);
  'cause'?: (_shoal_v1_CauseInput | null);
  /**
   * The rollout under way, or the last one; unset until the first. Jobs have none.
   */
  'rollout'?: (_shoal_v1_RolloutInput | null);
  /**
   * The version at which `spec` last changed: what an update must have seen. The rollout's progress is no conflict.
   */
  'specVersion'?: (number | string | Long);
  /**
   * Cron: times up to here are not its own. When it was created, resumed, or its schedule changed; cluster time.
   */
  'scheduledFromMs'?: (number | string | Long);
  /**
   * RebalanceService: as if spec.rebalance were set, until its tasks are spread or this cluster time; 0 once it is over.
   */
  'rebalanceUntilMs'?: (number | string | Long);
}

export interface Service {
  'id': (string);
  'meta': (_shoal_v1_Meta | null);
  'spec': (_shoal_v1_ServiceSpec | null);
  /**
   * Number of the current revision: what all tasks are to become. A rollback lowers it.
   */
  'revision': (number);
  'cause': (_shoal_v1_Cause | null);
  /**
   * The rollout under way, or the last one; unset until the first. Jobs have none.
   */
  'rollout': (_shoal_v1_Rollout | null);
  /**
   * The version at which `spec` last changed: what an update must have seen. The rollout's progress is no conflict.
   */
  'specVersion': (number);
  /**
   * Cron: times up to here are not its own. When it was created, resumed, or its schedule changed; cluster time.
   */
  'scheduledFromMs': (number);
  /**
   * RebalanceService: as if spec.rebalance were set, until its tasks are spread or this cluster time; 0 once it is over.
   */
  'rebalanceUntilMs': (number);
}
