/**
 * Watchers: each keeps a copy of the state from what its stream tells, resumes at any manager when it ends, and now and
 * then reads slowly. What it is told must be exactly what was committed, in order, nothing left out and nothing twice.
 */
import { openStream, type ClientStream } from "../../../../src/proto/client.ts";
import type { WatchMessage } from "../../../../src/proto/gen/WatchMessage.ts";
import type { Channel } from "../../../../src/proto/rpc.ts";
import type { MemoryNode } from "../../../support/memory-rpc.ts";
import type { Dice } from "../dice.ts";
import type { PublicChange } from "../truth.ts";
import type { MakeWorkload, Workload } from "../workload.ts";
import type { World } from "../world.ts";

const NAME = "watches tell everything once";
/** A stream is given up after a while, as clients do. */
const STREAM_MS = [500, 8_000] as const;
const KINDS = ["cluster", "node", "service", "task", "run"] as const;

type Told = NonNullable<WatchMessage["changes"]>[number];

class Watcher implements Workload {
  readonly name: string;
  readonly #world: World;
  readonly #dice: Dice;
  readonly #from: MemoryNode;
  /** The copy: versions by kind and id. */
  readonly #rows = new Map<string, number>();
  #isStopped = false;
  #version = 0;
  /** The state itself is still being told. */
  #isInitial = true;
  /** Where in the published sets the next change is. */
  #at = 0;
  #stream: { readonly channel: Channel; readonly stream: ClientStream<"Watch.Watch"> } | null = null;

  constructor(world: World, number: number) {
    this.name = `watcher ${number}`;
    this.#world = world;
    this.#dice = world.dice(this.name);
    this.#from = world.cluster.client(`watcher${number}`);
  }

  /** It goes on watching until the end; its copy is the state once it heard of everything. */
  get isIdle(): boolean {
    return !this.#isInitial && this.#version >= (this.#world.truth.published.at(-1)?.version ?? 0);
  }

  start(): void {
    this.#open();
  }

  stop(): void {
    this.#isStopped = true;
  }

  atEnd(): void {
    const { truth } = this.#world;
    const wanted = new Map<string, number>();
    for (const kind of KINDS) {
      for (const { id, meta } of truth.all(kind)) wanted.set(`${kind} ${id}`, meta?.version ?? 0);
    }
    for (const [key, version] of wanted) {
      if (this.#rows.get(key) !== version)
        throw new Error(`${this.name} has ${key} at ${this.#rows.get(key)}, not ${version}`);
    }
    if (this.#rows.size !== wanted.size)
      throw new Error(`${this.name} has ${this.#rows.size} rows, not ${wanted.size}`);
  }

  #open(): void {
    const { cluster, sim } = this.#world;
    const manager = this.#dice.pick(cluster.managers) ?? cluster.machines[0];
    if (manager === undefined) return;
    const channel = this.#from.dial(manager.address, { peer: { kind: "manager" } });
    const request = this.#isInitial ? { initial: true } : { resumeFrom: this.#version };
    if (this.#isInitial) this.#rows.clear();
    const stream = openStream(
      channel,
      "Watch.Watch",
      {
        onMessage: (message) => {
          if (this.#stream?.stream === stream) this.#told(message);
        },
        onClose: () => {
          if (this.#stream?.stream === stream) this.#again();
        },
      },
      { request },
    );
    this.#stream = { channel, stream };
    if (this.#dice.chance(0.2)) this.#readSlowly(stream);
    sim.schedule(this.#dice.between(...STREAM_MS), () => {
      // Once faults are over a stream that says nothing is one with nothing to say.
      if (this.#stream?.stream === stream && !(this.#isStopped && this.isIdle)) this.#again();
    });
  }

  #readSlowly(stream: ClientStream<"Watch.Watch">): void {
    stream.pause();
    this.#world.sim.schedule(this.#dice.between(100, 4_000), () => stream.resume());
  }

  #again(): void {
    this.#stream?.stream.cancel();
    this.#stream?.channel.close();
    this.#stream = null;
    this.#world.coverage.add("watch resumed");
    this.#world.sim.schedule(this.#dice.between(10, 500), () => this.#open());
  }

  #told({ version, changes, compacted, established }: WatchMessage): void {
    if (compacted) {
      this.#world.coverage.add("watch compacted");
      this.#isInitial = true;
      this.#again();
      return;
    }
    if (established && !this.#isInitial) return;
    try {
      if (this.#isInitial) this.#toldState(version, changes, established);
      else this.#toldChanges(version, changes);
    } catch (error) {
      this.#world.fail(NAME, `${this.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #toldState(version: number, changes: readonly Told[], established: boolean): void {
    for (const change of changes) {
      if (change.action !== "CREATED") throw new Error(`the state at ${version} has a change ${change.action}`);
      const { key, row } = rowOf(change);
      if (this.#rows.has(key)) throw new Error(`the state at ${version} has ${key} twice`);
      this.#rows.set(key, row);
    }
    if (established || changes.length > 0) return;
    this.#isInitial = false;
    this.#version = version;
    this.#at = this.#after(version);
  }

  #toldChanges(version: number, changes: readonly Told[]): void {
    if (version < this.#version) throw new Error(`version ${version} after ${this.#version}`);
    const { published } = this.#world.truth;
    const due = published[this.#at];
    if (changes.length === 0) {
      if (due !== undefined && due.version <= version) throw new Error(`${due.version} was left out before ${version}`);
    } else {
      if (due?.version !== version) throw new Error(`told of ${version}, but ${due?.version ?? "nothing"} is next`);
      for (const [at, change] of changes.entries()) this.#take(change, due.changes[at], version);
      if (changes.length !== due.changes.length)
        throw new Error(`${changes.length} of ${due.changes.length} changes of ${version}`);
      this.#at += 1;
    }
    this.#version = version;
  }

  #take(change: Told, due: PublicChange | undefined, version: number): void {
    const { key, row } = rowOf(change);
    if (due === undefined || key !== `${due.kind} ${due.id}` || change.action !== due.action) {
      throw new Error(`${change.action} ${key} at ${version}, not ${due?.action} ${due?.kind} ${due?.id}`);
    }
    if (change.action === "REMOVED") this.#rows.delete(key);
    else this.#rows.set(key, row);
  }

  /** The first published set after a version. */
  #after(version: number): number {
    const { published } = this.#world.truth;
    const at = published.findIndex((set) => set.version > version);
    return at < 0 ? published.length : at;
  }
}

function rowOf({ object }: Told): { readonly key: string; readonly row: number } {
  for (const kind of KINDS) {
    const row = object?.[kind];
    if (row !== null && row !== undefined) return { key: `${kind} ${row.id}`, row: row.meta?.version ?? 0 };
  }
  throw new Error("a change without an object");
}

export const makeWatchers: MakeWorkload = (world) =>
  Array.from({ length: world.plan.watchers }, (_, at) => new Watcher(world, at + 1));
