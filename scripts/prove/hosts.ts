// What proofs on several hosts share: a service spread over the workers, and what runs where.
import type { HostCluster } from "../../test/support/host-cluster.ts";
import { WORKLOAD_IMAGE } from "../../test/support/engine.ts";
import { newId } from "../../src/util/id.ts";
import { realEnv } from "../../src/util/real-env.ts";
import { isUp } from "../lib/control-client.ts";
import type { ControlClient, Task } from "../lib/control-client.ts";
import { waitFor } from "../lib/run.ts";

const RUNNING_MS = 90_000;
const LOOK_EVERY_MS = 20;

/** Creates it, and resolves when all of it runs. */
export async function runService(client: ControlClient, name: string, replicas: number): Promise<Task[]> {
  const task = {
    container: { image: WORKLOAD_IMAGE, args: ["sleep", "86400"], stopGraceMs: 1_000 },
    restart: { condition: "ANY" as const, delayMs: 0 },
  };
  const spec = { name, replicated: { replicas }, task };
  await client.call("Control.CreateService", { requestId: newId(realEnv), spec });
  return await allUp(client, name, replicas);
}

/** Resolves with the tasks that are wanted and run, when there are as many of them, on other nodes than `not`. */
export async function allUp(client: ControlClient, service: string, count: number, not = ""): Promise<Task[]> {
  return await waitFor(
    `${count} running tasks of ${service}`,
    RUNNING_MS,
    async () => {
      const tasks = (await client.tasks(`service=${service}`)).filter((task) => isUp(task) && task.nodeId !== not);
      return tasks.length >= count ? tasks : undefined;
    },
    LOOK_EVERY_MS,
  );
}

/** Every container of every worker that has an engine, as one list. */
export async function containersOf(cluster: HostCluster): Promise<string[]> {
  return (await Promise.all(cluster.workers.map(async (worker) => await worker.containers()))).flat().toSorted();
}

/** Task id and node, which is what "moved" and "replaced" are about. */
export function placesOf(tasks: readonly Task[]): string[] {
  return tasks.map(({ id, nodeId }) => `${id} ${nodeId}`).toSorted();
}
