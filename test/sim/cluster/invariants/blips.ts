/**
 * No node is given up for a blip: between its last word to any manager and its being DOWN lie 6 s of silence, or a
 * connection that its own kernel closed for 30 s; unless managers themselves were in trouble, who may then have heard it
 * and could not say so.
 */
import { DEFAULT_REPLACE_AFTER_MS } from "../../../../src/model/node-loss.ts";
import type { MakeInvariant } from "../invariant.ts";

const PATH = "/shoal.v1.Session/Session";
/** A leader's silence is measured from what its managers told it. */
const GATHER_MS = 1_300;
/** Managers find out about each other's troubles, and agents find other managers, in this time. */
const AFTERMATH_MS = 15_000;

export const blips: MakeInvariant = (world) => {
  const lastWordAt = new Map<string, number>();
  return {
    name: "no blip costs a node",
    onDelivery: ({ path, direction, kind, from }) => {
      if (path === PATH && direction === "up" && kind === "message") lastWordAt.set(from, world.sim.now);
    },
    onEntry: ({ changes }) => {
      for (const change of changes) {
        if (
          change.table !== "node" ||
          change.after?.status?.state !== "DOWN" ||
          change.before?.status?.state === "DOWN"
        ) {
          continue;
        }
        const machine = world.machineOf(change.id);
        if (machine === undefined) continue;
        world.coverage.add("node given up");
        const silentMs = world.sim.now - (lastWordAt.get(machine.name) ?? 0);
        const leastMs = (DEFAULT_REPLACE_AFTER_MS - GATHER_MS) * (1 - world.plan.drift);
        if (silentMs >= leastMs || world.sim.now - world.disturbedAt < AFTERMATH_MS) continue;
        throw new Error(
          `${machine.name} is DOWN ${Math.round(silentMs)} ms after its last word: ${change.after.status.message}`,
        );
      }
    },
  };
};
