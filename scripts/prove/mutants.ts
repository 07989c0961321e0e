// Do the simulators bite? Each known bug (test/sim/mutants) is switched on in a copy of the program of its own, which goes
// from seed to seed until a named invariant or an assertion kills it. What it prints as `seed` is what to pin.
import { MUTANTS } from "../../test/sim/mutants/all.ts";
import { huntAll } from "../../test/sim/mutants/hunt.ts";
import { print } from "./report.ts";
import type { ProofOptions } from "./report.ts";

export async function proveMutants({ runs, seed: from = 1 }: ProofOptions): Promise<boolean> {
  const survivors: string[] = [];
  for (const hunt of huntAll(MUTANTS, () => ({ from, count: runs }))) {
    const { mutant, killedBy, seed, why } = await hunt;
    const { name, like } = mutant;
    const pinned = "test" in mutant ? null : mutant.seed;
    if (killedBy === null) survivors.push(name);
    const outcome =
      killedBy === null ? { survived: seed === null ? "its test" : seed - from + 1, why } : { seed, killedBy, pinned };
    print({ mutant: name, like, ...outcome });
  }
  print({ mutants: MUTANTS.length, killed: MUTANTS.length - survivors.length, survivors });
  return survivors.length === 0;
}
