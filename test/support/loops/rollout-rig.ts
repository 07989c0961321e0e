/** A service in a World whose rollouts are watched: how many of its tasks ran, how many slots were in motion. */
import { expect } from "chai";
import { slotName } from "../../../src/model/naming.ts";
import { isReady, isTerminal, isWanted } from "../../../src/model/task-state.ts";
import type { Rollout, RolloutState, Task } from "../../../src/model/index.ts";
import { service, spec, type SpecPart } from "./objects.ts";
import { World } from "./world.ts";

type Part = Omit<NonNullable<Parameters<typeof service>[1]>, "task" | "revision">;

export class RolloutRig {
  readonly world: World;
  readonly #part: Part;
  readonly replicas: number;
  /** The fewest tasks that ran, and the most, since `deploy` or `reset`. What is told to stop runs until it has. */
  fewest = Infinity;
  most = 0;
  /** The most slots at once whose wanted task of the newest revision was not ready. */
  inMotion = 0;
  /** Every state of the rollout's record, in order. */
  readonly states: RolloutState[] = [];

  constructor(part: Part = {}, { nodes = 3, seed = 1 } = {}) {
    this.world = new World(seed);
    this.#part = part;
    this.replicas = part.replicas ?? 1;
    this.world.addNodes(...Array.from({ length: nodes }, (_, at) => `n${at + 1}`));
    this.world.store.onSpeculative(() => this.#look());
  }

  /** The first revision, running. */
  async deploy(task: SpecPart = {}): Promise<readonly Task[]> {
    this.put({ image: "web:1", ...task });
    await this.world.until(() => this.world.running().length === this.replicas, "all run");
    this.reset();
    return this.world.running();
  }

  /** Another image, or another of everything. */
  put(task: SpecPart, part: Part = {}): void {
    this.world.putService(service("web", { ...this.#part, ...part, task: spec(task) }));
  }

  reset(): void {
    this.fewest = Infinity;
    this.most = 0;
    this.inMotion = 0;
    this.states.length = 0;
    this.#look();
  }

  get rollout(): Rollout {
    return this.world.rollout();
  }

  async reaches(state: RolloutState, timeoutMs = 120_000): Promise<void> {
    await this.world.until(() => this.world.tx.get("service", "web")?.rollout?.state === state, state, timeoutMs);
  }

  imageOf({ revision }: Task): string {
    return this.world.tx.get("revision", `web/${revision}`)?.spec?.container?.image ?? "";
  }

  /** Images of what is wanted and runs, sorted. */
  images(): string[] {
    return this.world
      .running()
      .map((task) => this.imageOf(task))
      .toSorted();
  }

  expectAll(image: string): void {
    expect(this.images()).to.deep.equal(Array.from({ length: this.replicas }, () => image));
    expect(this.world.wanted()).to.have.length(this.replicas);
  }

  async stop(): Promise<void> {
    await this.world.stopLoops();
  }

  #look(): void {
    const { world } = this;
    const current = world.tx.get("service", "web");
    if (current === undefined) return;
    const tasks = world.tasks();
    const running = tasks.filter(({ status }) => status!.state === "RUNNING").length;
    this.fewest = Math.min(this.fewest, running);
    this.most = Math.max(this.most, running);
    const state = current.rollout?.state;
    if (state !== undefined && state !== this.states.at(-1)) this.states.push(state);
    const moving = tasks.filter(
      (task) =>
        task.revision === current.revision && isWanted(task) && !isTerminal(task.status!.state) && !isReady(task),
    );
    this.inMotion = Math.max(this.inMotion, new Set(moving.map(slotName)).size);
  }
}
