/**
 * Nodes that are away for as long as it takes until what never runs twice is stopped by its own agent (20 s) and started
 * elsewhere (30 s), and that come back right then.
 */
import type { Task } from "../../../../src/model/index.ts";
import type { Machine } from "../../../support/sim-cluster.ts";
import type { Fault, Injected } from "../fault.ts";
import type { World } from "../world.ts";
import { someWorker } from "./process.ts";

/** A worker, the likelier one that has what is tied to it; at most one is away at a time, or nothing could move. */
function victim(world: World): Machine | null {
  const { cluster, truth, luck } = world;
  if (cluster.workers.some(({ isUp, id }) => !isUp || truth.get("node", id)?.status?.silence)) return null;
  const isTied = ({ single, pinnedNodeId }: Task): boolean => single || pinnedNodeId !== "";
  const tied = cluster.workers.filter(({ id }) => truth.tasksOfNode(id).some(isTied));
  return (luck.chance(0.8) ? luck.pick(tied) : undefined) ?? someWorker(world);
}

/** Often right when it is given up. */
function awayMs(world: World): number {
  return world.luck.chance(0.6) ? world.luck.between(27_500, 33_000) : world.luck.between(18_000, 45_000);
}

const longIsolation: Fault = {
  name: "long isolation",
  weight: 5,
  isLong: true,
  inject: (world): Injected | null => {
    const machine = victim(world);
    if (machine === null) return null;
    const others = world.cluster.machines.filter((other) => other !== machine);
    // One way only, it hears the managers and they do not hear it, or the other way round.
    const ways = world.luck.one<readonly ("up" | "down")[]>(["up", "down"], ["up", "down"], ["up"], ["down"]);
    const cuts = others.flatMap(({ name }) =>
      ways.map((way) => (way === "up" ? ([machine.name, name] as const) : ([name, machine.name] as const))),
    );
    return { on: `${machine.name} ${ways.join("+")}`, lastsMs: awayMs(world), undo: world.links.cut(cuts) };
  },
};

const longPowerCut: Fault = {
  name: "long power cut",
  weight: 5,
  isLong: true,
  inject: (world): Injected | null => {
    const machine = victim(world);
    if (machine === null || !world.site.mayCutPower) return null;
    machine.crash({ power: true });
    return { on: machine.name, lastsMs: awayMs(world), undo: () => world.site.ensureUp(machine) };
  },
};

/** Its agent goes on, and can stop nothing: nobody may take its place. */
const longOutage: Fault = {
  name: "long engine outage",
  weight: 3,
  isLong: true,
  inject: (world): Injected | null => {
    const engine = victim(world)?.engine ?? null;
    if (engine === null || engine.outage !== "none") return null;
    engine.setOutage(world.luck.one("refused", "hung"));
    return { on: engine.engineId, lastsMs: awayMs(world), undo: () => engine.setOutage("none") };
  },
};

export const LONG_FAULTS: readonly Fault[] = [longIsolation, longPowerCut, longOutage];
