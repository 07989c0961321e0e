// Original file: proto/shoal/v1/types.proto

import type { GenericResourceInput as _shoal_v1_GenericResourceInput, GenericResource as _shoal_v1_GenericResource } from './GenericResource.ts';
import type { Long } from '@grpc/proto-loader';

export interface ResourcesInput {
  'nanoCpus'?: (number | string | Long);
  'memoryBytes'?: (number | string | Long);
  /**
   * What else a node has and a task takes in whole numbers: GPUs, licences; one entry a kind. Not of limits.
   */
  'generic'?: (_shoal_v1_GenericResourceInput)[];
}

export interface Resources {
  'nanoCpus': (number);
  'memoryBytes': (number);
  /**
   * What else a node has and a task takes in whole numbers: GPUs, licences; one entry a kind. Not of limits.
   */
  'generic': (_shoal_v1_GenericResource)[];
}
