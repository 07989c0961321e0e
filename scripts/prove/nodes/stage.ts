// Hosts on which behaviours are proved side by side: each has services of its own, which prefer the node that it is
// about and may be anywhere. What ran when is told by the engines; when something was decided, by the store.
import { WORKLOAD_IMAGE } from "../../../test/support/engine.ts";
import type { HostCluster, HostNode } from "../../../test/support/host-cluster.ts";
import type { NodeLossInput } from "../../../src/proto/gen/NodeLoss.ts";
import { newId } from "../../../src/util/id.ts";
import { realEnv } from "../../../src/util/real-env.ts";
import { isUp } from "../../lib/control-client.ts";
import type { ControlClient, NodeSummary, Task } from "../../lib/control-client.ts";
import { waitFor } from "../../lib/run.ts";

const SETTLE_MS = 60_000;
const LOOK_EVERY_MS = 50;
const STOP_GRACE_MS = 1_000;

export type Wanted = {
  /** Where its tasks go as long as that node takes them. */
  readonly on: HostNode;
  /** Where else they may go; undefined is anywhere. */
  readonly others?: readonly HostNode[];
  readonly replicas?: number;
  readonly single?: boolean;
  readonly volume?: string;
  readonly nodeLoss?: NodeLossInput;
};

/** One container's life, in ms since 1970 by its engine; Infinity: it runs. */
export type Life = { readonly node: string; readonly id: string; readonly fromMs: number; readonly untilMs: number };

export class Stage implements Disposable {
  readonly cluster: HostCluster;
  readonly client: ControlClient;
  readonly #startedAt = Date.now();
  readonly #names: ReadonlyMap<string, string>;

  private constructor(cluster: HostCluster, client: ControlClient, names: ReadonlyMap<string, string>) {
    this.cluster = cluster;
    this.client = client;
    this.#names = names;
  }

  static async over(cluster: HostCluster): Promise<Stage> {
    const client = cluster.client();
    const names = (await client.nodes()).map(({ node }) => [node?.id ?? "", node?.spec?.name ?? ""] as const);
    return new Stage(cluster, client, new Map(names));
  }

  /** Resolves when all of it runs where it should. */
  async create(name: string, wanted: Wanted): Promise<Task[]> {
    return await this.#create(name, wanted, { on: wanted.on });
  }

  /** Resolves when all of it runs somewhere. */
  async createAnywhere(name: string, wanted: Wanted): Promise<Task[]> {
    return await this.#create(name, wanted, {});
  }

  async #create(name: string, wanted: Wanted, where: { readonly on?: HostNode }): Promise<Task[]> {
    await this.submit(name, wanted);
    const { replicas = 1, on } = wanted;
    return await this.until(`${name}, meant for ${on.name}, runs`, async () => {
      const up = await this.up(name, where);
      return up.length === replicas ? up : undefined;
    });
  }

  async submit(name: string, wanted: Wanted): Promise<void> {
    const { on, others, replicas = 1, single = false, volume, nodeLoss = null } = wanted;
    const preferences = [{ affinity: { constraint: `node.hostname == ${on.name}` } }];
    const allowed =
      others === undefined ? [] : [`node.hostname in (${[on, ...others].map(({ name }) => name).join(", ")})`];
    const mounts = volume === undefined ? [] : [{ type: "VOLUME" as const, source: volume, target: "/data" }];
    const task = {
      container: { image: WORKLOAD_IMAGE, args: ["sleep", "86400"], stopGraceMs: STOP_GRACE_MS, mounts },
      restart: { condition: "ANY" as const, delayMs: 0 },
      placement: { preferences, constraints: allowed },
    };
    const spec = { name, replicated: { replicas }, single, nodeLoss, task };
    await this.client.call("Control.CreateService", { requestId: newId(realEnv), spec });
  }

  async scale(name: string, replicas: number): Promise<void> {
    const { service } = await this.client.call("Control.GetService", { id: name });
    const { id = "", specVersion = 0, spec } = service ?? {};
    const request = {
      requestId: newId(realEnv),
      id,
      version: specVersion,
      spec: { ...spec, replicated: { replicas } },
    };
    await this.client.call("Control.UpdateService", request);
  }

  async remove(...names: string[]): Promise<void> {
    for (const id of names) await this.client.call("Control.RemoveService", { requestId: newId(realEnv), id });
  }

  async setAvailability({ name }: HostNode, availability: "ACTIVE" | "PAUSE"): Promise<void> {
    const { node } = await this.client.call("Control.GetNode", { id: name });
    const { id = "", meta, spec } = node ?? {};
    const request = { requestId: newId(realEnv), id, version: meta?.version ?? 0, spec: { ...spec, availability } };
    await this.client.call("Control.UpdateNode", request);
  }

  async until<T>(what: string, check: () => Promise<T | undefined>, ms = SETTLE_MS): Promise<T> {
    return await waitFor(what, ms, check, LOOK_EVERY_MS);
  }

  /** Every task that there ever was. */
  async tasks(service: string): Promise<Task[]> {
    return await this.client.tasks(`service=${service}`);
  }

  /** Those wanted that ran when they were last heard of. */
  async up(service: string, where: { readonly on?: HostNode; readonly not?: HostNode } = {}): Promise<Task[]> {
    const isThere = ({ nodeId }: Task): boolean =>
      (where.on === undefined || this.nameOf(nodeId) === where.on.name) &&
      (where.not === undefined || this.nameOf(nodeId) !== where.not.name);
    return (await this.tasks(service)).filter((task) => isUp(task) && isThere(task));
  }

  /** Resolves when as many run elsewhere. */
  async elsewhere(service: string, count: number, not: HostNode, ms?: number): Promise<Task[]> {
    const check = async (): Promise<Task[] | undefined> => {
      const up = await this.up(service, { not });
      return up.length >= count ? up : undefined;
    };
    return await this.until(`${count} of ${service} elsewhere than on ${not.name}`, check, ms);
  }

  /** Resolves when these, and no others, are wanted and run. */
  async only(service: string, tasks: readonly Task[]): Promise<void> {
    await this.onlyIds(service, idsOf(tasks));
  }

  async onlyIds(service: string, ids: readonly string[]): Promise<void> {
    await this.until(`only ${ids.join(" ")} of ${service}`, async () =>
      JSON.stringify(idsOf(await this.up(service))) === JSON.stringify(ids) ? true : undefined,
    );
  }

  nameOf(nodeId: string): string {
    return this.#names.get(nodeId) ?? "";
  }

  async node({ name }: HostNode): Promise<NonNullable<NodeSummary["node"]>> {
    const found = (await this.client.nodes()).find(({ node }) => node?.spec?.name === name)?.node;
    if (!found) throw new Error(`No node is called ${name}`);
    return found;
  }

  async ready(node: HostNode): Promise<void> {
    await this.until(`${node.name} is ready`, async () => {
      const { status } = await this.node(node);
      return status?.state === "READY" && status.engineOk ? true : undefined;
    });
  }

  /** It answers, whatever its engine does. */
  async returned(node: HostNode): Promise<void> {
    await this.until(`${node.name} answers`, async () =>
      (await this.node(node)).status?.state === "READY" ? true : undefined,
    );
  }

  /** What `shoal why` says, as one text. */
  async why(id: string): Promise<string> {
    const { summary, reasons } = await this.client.call("Control.Explain", { id });
    return [summary, ...reasons.map(({ code, message }) => `${code}: ${message}`)].join("\n");
  }

  /** "name id start" of the services' containers on a node, by its engine. */
  async containers(node: HostNode, ...services: string[]): Promise<string[]> {
    return (await node.containers()).filter((line) => services.some((name) => line.startsWith(`/${name}.`)));
  }

  /** Every container that a service had on these hosts, from the first to the last. */
  async lives(service: string, nodes: readonly HostNode[]): Promise<Life[]> {
    const lives = await Promise.all(nodes.map(async (node) => await this.#livesOn(node, service)));
    return lives.flat().toSorted((a, b) => a.fromMs - b.fromMs);
  }

  async #livesOn(node: HostNode, service: string): Promise<Life[]> {
    const seconds = (ms: number): string => (ms / 1_000).toFixed(3);
    const span = ["--since", seconds(this.#startedAt), "--until", seconds(Date.now())];
    const kinds = ["--filter", "type=container", "--filter", "event=start", "--filter", "event=die"];
    const text = await node.host.docker(["events", ...span, ...kinds, "--format", "{{json .}}"]);
    const lives = new Map<string, Life>();
    for (const line of text.split("\n").filter((one) => one !== "")) {
      const { Action, timeNano, Actor } = JSON.parse(line) as EngineEvent;
      if (!Actor.Attributes.name.startsWith(`${service}.`)) continue;
      const atMs = timeNano / 1e6;
      const before = lives.get(Actor.ID) ?? { node: node.name, id: Actor.ID, fromMs: atMs, untilMs: Infinity };
      lives.set(Actor.ID, Action === "die" ? { ...before, untilMs: atMs } : before);
    }
    return [...lives.values()];
  }

  /** Everything that the leader told of since then, as "action reason". */
  async events(sinceMs: number, filter: string): Promise<string[]> {
    const request = { sinceMs, filters: [filter], pageSize: 1_000 };
    const { events } = await this.client.call("Events.Read", request);
    return events.map(({ action, cause, message }) => `${action} ${cause?.reason ?? ""} ${message}`.trim());
  }

  [Symbol.dispose](): void {
    this.client.close();
  }
}

type EngineEvent = {
  readonly Action: string;
  readonly timeNano: number;
  readonly Actor: { readonly ID: string; readonly Attributes: { readonly name: string } };
};

export function idsOf(tasks: readonly Task[]): string[] {
  return tasks.map(({ id }) => id).toSorted();
}

/** When it was decided that the first of the tasks is needed, from then on. */
export function createdAfterMs(tasks: readonly Task[], sinceMs: number): number {
  return Math.min(...tasks.map(({ meta }) => (meta?.createdAtMs ?? 0) - sinceMs));
}

/** For how long two of them ran at once, ms. */
export function overlapMs(lives: readonly Life[]): number {
  let [longest, until] = [0, -Infinity];
  for (const { fromMs, untilMs } of lives) {
    longest = Math.max(longest, Math.min(until, untilMs) - fromMs);
    until = Math.max(until, untilMs);
  }
  return longest;
}
