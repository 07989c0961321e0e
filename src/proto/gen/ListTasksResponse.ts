// Original file: proto/shoal/v1/control.proto

import type { TaskInput as _shoal_v1_TaskInput, Task as _shoal_v1_Task } from './Task.ts';
import type { Long } from '@grpc/proto-loader';

export interface ListTasksResponseInput {
  'tasks'?: (_shoal_v1_TaskInput)[];
  'nextPageToken'?: (string);
  'version'?: (number | string | Long);
  /**
   * Image or command by "<service id>/<revision>", for people.
   */
  'labels'?: ({[key: string]: string});
}

export interface ListTasksResponse {
  'tasks': (_shoal_v1_Task)[];
  'nextPageToken': (string);
  'version': (number);
  /**
   * Image or command by "<service id>/<revision>", for people.
   */
  'labels': ({[key: string]: string});
}
