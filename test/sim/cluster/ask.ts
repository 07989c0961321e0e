/** How a careful client asks: the same change under the same request id, at one manager after the other, until an answer is clear. */
import type { KeysOf, RequestInput, Response } from "../../../src/proto/load.ts";
import { AppError, type ErrorCode } from "../../../src/util/errors.ts";
import type { MemoryNode } from "../../support/memory-rpc.ts";
import type { Dice } from "./dice.ts";
import type { World } from "./world.ts";

/** Answers that leave open whether the change was made. */
const UNCLEAR: ReadonlySet<ErrorCode> = new Set(["unavailable", "deadline", "unknown-outcome", "cancelled"]);
/** Refusals that time heals, of changes that were certainly not made. */
const PASSING: ReadonlySet<ErrorCode> = new Set(["not-leader", "exhausted", "unsupported"]);
/** What says nothing of the object: the cluster was busy, had no leader, or whoever was asked is no manager any more. */
export const NO_ANSWER: ReadonlySet<ErrorCode> = new Set([...UNCLEAR, ...PASSING]);

export type Asking = {
  readonly from: MemoryNode;
  readonly dice: Dice;
  readonly withinMs: number;
  /** Told of every answer that was not clear. */
  readonly onUnclear?: (error: AppError) => void;
};

/** @throws AppError a clear refusal, or the last unclear answer when time is up */
export async function askUntilClear<K extends KeysOf<"unary">>(
  world: World,
  { from, dice, withinMs, onUnclear }: Asking,
  key: K,
  request: RequestInput<K>,
): Promise<Response<K>> {
  const { cluster, sim } = world;
  const until = sim.now + withinMs;
  for (;;) {
    const manager = dice.pick(cluster.managers) ?? cluster.machines[0];
    if (manager === undefined) throw new AppError("unavailable", "There is no manager");
    try {
      return await cluster.call(manager, key, request, { from, deadlineMs: dice.between(1_000, 6_000) });
    } catch (error) {
      const refusal = AppError.from(error);
      const isUnclear = UNCLEAR.has(refusal.code) && refusal.details["sent"] !== "no";
      if (isUnclear) onUnclear?.(refusal);
      if ((!isUnclear && !PASSING.has(refusal.code) && refusal.code !== "unavailable") || sim.now > until)
        throw refusal;
    }
    await world.pause(dice.between(20, 400));
  }
}
