/**
 * Committed state as the simulator keeps it for itself: what the first manager to apply each entry made of it. The
 * store's own tables are not used, so that they can be judged by it.
 */
import type { Node, Service, Task, TaskSpec } from "../../../src/model/index.ts";
import type { ChangeSet, TableName, Tables } from "../../../src/store/types.ts";

/** What watchers may see of one entry. */
export type PublicSet = {
  readonly version: number;
  readonly changes: readonly PublicChange[];
};
export type PublicChange = {
  readonly kind: "cluster" | "node" | "service" | "task" | "run";
  readonly id: string;
  readonly action: "CREATED" | "UPDATED" | "REMOVED";
};

export class Truth {
  version = 0;
  timeMs = 0;
  readonly #tables: { readonly [T in TableName]: Map<string, Tables[T]> } = {
    cluster: new Map(),
    node: new Map(),
    service: new Map(),
    revision: new Map(),
    task: new Map(),
    request: new Map(),
    run: new Map(),
  };
  readonly #tasksBy = new Map<string, Set<string>>();
  /** Every entry that changed something public, in order. */
  readonly published: PublicSet[] = [];

  apply(set: ChangeSet): void {
    this.version = set.version;
    this.timeMs = set.timeMs;
    const changes: PublicChange[] = [];
    for (const change of set.changes) {
      const { table, id, before, after } = change;
      if (table === "task") this.#index(before, after);
      const rows: Map<string, Tables[TableName]> = this.#tables[table];
      if (after === undefined) rows.delete(id);
      else rows.set(id, after);
      if (table === "revision" || table === "request") continue;
      changes.push({ kind: table, id, action: before === undefined ? "CREATED" : after ? "UPDATED" : "REMOVED" });
    }
    if (changes.length > 0) this.published.push({ version: set.version, changes });
  }

  get<T extends TableName>(table: T, id: string): Tables[T] | undefined {
    return this.#tables[table].get(id);
  }

  all<T extends TableName>(table: T): Iterable<Tables[T]> {
    return this.#tables[table].values();
  }

  tasksOfService(id: string): Task[] {
    return this.#tasks(`service ${id}`);
  }

  tasksOfNode(id: string): Task[] {
    return this.#tasks(`node ${id}`);
  }

  tasksOfSlot(serviceId: string, slot: number): Task[] {
    return this.#tasks(`slot ${serviceId}/${slot}`);
  }

  specOf({ serviceId, revision }: Pick<Task, "serviceId" | "revision">): TaskSpec | null {
    return this.get("revision", `${serviceId}/${revision}`)?.spec ?? null;
  }

  serviceNamed(name: string): Service | undefined {
    for (const service of this.all("service")) if (service.spec?.name === name) return service;
    return undefined;
  }

  nodeNamed(name: string): Node | undefined {
    for (const node of this.all("node")) if (node.spec?.name === name) return node;
    return undefined;
  }

  #tasks(key: string): Task[] {
    return [...(this.#tasksBy.get(key) ?? [])].flatMap((id) => this.get("task", id) ?? []);
  }

  #index(before: Task | undefined, after: Task | undefined): void {
    for (const key of keysOf(before)) this.#tasksBy.get(key)?.delete(before?.id ?? "");
    for (const key of keysOf(after)) {
      const ids = this.#tasksBy.get(key) ?? new Set();
      this.#tasksBy.set(key, ids.add(after?.id ?? ""));
    }
  }
}

function keysOf(task: Task | undefined): string[] {
  if (task === undefined) return [];
  return [`service ${task.serviceId}`, `slot ${task.serviceId}/${task.slot}`, `node ${task.nodeId}`];
}
