// Original file: proto/shoal/v1/store.proto

import type { ClusterInput as _shoal_v1_ClusterInput, Cluster as _shoal_v1_Cluster } from './Cluster.ts';
import type { NodeInput as _shoal_v1_NodeInput, Node as _shoal_v1_Node } from './Node.ts';
import type { ServiceInput as _shoal_v1_ServiceInput, Service as _shoal_v1_Service } from './Service.ts';
import type { RevisionInput as _shoal_v1_RevisionInput, Revision as _shoal_v1_Revision } from './Revision.ts';
import type { TaskInput as _shoal_v1_TaskInput, Task as _shoal_v1_Task } from './Task.ts';
import type { RequestRecordInput as _shoal_v1_RequestRecordInput, RequestRecord as _shoal_v1_RequestRecord } from './RequestRecord.ts';
import type { RunInput as _shoal_v1_RunInput, Run as _shoal_v1_Run } from './Run.ts';

export interface StoreObjectInput {
  'cluster'?: (_shoal_v1_ClusterInput | null);
  'node'?: (_shoal_v1_NodeInput | null);
  'service'?: (_shoal_v1_ServiceInput | null);
  'revision'?: (_shoal_v1_RevisionInput | null);
  'task'?: (_shoal_v1_TaskInput | null);
  'request'?: (_shoal_v1_RequestRecordInput | null);
  'run'?: (_shoal_v1_RunInput | null);
  'object'?: "cluster"|"node"|"service"|"revision"|"task"|"request"|"run";
}

export interface StoreObject {
  'cluster'?: (_shoal_v1_Cluster | null);
  'node'?: (_shoal_v1_Node | null);
  'service'?: (_shoal_v1_Service | null);
  'revision'?: (_shoal_v1_Revision | null);
  'task'?: (_shoal_v1_Task | null);
  'request'?: (_shoal_v1_RequestRecord | null);
  'run'?: (_shoal_v1_Run | null);
  'object'?: "cluster"|"node"|"service"|"revision"|"task"|"request"|"run";
}
