/**
 * Generic resources of an engine: how many of each kind are held, and by name where they have names.
 * Nodes of one engine may name different ones; a name is held once, whichever of them gave it out.
 */
import { amountOf, GPU_KIND, NO_RESOURCES } from "../../model/resources.ts";
import type { GenericResource, Resources } from "../../model/index.ts";
import type { Needs } from "./needs.ts";

/** What a node has. */
export type NodeStock = {
  readonly nanoCpus: number;
  readonly memoryBytes: number;
  readonly generic: ReadonlyMap<string, GenericResource>;
};

type Held = {
  count: number;
  /** Of `count`, those that have names. */
  named: number;
  /** A name to the tasks that have it: two while one takes over from the other. */
  readonly names: Map<string, Set<string>>;
  /** GPUs that tasks name themselves, whether or not the node calls them so: given to others last of all. */
  readonly chosen: Map<string, Set<string>>;
};

type Holder = { readonly id: string; readonly needs: Needs; readonly generic: readonly GenericResource[] };

export function stockOf(resources: Resources | null | undefined): NodeStock {
  const { nanoCpus, memoryBytes, generic } = resources ?? NO_RESOURCES;
  return { nanoCpus, memoryBytes, generic: new Map(generic.map((one) => [one.kind, one])) };
}

export class GenericStock {
  readonly #held = new Map<string, Held>();

  /** By the reservation: what a node does not say any more is still held. */
  take({ id, needs, generic }: Holder, sign: 1 | -1): void {
    for (const [kind, amount] of heldBy({ id, needs, generic })) {
      const held = this.#held.get(kind) ?? { count: 0, named: 0, names: new Map(), chosen: new Map() };
      held.count += sign * amount;
      for (const name of chosenBy(needs, kind)) holdName(held.chosen, name, { id, sign });
      for (const name of namesOf({ generic }, kind)) {
        held.named += sign;
        holdName(held.names, name, { id, sign });
      }
      if (held.count > 0) this.#held.set(kind, held);
      else this.#held.delete(kind);
    }
  }

  heldOf(kind: string): number {
    return this.#held.get(kind)?.count ?? 0;
  }

  /** How many of a kind a node of this engine can still give. @param except what does not count as held */
  freeOf(stock: NodeStock, kind: string, except: readonly Holder[]): number {
    const has = stock.generic.get(kind);
    if (has === undefined) return 0;
    const spared = except.reduce((sum, holder) => sum + (heldBy(holder).get(kind) ?? 0), 0);
    const held = this.heldOf(kind) - spared;
    if (has.names.length === 0) return has.count - held;
    const free = this.#freeNames(kind, has.names, except).length;
    // Tasks placed while the node gave a number have no names, and still take their part.
    const sparedNames = except.reduce((sum, holder) => sum + namesOf(holder, kind).length, 0);
    const unnamed = held - ((this.#held.get(kind)?.named ?? 0) - sparedNames);
    return free - unnamed;
  }

  /** What a task gets: names in the order in which the node gives them. Assumes that it fits. */
  give(stock: NodeStock, { reserved, gpuShare, gpus }: Needs, except: readonly Holder[]): GenericResource[] {
    const gpu = stock.generic.get(GPU_KIND);
    const wanted = new Map(reserved.generic);
    // Which ones a task names itself is between it and the engine.
    const isNamed = (gpus?.deviceIds.length ?? 0) > 0;
    if (gpuShare !== 0 && gpu !== undefined && !isNamed) wanted.set(GPU_KIND, gpuShare < 0 ? amountOf(gpu) : gpuShare);
    return [...wanted].map(([kind, amount]) => {
      const names = stock.generic.get(kind)?.names ?? [];
      if (names.length === 0) return { kind, count: amount, names: [] };
      const isChosen = (name: string): number => (this.#held.get(kind)?.chosen.has(name) === true ? 1 : 0);
      const free = this.#freeNames(kind, names, except).sort((a, b) => isChosen(a) - isChosen(b));
      return { kind, count: 0, names: free.slice(0, amount) };
    });
  }

  #freeNames(kind: string, names: readonly string[], except: readonly Holder[]): string[] {
    const held = this.#held.get(kind)?.names;
    if (held === undefined) return [...names];
    return names.filter((name) =>
      [...(held.get(name) ?? [])].every((holder) => except.some(({ id }) => id === holder)),
    );
  }
}

/** What a task takes of each kind. All of a node's GPUs are as many as it was given. */
function heldBy({ needs, generic }: Holder): ReadonlyMap<string, number> {
  const { reserved, gpuShare } = needs;
  if (gpuShare === 0) return reserved.generic;
  const given = generic.find(({ kind }) => kind === GPU_KIND);
  const amount = gpuShare > 0 ? gpuShare : given === undefined ? 0 : amountOf(given);
  return new Map([...reserved.generic, [GPU_KIND, amount]]);
}

function chosenBy({ gpus, gpuShare }: Needs, kind: string): readonly string[] {
  return kind === GPU_KIND && gpuShare !== 0 ? (gpus?.deviceIds ?? []) : [];
}

function namesOf({ generic }: Pick<Holder, "generic">, kind: string): readonly string[] {
  return generic.find((one) => one.kind === kind)?.names ?? [];
}

function holdName(
  names: Map<string, Set<string>>,
  name: string,
  { id, sign }: { readonly id: string; readonly sign: 1 | -1 },
): void {
  const holders = names.get(name) ?? new Set<string>();
  if (sign > 0) holders.add(id);
  else holders.delete(id);
  if (holders.size > 0) names.set(name, holders);
  else names.delete(name);
}
