/** People who watch rollouts: they take services back, pause rollouts, let them go on and promote canaries, at any moment. */
import { AppError, type ErrorCode } from "../../../../src/util/errors.ts";
import { newId } from "../../../../src/util/id.ts";
import type { MemoryNode } from "../../../support/memory-rpc.ts";
import { askUntilClear, NO_ANSWER } from "../ask.ts";
import type { Dice } from "../dice.ts";
import { LoopingWorkload, type MakeWorkload } from "../workload.ts";
import type { World } from "../world.ts";

const EVERY_MS = [300, 3_000] as const;
const PATIENCE_MS = 5_000;
/** There is nothing to steer any more, or nobody to ask. What took effect is in the entries (invariants/rollouts.ts). */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([...NO_ANSWER, "precondition", "not-found", "conflict"]);

class Steering extends LoopingWorkload {
  readonly name = "steering";
  readonly #world: World;
  readonly #dice: Dice;
  readonly #from: MemoryNode;

  constructor(world: World) {
    super();
    this.#world = world;
    this.#dice = world.dice(this.name);
    this.#from = world.cluster.client(this.name);
  }

  protected override async run(): Promise<void> {
    while (!this.isStopped) {
      await this.#world.pause(this.#dice.between(...EVERY_MS));
      if (this.isStopped) return;
      const what = this.#dice.one("ROLLBACK", "PAUSE", "RESUME", "RESUME", "PROMOTE");
      try {
        await this.#steer(`s${1 + this.#dice.int(this.#world.plan.services)}`, what);
        this.#world.coverage.add(`steered ${what.toLowerCase()}`);
      } catch (error) {
        const { code, message } = AppError.from(error);
        if (!REFUSALS.has(code)) this.#world.fail("refusals are explained", `${this.name} ${what}: ${code} ${message}`);
      }
    }
  }

  async #steer(id: string, what: "ROLLBACK" | "PAUSE" | "RESUME" | "PROMOTE"): Promise<void> {
    const asking = { from: this.#from, dice: this.#dice, withinMs: PATIENCE_MS };
    const requestId = newId(this.#from.env);
    if (what === "ROLLBACK") await askUntilClear(this.#world, asking, "Control.RollbackService", { requestId, id });
    else await askUntilClear(this.#world, asking, "Control.SteerRollout", { requestId, id, action: what });
  }
}

export const makeSteering: MakeWorkload = (world) => (world.plan.isSteered ? [new Steering(world)] : []);
