/** Complete objects with the fields a test names, as the decoder would make them. */
import { codec, type MessageName, type Output } from "../../../src/proto/load.ts";
import type {
  Cluster,
  Node,
  NodeSpec,
  NodeStatus,
  RequestRecord,
  Revision,
  Rollout,
  Run,
  Service,
  ServiceSpec,
  Task,
} from "../../../src/model/index.ts";

function complete<N extends MessageName>(name: N, part: Partial<Output<N>>): Output<N> {
  const type = codec(name);
  return type.decode(type.encode(part as never));
}

export const aCluster = (part: Partial<Cluster> & { id: string }): Cluster => complete("Cluster", part);
export const aTask = (part: Partial<Task> & { id: string }): Task => complete("Task", part);
export const aNode = (part: Partial<Node> & { id: string }): Node => complete("Node", part);
export const aNodeSpec = (part: Partial<NodeSpec>): NodeSpec => complete("NodeSpec", part);
export const aNodeStatus = (part: Partial<NodeStatus>): NodeStatus => complete("NodeStatus", part);
export const aService = (part: Partial<Service> & { id: string }): Service => complete("Service", part);
export const aRevision = (part: Partial<Revision> & { id: string }): Revision => complete("Revision", part);
export const aRollout = (part: Partial<Rollout>): Rollout => complete("Rollout", part);
export const aRun = (part: Partial<Run> & { id: string }): Run => complete("Run", part);
export const aRequest = (part: Partial<RequestRecord> & { id: string }): RequestRecord =>
  complete("RequestRecord", part);
export const aServiceSpec = (part: Partial<ServiceSpec>): ServiceSpec => complete("ServiceSpec", part);
