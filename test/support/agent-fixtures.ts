/** Short builders of what agents are sent. */
import type { Assignment, AssignmentSet, Task, TaskSpec, TaskStatus } from "../../src/model/index.ts";
import type { TaskInput } from "../../src/proto/gen/Task.ts";
import type { TaskSpecInput } from "../../src/proto/gen/TaskSpec.ts";
import type { TaskStatusInput } from "../../src/proto/gen/TaskStatus.ts";
import { codec } from "../../src/proto/load.ts";

const task = codec("Task");
const taskSpec = codec("TaskSpec");
const taskStatus = codec("TaskStatus");

export const INCARNATION = "incarnation-1";

export function aSpec(input: TaskSpecInput = {}): TaskSpec {
  return taskSpec.decode(taskSpec.encode({ container: { image: "busybox" }, ...input }));
}

/** A spec whose container has a health check. */
export function aCheckedSpec(): TaskSpec {
  return aSpec({ container: { image: "busybox", health: { test: ["CMD", "true"], intervalMs: 1000 } } });
}

export function aTask(id: string, input: TaskInput = {}): Task {
  return task.decode(
    task.encode({
      id,
      serviceId: "service1",
      serviceName: "web",
      slot: 1,
      revision: 1,
      nodeId: "node1",
      desired: "RUNNING",
      status: { state: "ASSIGNED" },
      ...input,
    }),
  );
}

export function aStatus(input: TaskStatusInput): TaskStatus {
  return taskStatus.decode(taskStatus.encode(input));
}

export function anAssignment(id: string, input: TaskInput = {}, spec: TaskSpec = aSpec()): Assignment {
  return { task: aTask(id, input), spec };
}

export function completeSet(assigned: Assignment[], change: Partial<AssignmentSet> = {}): AssignmentSet {
  return {
    complete: true,
    appliesTo: 0,
    resultsIn: 1,
    clusterIncarnation: INCARNATION,
    assigned,
    removed: [],
    version: 0,
    sessionId: "",
    ...change,
  };
}

export function incrementalSet(appliesTo: number, change: Partial<AssignmentSet>): AssignmentSet {
  return { ...completeSet([]), complete: false, appliesTo, resultsIn: appliesTo + 1, ...change };
}
