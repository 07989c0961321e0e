// Docker Swarm on the same engines: the first three are its managers, all five run tasks.
import type { Host } from "../../../test/support/hosts.ts";
import { EngineApi } from "../../lib/engine-api.ts";
import { waitFor } from "../../lib/run.ts";
import { polled, ROLLING, WORKLOAD } from "./side.ts";
import type { DaySide, DayTask } from "./side.ts";

const PORT = 2377;
const SETTLE_MS = 120_000;
/** A manager without a leader answers late: another is asked then. */
const ATTEMPT_MS = 2_000;
const ANSWER_MS = 90_000;
const NS_PER_MS = 1_000_000;

type SwarmNode = {
  readonly ID: string;
  readonly Status: { readonly State: string; readonly Addr: string };
  readonly ManagerStatus?: { readonly Leader?: boolean; readonly Reachability: string; readonly Addr: string };
};

type SwarmTask = {
  readonly ID: string;
  readonly NodeID: string;
  readonly Spec: { readonly ContainerSpec: { readonly Env: readonly string[] } };
  readonly Status: { readonly State: string; readonly ContainerStatus?: { readonly ContainerID: string } };
};

type SwarmService = {
  readonly Version: { readonly Index: number };
  readonly Spec: { readonly Mode: { readonly Replicated: { readonly Replicas: number } } };
};

export class SwarmSide implements DaySide {
  readonly name = "swarm";
  readonly #hosts: readonly Host[];
  readonly #managers: readonly Host[];
  /** By node id. */
  readonly #hostOf = new Map<string, string>();

  constructor(hosts: readonly Host[], managers: number) {
    this.#hosts = hosts;
    this.#managers = hosts.slice(0, managers);
  }

  async start(): Promise<void> {
    const [first, ...others] = this.#hosts;
    if (first === undefined) throw new Error("A swarm needs a host");
    const engine = new EngineApi(first.dockerHost);
    const address = ({ address: own }: Host): object => ({ ListenAddr: `${own}:${PORT}`, AdvertiseAddr: own });
    await engine.call("POST", "/swarm/init", address(first));
    const { JoinTokens } = await engine.json<{ JoinTokens: { Manager: string; Worker: string } }>("GET", "/swarm");
    for (const host of others) {
      const JoinToken = this.#managers.includes(host) ? JoinTokens.Manager : JoinTokens.Worker;
      const join = { ...address(host), RemoteAddrs: [`${first.address}:${PORT}`], JoinToken };
      await new EngineApi(host.dockerHost).call("POST", "/swarm/join", join);
    }
    await this.settled();
  }

  async settled(): Promise<void> {
    const nodes = await waitFor("a whole swarm", SETTLE_MS, async () => {
      const all = await this.#ask<SwarmNode[]>("GET", "/nodes");
      const isReady = (node: SwarmNode): boolean =>
        node.Status.State === "ready" && (node.ManagerStatus?.Reachability ?? "reachable") === "reachable";
      return all.length === this.#hosts.length && all.every(isReady) ? all : undefined;
    });
    for (const { ID, Status, ManagerStatus } of nodes) {
      const address = ManagerStatus?.Addr.replace(/:\d+$/, "") ?? Status.Addr;
      this.#hostOf.set(ID, this.#hosts.find((host) => host.address === address)?.name ?? "");
    }
  }

  async create(service: string, replicas: number): Promise<void> {
    await this.#ask("POST", "/services/create", spec(service, replicas, "1"));
  }

  async update(service: string, version: string): Promise<void> {
    const { Version, Spec } = await this.#ask<SwarmService>("GET", `/services/${service}`);
    const next = spec(service, Spec.Mode.Replicated.Replicas, version);
    await this.#ask("POST", `/services/${service}/update?version=${Version.Index}`, next);
  }

  async remove(service: string): Promise<void> {
    await this.#ask("DELETE", `/services/${service}`);
  }

  async running(service: string): Promise<DayTask[]> {
    const filters = JSON.stringify({ service: [service], "desired-state": ["running"] });
    const tasks = await this.#ask<SwarmTask[]>("GET", `/tasks?filters=${encodeURIComponent(filters)}`);
    return tasks
      .filter(({ Status }) => Status.State === "running")
      .map(({ ID, NodeID, Spec, Status }) => ({
        id: ID,
        host: this.#hostOf.get(NodeID) ?? "",
        containerId: Status.ContainerStatus?.ContainerID ?? "",
        version: Spec.ContainerSpec.Env.join().replace("VERSION=", ""),
      }));
  }

  /** It tells nobody of tasks that change. */
  async reaches(service: string, count: number, is: (task: DayTask) => boolean): Promise<void> {
    await polled(this, service, count, is);
  }

  async leaderHost(): Promise<string> {
    return await waitFor("a leader of the swarm", ANSWER_MS, async () => {
      const nodes = await this.#ask<SwarmNode[]>("GET", "/nodes");
      return this.#hostOf.get(nodes.find(({ ManagerStatus }) => ManagerStatus?.Leader === true)?.ID ?? "");
    });
  }

  /** Of the managers in turn, until one answers. */
  async #ask<T>(method: string, path: string, body?: object): Promise<T> {
    let at = 0;
    return await waitFor(
      `an answer to ${method} ${path}`,
      ANSWER_MS,
      async () => {
        const manager = this.#managers[at++ % this.#managers.length];
        const text = await new EngineApi(manager?.dockerHost).call(method, path, body, ATTEMPT_MS);
        // The engine's own shapes; a removal has no answer.
        return (text === "" ? {} : JSON.parse(text)) as T;
      },
      10,
    );
  }
}

function spec(name: string, replicas: number, version: string): object {
  return {
    Name: name,
    Mode: { Replicated: { Replicas: replicas } },
    TaskTemplate: {
      ContainerSpec: {
        Image: WORKLOAD.image,
        Args: WORKLOAD.args,
        Env: [`VERSION=${version}`],
        StopSignal: WORKLOAD.stopSignal,
        StopGracePeriod: WORKLOAD.stopGraceMs * NS_PER_MS,
      },
      RestartPolicy: { Condition: "any", Delay: 0 },
    },
    UpdateConfig: {
      Parallelism: ROLLING.parallelism,
      Monitor: ROLLING.monitorMs * NS_PER_MS,
      Order: "start-first",
      FailureAction: "pause",
    },
  };
}
