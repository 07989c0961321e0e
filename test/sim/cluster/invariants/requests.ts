/** A request takes effect once: within its life no second record is made for it, and none is forgotten early. */
import type { MakeInvariant } from "../invariant.ts";

/** A client repeats a request for so long at most (workloads/services.ts). */
const REPEATED_MS = 60_000;

export const requestsOnce: MakeInvariant = (world) => {
  const madeAt = new Map<string, number>();
  return {
    name: "requests take effect once",
    onEntry: ({ changes, version }) => {
      for (const { table, id, before, after } of changes) {
        if (table !== "request" || after === undefined) continue;
        const known = madeAt.get(id);
        if (before !== undefined || known !== undefined) {
          throw new Error(
            `${id} takes effect again at ${version}, ${Math.round(world.sim.now - (known ?? 0))} ms later`,
          );
        }
        madeAt.set(id, world.sim.now);
      }
    },
    atEnd: () => {
      for (const [id, at] of madeAt) {
        if (world.sim.now - at < REPEATED_MS && world.truth.get("request", id) === undefined) {
          throw new Error(`the record of ${id} is gone after ${Math.round(world.sim.now - at)} ms`);
        }
      }
    },
  };
};
