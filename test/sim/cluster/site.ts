/**
 * The people and programs around the machines: a supervisor starts processes that ended, and an operator replaces
 * machines whose disks are of no use any more, under a new id. Also knows how much may be lost at once: what is
 * acknowledged is safe only while a majority of the voters keeps its disks.
 */
import type { KeysOf, RequestInput, Response } from "../../../src/proto/load.ts";
import { AppError, isAppError } from "../../../src/util/errors.ts";
import { newId } from "../../../src/util/id.ts";
import type { MemoryNode } from "../../support/memory-rpc.ts";
import type { Machine } from "../../support/sim-cluster.ts";
import { askUntilClear } from "./ask.ts";
import type { Dice } from "./dice.ts";
import type { World } from "./world.ts";

const RESTART_MS = [300, 2_500] as const;
/** An operator's patience for one change. */
const CHANGE_MS = 120_000;
/** After that a damaged disk that its manager took for sound is one. */
const SOUND_AFTER_MS = 3_000;

export class Site {
  readonly #world: World;
  readonly #dice: Dice;
  readonly operator: MemoryNode;
  /** Managers whose disks lost something, until others hold it again. */
  readonly damaged = new Set<Machine>();
  /** Whose process must not be started by anybody else now. */
  readonly #held = new Set<Machine>();
  #changes = 0;

  constructor(world: World) {
    this.#world = world;
    this.#dice = world.dice("site");
    this.operator = world.cluster.client("operator");
  }

  /** Nothing is being replaced, promoted or removed. */
  get isIdle(): boolean {
    return this.#changes === 0;
  }

  /** Whether this manager may lose what is on its disk: the other voters alone must have a majority that did not. */
  mayDamage(machine: Machine): boolean {
    const replica = this.#world.cluster.leader()?.node?.manager?.replica;
    if (replica === undefined || !this.isIdle || this.damaged.size > 0) return false;
    const voters = replica.members().filter(({ role }) => role === "voter");
    if (voters.length !== replica.members().length || !voters.some(({ id }) => id === machine.id)) return false;
    return voters.length - 1 >= Math.floor(voters.length / 2) + 1;
  }

  /** What others remember of a damaged disk's age must not be lost with their power (peer-writes.ts). */
  get mayCutPower(): boolean {
    return this.damaged.size === 0;
  }

  /** A process ended by itself, or could not start. */
  ended(machine: Machine, error: AppError): void {
    const world = this.#world;
    if (machine.isUp) machine.crash({ power: false });
    world.coverage.add(`ended: ${error.code}`);
    if (error.code === "corrupt" && machine.role === "manager") {
      if (!this.damaged.has(machine)) {
        world.fail("ends are explained", `${machine.name}, whose disk is sound, says ${error.message}`);
        return;
      }
      world.coverage.add("damage recognised");
      this.replace(machine);
      return;
    }
    world.sim.schedule(this.#dice.between(...RESTART_MS), () => this.ensureUp(machine));
  }

  ensureUp(machine: Machine): void {
    if (machine.isUp || this.#held.has(machine)) return;
    if (machine.isExpelled) this.replace(machine);
    else machine.boot();
  }

  /** Its disk lost something; found out when it starts, or when it meets the others. */
  damage(machine: Machine): void {
    this.damaged.add(machine);
  }

  /** A damaged disk whose manager runs all the same for a while has lost nothing that counts. */
  look(): void {
    for (const machine of this.damaged) {
      if (this.#held.has(machine) || !machine.isUp) continue;
      const { boots } = machine;
      this.#world.sim.schedule(SOUND_AFTER_MS, () => {
        if (machine.boots !== boots || !machine.isUp || this.#held.has(machine)) return;
        if (machine.node?.manager?.replica.leader() !== null) this.damaged.delete(machine);
      });
    }
  }

  /** Installed anew, under a new id; the old one is removed from the cluster. */
  replace(machine: Machine): void {
    if (this.#held.has(machine)) return;
    this.#held.add(machine);
    void this.change(async () => {
      const world = this.#world;
      const { role, id: oldId } = machine;
      machine.reinstall(newId(world.sim.env(`${machine.name}/id${machine.boots}`)), role);
      world.coverage.add("machine replaced");
      await this.#remove(oldId);
      await this.#admit(machine);
      this.#held.delete(machine);
      machine.boot({ kind: role === "manager" ? "join" : "restart" });
      if (role === "manager") await this.#untilVoter(machine);
      this.damaged.delete(machine);
    });
  }

  /** Keeps count of operators' work. What fails in it for good is a violation. */
  async change(work: () => Promise<void>): Promise<void> {
    this.#changes += 1;
    try {
      await work();
    } catch (error) {
      this.#world.fail("operators get through", error instanceof Error ? error.message : String(error));
    } finally {
      this.#changes -= 1;
    }
  }

  /** @throws AppError when the answer is a clear refusal, or nobody answered for long */
  async ask<K extends KeysOf<"unary">>(key: K, request: RequestInput<K>): Promise<Response<K>> {
    return await askUntilClear(
      this.#world,
      { from: this.operator, dice: this.#dice, withinMs: CHANGE_MS },
      key,
      request,
    );
  }

  async #remove(id: string): Promise<void> {
    const requestId = newId(this.operator.env);
    try {
      await this.ask("Control.RemoveNode", { id, force: true, loseQuorum: true, requestId });
    } catch (error) {
      if (!isAppError(error, "not-found")) throw error;
    }
  }

  async #admit(machine: Machine): Promise<void> {
    const { cluster, sim } = this.#world;
    const until = sim.now + CHANGE_MS;
    while (this.#world.truth.get("node", machine.id) === undefined) {
      if (sim.now > until) throw new AppError("deadline", `${machine.name} was not let in`);
      await cluster.admit(machine).catch(() => undefined);
      await this.#world.pause(200);
    }
  }

  async #untilVoter(machine: Machine): Promise<void> {
    const { sim, cluster } = this.#world;
    const until = sim.now + CHANGE_MS;
    const isVoter = (): boolean => {
      const members = cluster.leader()?.node?.manager?.replica.members() ?? [];
      return members.some(({ id, role }) => id === machine.id && role === "voter");
    };
    while (!isVoter()) {
      if (sim.now > until) throw new AppError("deadline", `${machine.name} did not become a voter`);
      await this.#world.pause(200);
    }
  }
}
