/** An operator who drains, pauses, labels, promotes, demotes and removes nodes while all this goes on. */
import type { Node } from "../../../../src/model/index.ts";
import { AppError, type ErrorCode } from "../../../../src/util/errors.ts";
import { newId } from "../../../../src/util/id.ts";
import type { Machine } from "../../../support/sim-cluster.ts";
import { NO_ANSWER } from "../ask.ts";
import type { Dice } from "../dice.ts";
import { LoopingWorkload, type MakeWorkload } from "../workload.ts";
import type { World } from "../world.ts";

const MANAGERS_MAX = 5;
const EVERY_MS = [500, 4_000] as const;
/** Somebody else was faster, or the cluster is not in a state for it. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([...NO_ANSWER, "conflict", "precondition", "not-found"]);

class Operator extends LoopingWorkload {
  readonly name = "operator";
  readonly #world: World;
  readonly #dice: Dice;

  constructor(world: World) {
    super();
    this.#world = world;
    this.#dice = world.dice(this.name);
  }

  protected override async run(): Promise<void> {
    while (!this.isStopped) {
      await this.#world.pause(this.#dice.between(...EVERY_MS));
      const machine = this.#dice.pick(this.#world.cluster.machines);
      if (machine === undefined || this.isStopped) continue;
      await this.#world.site.change(() => this.#try(machine));
    }
  }

  async #try(machine: Machine): Promise<void> {
    const actions = [() => this.#availability(machine), () => this.#label(machine)];
    // A node that is away while all managers become others finds none of them any more by itself.
    if (!this.#world.plan.isPatient) actions.push(() => this.#role(machine));
    try {
      await this.#dice.pick(actions)?.();
    } catch (error) {
      const { code } = AppError.from(error);
      if (!REFUSALS.has(code)) throw error;
      this.#world.coverage.add("operator refused");
    }
  }

  async #availability(machine: Machine): Promise<void> {
    const availability = this.#dice.one("ACTIVE", "ACTIVE", "PAUSE", "DRAIN");
    const drainDeadlineMs = this.#dice.one(0, 1_000, 4_000);
    const drainParallelism = this.#dice.one(0, 1, 2);
    await this.#update(machine, (spec) => ({ ...spec, availability, drainDeadlineMs, drainParallelism }));
    this.#world.coverage.add(`node ${availability.toLowerCase()}`);
  }

  async #label(machine: Machine): Promise<void> {
    const zone = this.#dice.one("a", "b");
    await this.#update(machine, (spec) => ({ ...spec, labels: { ...spec.labels, zone } }));
    this.#world.coverage.add("node labelled");
  }

  async #update(machine: Machine, change: (spec: NonNullable<Node["spec"]>) => Node["spec"]): Promise<void> {
    const { site } = this.#world;
    const { node } = await site.ask("Control.GetNode", { id: machine.id });
    if (node === null || node.spec === null) return;
    const { id, meta } = node;
    const requestId = newId(site.operator.env);
    await site.ask("Control.UpdateNode", { id, version: meta?.version ?? 0, spec: change(node.spec), requestId });
  }

  async #role(machine: Machine): Promise<void> {
    const { site, cluster, coverage, truth } = this.#world;
    const managers = [...truth.all("node")].filter(({ role }) => role === "MANAGER").length;
    if (site.damaged.size > 0 || cluster.managers.length !== managers) return;
    const isManager = machine.role === "manager";
    if (isManager ? managers <= 1 : managers >= MANAGERS_MAX) return;
    const role = isManager ? "WORKER" : "MANAGER";
    this.#world.disturbs(5_000);
    await site.ask("Control.SetNodeRole", { id: machine.id, role, requestId: newId(site.operator.env) });
    coverage.add(isManager ? "demoted" : "promoted");
  }
}

export const makeOperators: MakeWorkload = (world) => (world.plan.hasOperator ? [new Operator(world)] : []);
