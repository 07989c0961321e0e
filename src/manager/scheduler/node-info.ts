/**
 * What every node has and what its tasks take, kept from changes. Entries are keyed by task, so
 * hearing of a task twice, or of its end before its start, leaves the sums right. Capacity and host
 * ports belong to the engine: agents that share one share both.
 */
import { slotName } from "../../model/naming.ts";
import { holdsResources, isWanted } from "../../model/task-state.ts";
import type { GenericResource, Node, PortSpec, Task, TaskSpec } from "../../model/index.ts";
import { GenericStock, stockOf } from "./generic-stock.ts";
import type { NodeStock } from "./generic-stock.ts";
import { needsOf } from "./needs.ts";
import type { Needs } from "./needs.ts";

/** Tasks of one service in one place. */
export type Presence = {
  /** Not known to have stopped. */
  readonly held: number;
  /** Of those, the ones that are to go on. */
  readonly wanted: number;
};

export const ABSENT: Presence = { held: 0, wanted: 0 };

/** What tasks on one engine take together; a node without an engine is one of its own. */
export type EngineInfo = {
  readonly key: string;
  /** Agents of it, by node id. */
  readonly nodes: Map<string, NodeInfo>;
  nanoCpus: number;
  memoryBytes: number;
  readonly generic: GenericStock;
  readonly services: Map<string, Presence>;
  /** `protocol/port` to the tasks that hold it, with the address each binds. */
  readonly ports: Map<string, Map<string, string>>;
  /** Names and ids of services that tasks here keep away, to the names of those tasks' services and how many they are. */
  readonly shuns: Map<string, Map<string, number>>;
};

export type NodeInfo = {
  /** The newest version; replaced, never changed. */
  node: Node;
  /** What of `node` is counted. */
  stock: NodeStock;
  readonly engine: EngineInfo;
  tasks: number;
  readonly services: Map<string, Presence>;
};

/** A task that takes something. Not the task itself: that version of it would stay in memory. */
export type Holding = {
  readonly id: string;
  readonly serviceId: string;
  readonly serviceName: string;
  readonly nodeId: string;
  /** Its service's slot: what waits for the end of another of the same slot takes over what that holds. */
  readonly slot: string;
  /** It is not to start yet. */
  readonly waits: boolean;
  readonly wanted: boolean;
  /** It is to be moved away. */
  readonly unfit: boolean;
  readonly createdAtMs: number;
  readonly needs: Needs;
  readonly generic: readonly GenericResource[];
};

export class NodeBook {
  readonly #nodes = new Map<string, NodeInfo>();
  readonly #engines = new Map<string, EngineInfo>();
  readonly #holdings = new Map<string, Holding>();
  /** Tasks by node, for nodes that change their engine or appear after their tasks. */
  readonly #byNode = new Map<string, Set<string>>();
  /** Wanted tasks of each service, wherever they are. */
  readonly #wanted = new Map<string, number>();

  get size(): number {
    return this.#nodes.size;
  }

  nodes(): Iterable<NodeInfo> {
    return this.#nodes.values();
  }

  get(nodeId: string): NodeInfo | undefined {
    return this.#nodes.get(nodeId);
  }

  holding(taskId: string): Holding | undefined {
    return this.#holdings.get(taskId);
  }

  /** What is held on all nodes of an engine. */
  *holdingsOf(engine: EngineInfo): Iterable<Holding> {
    for (const nodeId of engine.nodes.keys()) {
      for (const id of this.#byNode.get(nodeId) ?? []) {
        const holding = this.#holdings.get(id);
        if (holding !== undefined) yield holding;
      }
    }
  }

  wantedOf(serviceId: string): number {
    return this.#wanted.get(serviceId) ?? 0;
  }

  setNode(node: Node): void {
    const known = this.#nodes.get(node.id);
    if (known !== undefined && known.node === node) return;
    const key = engineKey(node);
    if (known !== undefined && known.engine.key === key) {
      known.node = node;
      known.stock = stockOf(node.description?.resources);
      return;
    }
    this.#detach(node.id);
    const engine = this.#engine(key);
    const info = { node, stock: stockOf(node.description?.resources), engine, tasks: 0, services: new Map() };
    this.#nodes.set(node.id, info);
    engine.nodes.set(node.id, info);
    this.#eachHolding(node.id, (holding) => this.#count(holding, 1));
  }

  removeNode(nodeId: string): void {
    this.#detach(nodeId);
  }

  /** @param spec of the task's revision; null reserves nothing. */
  setTask(task: Task, spec: TaskSpec | null | undefined): void {
    const known = this.#holdings.get(task.id);
    const wanted = isWanted(task);
    const unfit = task.unfit !== "";
    const waits = task.desired === "READY";
    if (!holdsResources(task)) {
      if (known !== undefined) this.removeTask(task.id);
      return;
    }
    if (known?.nodeId === task.nodeId && known.wanted === wanted && known.unfit === unfit && known.waits === waits)
      return;
    if (known !== undefined) this.removeTask(task.id);
    const { id, serviceId, serviceName, nodeId, generic, meta } = task;
    const createdAtMs = meta?.createdAtMs ?? 0;
    const needs = needsOf(spec);
    const slot = `${serviceId}/${slotName(task)}`;
    const holding = { id, serviceId, serviceName, slot, nodeId, waits, wanted, unfit, createdAtMs, needs, generic };
    this.#holdings.set(task.id, holding);
    const ids = this.#byNode.get(task.nodeId);
    if (ids === undefined) this.#byNode.set(task.nodeId, new Set([task.id]));
    else ids.add(task.id);
    if (wanted) bump(this.#wanted, serviceId, 1);
    this.#count(holding, 1);
  }

  removeTask(taskId: string): void {
    const holding = this.#holdings.get(taskId);
    if (holding === undefined) return;
    this.#count(holding, -1);
    if (holding.wanted) bump(this.#wanted, holding.serviceId, -1);
    this.#holdings.delete(taskId);
    const ids = this.#byNode.get(holding.nodeId);
    ids?.delete(taskId);
    if (ids?.size === 0) this.#byNode.delete(holding.nodeId);
  }

  #detach(nodeId: string): void {
    const known = this.#nodes.get(nodeId);
    if (known === undefined) return;
    this.#eachHolding(nodeId, (holding) => this.#count(holding, -1));
    this.#nodes.delete(nodeId);
    known.engine.nodes.delete(nodeId);
    if (known.engine.nodes.size === 0) this.#engines.delete(known.engine.key);
  }

  #engine(key: string): EngineInfo {
    const known = this.#engines.get(key);
    if (known !== undefined) return known;
    const engine: EngineInfo = {
      key,
      nodes: new Map(),
      nanoCpus: 0,
      memoryBytes: 0,
      generic: new GenericStock(),
      services: new Map(),
      ports: new Map(),
      shuns: new Map(),
    };
    this.#engines.set(key, engine);
    return engine;
  }

  #eachHolding(nodeId: string, visit: (holding: Holding) => void): void {
    for (const id of this.#byNode.get(nodeId) ?? []) {
      const holding = this.#holdings.get(id);
      if (holding !== undefined) visit(holding);
    }
  }

  /** A task of a node that is not known (yet) counts nowhere. */
  #count(holding: Holding, sign: 1 | -1): void {
    const info = this.#nodes.get(holding.nodeId);
    if (info === undefined) return;
    const { engine } = info;
    const { serviceName, needs, id } = holding;
    info.tasks += sign;
    engine.nanoCpus += sign * needs.reserved.nanoCpus;
    engine.memoryBytes += sign * needs.reserved.memoryBytes;
    engine.generic.take(holding, sign);
    move(info.services, holding, sign);
    move(engine.services, holding, sign);
    for (const port of needs.ports) holdPort(engine, port, id, sign);
    for (const name of needs.shuns) {
      const by = engine.shuns.get(name) ?? new Map<string, number>();
      bump(by, serviceName, sign);
      if (by.size > 0) engine.shuns.set(name, by);
      else engine.shuns.delete(name);
    }
  }
}

/** A task that holds one of these ports on the engine, with the port. @param except tasks that do not count */
export function portConflict(
  { engine }: NodeInfo,
  ports: readonly PortSpec[],
  except: (taskId: string) => boolean = () => false,
): { readonly port: PortSpec; readonly taskId: string } | null {
  for (const port of ports) {
    for (const [taskId, hostIp] of engine.ports.get(portKey(port)) ?? []) {
      if (overlaps(hostIp, port.hostIp) && !except(taskId)) return { port, taskId };
    }
  }
  return null;
}

/** Nodes without an engine (plain processes) share nothing. */
function engineKey(node: Node): string {
  const engineId = node.description?.engineId ?? "";
  return engineId === "" ? `node:${node.id}` : `engine:${engineId}`;
}

function portKey(port: PortSpec): string {
  return `${port.protocol}/${port.published}`;
}

function overlaps(a: string, b: string): boolean {
  return a === b || isEveryAddress(a) || isEveryAddress(b);
}

function isEveryAddress(hostIp: string): boolean {
  return hostIp === "" || hostIp === "0.0.0.0" || hostIp === "::";
}

function holdPort(engine: EngineInfo, port: PortSpec, taskId: string, sign: 1 | -1): void {
  const key = portKey(port);
  const holders = engine.ports.get(key) ?? new Map<string, string>();
  if (sign > 0) holders.set(taskId, port.hostIp);
  else holders.delete(taskId);
  if (holders.size > 0) engine.ports.set(key, holders);
  else engine.ports.delete(key);
}

function move(services: Map<string, Presence>, { serviceId, wanted }: Holding, sign: 1 | -1): void {
  const before = services.get(serviceId) ?? ABSENT;
  const held = before.held + sign;
  if (held > 0) services.set(serviceId, { held, wanted: before.wanted + (wanted ? sign : 0) });
  else services.delete(serviceId);
}

function bump<K>(counts: Map<K, number>, key: K, by: number): void {
  const next = (counts.get(key) ?? 0) + by;
  if (next > 0) counts.set(key, next);
  else counts.delete(key);
}
