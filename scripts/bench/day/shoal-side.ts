import type { HostCluster, HostNode } from "../../../test/support/host-cluster.ts";
import type { RequestInput } from "../../../src/proto/load.ts";
import { openStream } from "../../../src/proto/client.ts";
import type { WatchMessage } from "../../../src/proto/gen/WatchMessage.ts";
import type { StreamEnd } from "../../../src/proto/rpc.ts";
import { withDeadline } from "../../../src/util/env.ts";
import { newId } from "../../../src/util/id.ts";
import { realEnv } from "../../../src/util/real-env.ts";
import { isUp } from "../../lib/control-client.ts";
import type { ControlClient, Task } from "../../lib/control-client.ts";
import { ROLLING, SEEN_MS, WORKLOAD } from "./side.ts";
import type { DaySide, DayTask } from "./side.ts";

export class ShoalSide implements DaySide, Disposable {
  readonly name = "shoal";
  readonly #cluster: HostCluster;
  readonly #client: ControlClient;
  /** By node id: ids do not change over reboots. */
  readonly #nodes = new Map<string, HostNode>();

  constructor(cluster: HostCluster) {
    this.#cluster = cluster;
    this.#client = cluster.client();
  }

  async settled(): Promise<void> {
    await this.#cluster.settled();
    for (const { node } of await this.#client.nodes()) {
      if (node !== null) this.#nodes.set(node.id, this.#cluster.node(node.spec?.name ?? ""));
    }
  }

  async create(service: string, replicas: number): Promise<void> {
    await this.#client.call("Control.CreateService", { requestId: newId(realEnv), spec: spec(service, replicas, "1") });
  }

  async update(service: string, version: string): Promise<void> {
    const { service: found } = await this.#client.call("Control.GetService", { id: service });
    await this.#client.call("Control.UpdateService", {
      requestId: newId(realEnv),
      id: service,
      version: found?.meta?.version ?? 0,
      spec: spec(service, found?.spec?.replicated?.replicas ?? 0, version),
    });
  }

  async remove(service: string): Promise<void> {
    await this.#client.call("Control.RemoveService", { requestId: newId(realEnv), id: service });
  }

  async running(service: string): Promise<DayTask[]> {
    return this.#dayTasks(await this.#client.tasks(`service=${service}`));
  }

  /** By a watch: asking would cost the leader more than the tasks do. */
  async reaches(service: string, count: number, is: (task: DayTask) => boolean): Promise<void> {
    const what = `${count} running tasks of ${this.name}`;
    const tasks = new Map<string, Task>();
    let stop = (): void => undefined;
    await withDeadline(realEnv, { ms: SEEN_MS, what }, async () => {
      await new Promise<void>((resolve, reject) => {
        const onMessage = ({ changes }: WatchMessage): void => {
          for (const { action, object } of changes) {
            const task = object?.task;
            if (task?.serviceName !== service) continue;
            if (action === "REMOVED") tasks.delete(task.id);
            else tasks.set(task.id, task);
          }
          if (this.#dayTasks([...tasks.values()]).filter(is).length >= count) resolve();
        };
        const onClose = ({ error }: StreamEnd): void => reject(error ?? new Error(`${what}: the watch ended`));
        const request = { kinds: ["task"], initial: true };
        const stream = openStream(this.#client.channel(), "Watch.Watch", { onMessage, onClose }, { request });
        stop = () => stream.cancel();
      });
    }).finally(() => stop());
  }

  #dayTasks(tasks: readonly Task[]): DayTask[] {
    return tasks.filter(isUp).map((task) => ({
      id: task.id,
      host: this.#nodes.get(task.nodeId)?.host.name ?? "",
      containerId: task.status?.runtimeId ?? "",
      version: String(task.revision),
    }));
  }

  async leaderHost(): Promise<string> {
    return (await this.#cluster.leader()).host.name;
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

/** Each of a service's versions is a revision of it, from 1 on. */
function spec(
  name: string,
  replicas: number,
  version: string,
): NonNullable<RequestInput<"Control.CreateService">["spec"]> {
  const { image, args, stopSignal, stopGraceMs } = WORKLOAD;
  return {
    name,
    replicated: { replicas },
    update: { ...ROLLING, order: "START_FIRST" },
    task: {
      container: { image, args: [...args], stopSignal, stopGraceMs, env: [`VERSION=${version}`] },
      restart: { condition: "ANY", delayMs: 0 },
    },
  };
}
