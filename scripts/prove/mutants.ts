// Does the simulator bite? Each known bug of Raft's history (test/sim/mutants) is switched on in a process of its own,
// which goes from seed to seed until a named invariant or an assertion kills it. What it prints as `seed` is what to pin.
import { MUTANTS } from "../../test/sim/mutants/all.ts";
import { huntAll } from "../../test/sim/mutants/hunt.ts";
import { print } from "./report.ts";
import type { ProofOptions } from "./report.ts";

export async function proveMutants({ runs, seed: from = 1 }: ProofOptions): Promise<boolean> {
  const survivors: string[] = [];
  for (const hunt of huntAll(MUTANTS, () => ({ from, count: runs }))) {
    const { mutant, killedBy, seed, why } = await hunt;
    const { name, like, seed: pinned } = mutant;
    if (killedBy === null) survivors.push(name);
    const outcome = killedBy === null ? { survived: seed - from + 1, why } : { seed, killedBy, pinned };
    print({ mutant: name, like, ...outcome });
  }
  print({ mutants: MUTANTS.length, killed: MUTANTS.length - survivors.length, survivors });
  return survivors.length === 0;
}
