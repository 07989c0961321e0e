/** Processes that are killed, stand still or are stopped; machines that lose power; clocks that jump. */
import type { Machine } from "../../../support/sim-cluster.ts";
import type { Fault, Injected } from "../fault.ts";
import type { World } from "../world.ts";

const DAY_MS = 86_400_000;

/** Most of the time a majority of managers stays up, and the leader is the likelier victim. */
export function someManager(world: World): Machine | null {
  const { cluster, luck } = world;
  const up = world.upManagers();
  const isSpare = up.length - 1 > cluster.managers.length / 2 || luck.chance(0.15);
  if (!isSpare) return null;
  const leader = cluster.leader();
  return leader !== null && luck.chance(0.6) ? leader : (luck.pick(up) ?? null);
}

export function someWorker(world: World): Machine | null {
  return world.luck.pick(world.cluster.workers.filter(({ isUp, env }) => isUp && !env.isPaused)) ?? null;
}

function down(world: World, machine: Machine | null, how: { power: boolean }): Injected | null {
  if (machine === null || !machine.isUp) return null;
  if (how.power && machine.role === "manager" && !world.site.mayCutPower) return null;
  if (machine.role === "manager") world.disturbs(0);
  machine.crash(how);
  return { on: machine.name, undo: () => world.site.ensureUp(machine) };
}

/** The engine of a machine whose power was cut may come up later than its agent. */
function powerCut(world: World, machine: Machine | null): Injected | null {
  const injected = down(world, machine, { power: true });
  const { engine } = machine ?? {};
  if (injected === null || engine === null || engine === undefined) return injected;
  const lateMs = world.luck.chance(0.3) ? world.luck.between(0, 4_000) : 0;
  return {
    on: injected.on,
    undo: () => {
      if (lateMs > 0) engine.setOutage("refused");
      world.sim.schedule(lateMs, () => engine.setOutage("none"));
      injected.undo?.();
    },
  };
}

function pause(world: World, machine: Machine | null): Injected | null {
  if (machine === null || !machine.isUp || machine.env.isPaused) return null;
  if (machine.role === "manager") world.disturbs(0);
  const { env } = machine;
  env.pause();
  return { on: machine.name, undo: () => env.resume() };
}

const managerKilled: Fault = {
  name: "manager killed",
  weight: 1.5,
  inject: (world, durationMs) => {
    world.disturbs(durationMs);
    return down(world, someManager(world), { power: false });
  },
};

const managerPowerCut: Fault = {
  name: "manager power cut",
  weight: 1,
  inject: (world, durationMs) => {
    world.disturbs(durationMs);
    return powerCut(world, someManager(world));
  },
};

const managerPaused: Fault = {
  name: "manager paused",
  weight: 1,
  inject: (world, durationMs) => {
    world.disturbs(durationMs);
    return pause(world, someManager(world));
  },
};

const agentKilled: Fault = {
  name: "agent killed",
  weight: 1,
  inject: (world) => down(world, someWorker(world), { power: false }),
};

const workerPowerCut: Fault = {
  name: "worker power cut",
  weight: 1,
  inject: (world) => powerCut(world, someWorker(world)),
};

const agentPaused: Fault = { name: "agent paused", weight: 1, inject: (world) => pause(world, someWorker(world)) };

/** A blocked event loop: short, often, anywhere. */
const loopStall: Fault = {
  name: "loop stall",
  weight: 1.5,
  inject: (world) => {
    const machine = world.luck.pick(world.cluster.machines.filter(({ isUp }) => isUp)) ?? null;
    const stallMs = world.luck.between(40, 900);
    if (machine?.role === "manager") world.disturbs(stallMs);
    const injected = pause(world, machine);
    if (injected === null) return null;
    const { env } = machine ?? {};
    world.sim.schedule(stallMs, () => env?.resume());
    return { on: `${injected.on} ${Math.round(stallMs)} ms` };
  },
};

/** SIGTERM: a leader hands over; a worker's machine is shut down with a goodbye, or only its daemon is restarted. */
const stopped: Fault = {
  name: "stopped",
  weight: 1,
  inject: (world, durationMs) => {
    const isManager = world.luck.chance(0.5);
    const machine = isManager ? someManager(world) : someWorker(world);
    if (machine === null || !machine.isUp) return null;
    if (isManager) world.disturbs(durationMs);
    const goodbye = world.luck.chance(0.5);
    const ended = machine.stop({ goodbye });
    let isDue = false;
    void ended.then(() => {
      if (isDue) world.site.ensureUp(machine);
    });
    return {
      on: `${machine.name}${goodbye ? " with a goodbye" : ""}`,
      undo: () => {
        isDue = true;
        world.site.ensureUp(machine);
      },
    };
  },
};

/**
 * Everything that counts time must not care. Only where no manager knows the time any more a wall clock counts: managers'
 * clocks are set before they start.
 */
const clockJump: Fault = {
  name: "clock jump",
  weight: 1,
  inject: (world) => {
    const machine = world.luck.pick(world.cluster.machines);
    if (machine === undefined) return null;
    const ms = world.luck.one(-DAY_MS, DAY_MS, -5_000, 5_000, 3_600_000);
    machine.jumpClock(ms, { isSetAtBoot: machine.role === "manager" });
    return { on: `${machine.name} ${ms} ms` };
  },
};

export const PROCESS_FAULTS: readonly Fault[] = [
  managerKilled,
  managerPowerCut,
  managerPaused,
  agentKilled,
  workerPowerCut,
  agentPaused,
  loopStall,
  stopped,
  clockJump,
];
