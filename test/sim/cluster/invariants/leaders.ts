/** One leader a term, and each manager's applied state only goes forward. */
import type { Manager } from "../../../../src/manager/manager.ts";
import type { MakeInvariant } from "../invariant.ts";

export const leaders: MakeInvariant = (world) => {
  const leaderOf = new Map<number, string>();
  const appliedBy = new WeakMap<Manager, number>();
  return {
    name: "one leader a term",
    onApplied: (machine, { version }) => {
      const manager = machine.node?.manager ?? null;
      if (manager === null) return;
      const before = appliedBy.get(manager) ?? 0;
      if (version <= before) throw new Error(`${machine.name} applies ${version} after ${before}`);
      appliedBy.set(manager, version);
      if (!manager.replica.isReadyLeader()) return;
      const { term } = manager.replica.status();
      const other = leaderOf.get(term);
      if (other !== undefined && other !== machine.id) throw new Error(`term ${term} has ${other} and ${machine.id}`);
      if (other === undefined && leaderOf.size > 0) world.coverage.add("leader changes");
      leaderOf.set(term, machine.id);
    },
  };
};
