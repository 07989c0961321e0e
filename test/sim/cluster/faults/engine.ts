/** Engines that do not answer or are restarted; containers that die, fall ill or are removed by hand. */
import type { FakeContainer, FakeEngine } from "../../../support/fake-engine.ts";
import type { Machine } from "../../../support/sim-cluster.ts";
import type { Fault, Injected } from "../fault.ts";
import type { World } from "../world.ts";

type WithEngine = { readonly machine: Machine; readonly engine: FakeEngine };

function engines(world: World): WithEngine[] {
  return world.cluster.machines.flatMap((machine) =>
    machine.engine === null ? [] : [{ machine, engine: machine.engine }],
  );
}

function outage(kind: "refused" | "hung"): Fault["inject"] {
  return (world) => {
    const found = world.luck.pick(engines(world));
    if (found === undefined) return null;
    found.engine.setOutage(kind);
    return { on: found.machine.name, undo: () => found.engine.setOutage("none") };
  };
}

const refused: Fault = { name: "engine refused", weight: 0.7, inject: outage("refused") };
const hung: Fault = { name: "engine hung", weight: 0.7, inject: outage("hung") };

const restarted: Fault = {
  name: "engine restarted",
  weight: 0.7,
  inject: (world, durationMs): Injected | null => {
    const found = world.luck.pick(engines(world));
    if (found === undefined) return null;
    found.engine.restart(durationMs);
    return { on: found.machine.name };
  },
};

function container(
  world: World,
  accepts: (container: FakeContainer) => boolean,
): (WithEngine & { readonly container: FakeContainer }) | null {
  const all = engines(world).flatMap((found) => found.engine.running().map((one) => ({ ...found, container: one })));
  return world.luck.pick(all.filter((one) => accepts(one.container))) ?? null;
}

const killed: Fault = {
  name: "container killed",
  weight: 1,
  inject: (world): Injected | null => {
    const found = container(world, () => true);
    if (found === null) return null;
    const exitCode = world.luck.one(137, 137, 1, 0);
    found.engine.kill(found.container.task.id, exitCode);
    return { on: `${found.machine.name} ${found.container.task.id.slice(0, 6)} with ${exitCode}` };
  },
};

const removed: Fault = {
  name: "container removed",
  weight: 0.5,
  inject: (world): Injected | null => {
    const found = container(world, () => true);
    if (found === null) return null;
    found.engine.vanish(found.container.task.id);
    return { on: `${found.machine.name} ${found.container.task.id.slice(0, 6)}` };
  },
};

const ill: Fault = {
  name: "container ill",
  weight: 1,
  inject: (world): Injected | null => {
    const found = container(world, ({ state }) => state.health === "healthy");
    if (found === null) return null;
    found.engine.setHealth(found.container.task.id, "unhealthy");
    return { on: `${found.machine.name} ${found.container.task.id.slice(0, 6)}` };
  },
};

export const ENGINE_FAULTS: readonly Fault[] = [refused, hung, restarted, killed, removed, ill];
