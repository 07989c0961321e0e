/** Nothing piles up: what streams hold, what connections there are, and in the end nothing is left of what was. */
import { PIPE_BYTES_MAX } from "../../../support/memory-stream.ts";
import type { Task } from "../../../../src/model/index.ts";
import { REVISIONS_KEPT } from "../../../../src/store/revisions.ts";
import type { MakeInvariant } from "../invariant.ts";
import { isRestless } from "../images.ts";
import type { World } from "../world.ts";

/** A writer that stops when told to leaves at most one message behind the mark. Raft's is the largest. */
const HELD_MAX = PIPE_BYTES_MAX + 4 * 2 ** 20;
const CONNECTIONS_PER_MACHINE_MAX = 200;
/** Reports that an agent holds: one a task, of tasks that it was told of. */
const REPORTS_PER_TASK = 1;

export const bounds: MakeInvariant = (world) => ({
  name: "nothing piles up",
  onLook: () => {
    const { network, machines } = world.cluster;
    for (const [path, bytes] of network.heldMax) {
      if (bytes > HELD_MAX) throw new Error(`a stream of ${path} held ${bytes} bytes`);
    }
    const most = (machines.length + world.plan.clients + world.plan.watchers + 2) * CONNECTIONS_PER_MACHINE_MAX;
    if (network.connectionCount > most) throw new Error(`${network.connectionCount} connections are open`);
    for (const { name, node } of machines) {
      if (node === null) continue;
      const { tasks, unacknowledged } = node.agent.status();
      if (unacknowledged > tasks * REPORTS_PER_TASK) {
        throw new Error(`${name} holds ${unacknowledged} reports of ${tasks} tasks`);
      }
    }
  },
  atEnd: () => {
    for (const { name, node } of world.cluster.machines) {
      const { unacknowledged } = node?.agent.status() ?? { unacknowledged: 0 };
      // What it holds and the state does not know any more is about to be taken from it.
      const held = node?.agent.worker.held().map((task) => world.truth.get("task", task.id)) ?? [];
      const isPassing = (task: Task): boolean => task.run > 0 || isRestless(world.truth.specOf(task));
      const restless = held.filter((task) => task === undefined || isPassing(task));
      if (unacknowledged > restless.length) throw new Error(`${name} waits for ${unacknowledged} acknowledgements`);
    }
    checkRevisions(world);
  },
});

/** What a service runs, and what it may go back to. */
const REVISIONS_NAMED = 2;

/** A service keeps its newest revisions and those that are referred to; one that is gone keeps what its last tasks need. */
function checkRevisions({ truth }: World): void {
  const spare = new Map<string, number>();
  for (const { serviceId, number } of truth.all("revision")) {
    if (truth.tasksOfService(serviceId).some((task) => task.revision === number)) continue;
    spare.set(serviceId, (spare.get(serviceId) ?? 0) + 1);
  }
  for (const [serviceId, count] of spare) {
    const most = truth.get("service", serviceId) === undefined ? 0 : REVISIONS_KEPT + REVISIONS_NAMED;
    if (count > most) throw new Error(`${count} revisions of ${serviceId} are used by nothing`);
  }
}
