/**
 * What every node has and what its tasks take, kept from changes. Entries are keyed by task, so
 * hearing of a task twice, or of its end before its start, leaves the sums right. Capacity and host
 * ports belong to the engine: agents that share one share both.
 */
import { addResources, NO_RESOURCES, reservationsOf, subtractResources } from "../../model/resources.ts";
import { holdsResources } from "../../model/task-state.ts";
import type { Node, PortSpec, Resources, Task, TaskSpec } from "../../model/index.ts";

/** What tasks on one engine take together; a node without an engine is one of its own. */
export type EngineInfo = {
  readonly key: string;
  reserved: Resources;
  tasks: number;
  readonly tasksOfService: Map<string, number>;
  /** `protocol/port` to the tasks that hold it, with the address each binds. */
  readonly ports: Map<string, Map<string, string>>;
};

export type NodeInfo = {
  /** The newest version; replaced, never changed. */
  node: Node;
  readonly engine: EngineInfo;
  tasks: number;
  readonly services: Map<string, ServiceTasks>;
};

/** Tasks of one service on one node. */
export type ServiceTasks = { tasks: number; readonly bySlot: Map<number, number> };

/** What a task's predecessors in its slot hold on a node: it waits for their end, so none of it is in its way. */
export type Outgoing = { readonly reserved: Resources; readonly taskIds: ReadonlySet<string> };
export const NO_OUTGOING: Outgoing = { reserved: NO_RESOURCES, taskIds: new Set() };

/** One for all: most services have none. */
const NO_PORTS: readonly PortSpec[] = [];

/** Not the task itself: that version of it would stay in memory. */
type Holding = {
  readonly id: string;
  readonly serviceId: string;
  readonly slot: number;
  readonly nodeId: string;
  readonly reserved: Resources;
  readonly ports: readonly PortSpec[];
};

export class NodeBook {
  readonly #nodes = new Map<string, NodeInfo>();
  readonly #engines = new Map<string, EngineInfo>();
  readonly #holdings = new Map<string, Holding>();
  /** Tasks by node, for nodes that change their engine or appear after their tasks. */
  readonly #byNode = new Map<string, Set<string>>();

  nodes(): Iterable<NodeInfo> {
    return this.#nodes.values();
  }

  get(nodeId: string): NodeInfo | undefined {
    return this.#nodes.get(nodeId);
  }

  outgoing({ node }: NodeInfo, serviceId: string, slot: number): Outgoing {
    const taskIds = new Set<string>();
    let reserved = NO_RESOURCES;
    this.#eachHolding(node.id, (holding) => {
      if (holding.serviceId !== serviceId || holding.slot !== slot) return;
      taskIds.add(holding.id);
      reserved = addResources(reserved, holding.reserved);
    });
    return taskIds.size === 0 ? NO_OUTGOING : { reserved, taskIds };
  }

  setNode(node: Node): void {
    const known = this.#nodes.get(node.id);
    if (known !== undefined && known.node === node) return;
    const key = engineKey(node);
    if (known !== undefined && known.engine.key === key) {
      known.node = node;
      return;
    }
    this.#detach(node.id);
    const engine = this.#engine(key);
    this.#nodes.set(node.id, { node, engine, tasks: 0, services: new Map() });
    this.#eachHolding(node.id, (holding) => this.#count(holding, 1));
  }

  removeNode(nodeId: string): void {
    this.#detach(nodeId);
    this.#nodes.delete(nodeId);
  }

  /** @param spec of the task's revision; undefined reserves nothing. */
  setTask(task: Task, spec: TaskSpec | null | undefined): void {
    const known = this.#holdings.get(task.id);
    const holds = holdsResources(task);
    if (known !== undefined && holds && known.nodeId === task.nodeId) return;
    if (known !== undefined) this.removeTask(task.id);
    if (!holds) return;
    const { id, serviceId, slot, nodeId } = task;
    const holding = { id, serviceId, slot, nodeId, reserved: reservationsOf(spec), ports: fixedPorts(spec) };
    this.#holdings.set(task.id, holding);
    const ids = this.#byNode.get(task.nodeId);
    if (ids === undefined) this.#byNode.set(task.nodeId, new Set([task.id]));
    else ids.add(task.id);
    this.#count(holding, 1);
  }

  removeTask(taskId: string): void {
    const holding = this.#holdings.get(taskId);
    if (holding === undefined) return;
    this.#count(holding, -1);
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
    for (const info of this.#nodes.values()) if (info.engine === known.engine) return;
    this.#engines.delete(known.engine.key);
  }

  #engine(key: string): EngineInfo {
    const known = this.#engines.get(key);
    if (known !== undefined) return known;
    const engine = { key, reserved: NO_RESOURCES, tasks: 0, tasksOfService: new Map(), ports: new Map() };
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
    const { serviceId, slot, id } = holding;
    info.tasks += sign;
    engine.tasks += sign;
    engine.reserved = (sign > 0 ? addResources : subtractResources)(engine.reserved, holding.reserved);
    bump(engine.tasksOfService, serviceId, sign);
    const own = info.services.get(serviceId) ?? { tasks: 0, bySlot: new Map<number, number>() };
    own.tasks += sign;
    bump(own.bySlot, slot, sign);
    if (own.tasks > 0) info.services.set(serviceId, own);
    else info.services.delete(serviceId);
    for (const port of holding.ports) holdPort(engine, port, id, sign);
  }
}

/** Tasks of a service on a node; those of `exceptSlot` do not count, for a slot's old task makes room. */
export function tasksOfService(info: NodeInfo, serviceId: string, exceptSlot?: number): number {
  const own = info.services.get(serviceId);
  if (own === undefined) return 0;
  return own.tasks - (exceptSlot === undefined ? 0 : (own.bySlot.get(exceptSlot) ?? 0));
}

export function freeResources({ node, engine }: NodeInfo): Resources {
  return subtractResources(node.description?.resources ?? NO_RESOURCES, engine.reserved);
}

/** Id of a task that holds one of these ports on the engine, with the port. @param except tasks that do not count */
export function portConflict(
  { engine }: NodeInfo,
  ports: readonly PortSpec[],
  except: ReadonlySet<string> = NO_OUTGOING.taskIds,
): { readonly port: PortSpec; readonly taskId: string } | null {
  for (const port of ports) {
    for (const [taskId, hostIp] of engine.ports.get(portKey(port)) ?? []) {
      if (!except.has(taskId) && overlaps(hostIp, port.hostIp)) return { port, taskId };
    }
  }
  return null;
}

/** Ports whose number on the node is asked for; 0 takes a free one and conflicts with nothing. */
export function fixedPorts(spec: TaskSpec | null | undefined): readonly PortSpec[] {
  if (spec === null || spec === undefined || spec.ports.length === 0) return NO_PORTS;
  return spec.ports.filter((port) => port.published !== 0);
}

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

function bump<K>(counts: Map<K, number>, key: K, by: number): void {
  const next = (counts.get(key) ?? 0) + by;
  if (next > 0) counts.set(key, next);
  else counts.delete(key);
}
