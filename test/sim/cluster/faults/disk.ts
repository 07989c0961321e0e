/** Disks that stall, fail, fill up, rot, go back in time, or are gone. */
import { LOG_STORE, SNAPSHOT_STORE } from "../../../../src/manager/replica/open-state.ts";
import type { DiskCopy } from "../../../support/memory-kv.ts";
import type { Machine } from "../../../support/sim-cluster.ts";
import type { Fault, Injected } from "../fault.ts";
import type { World } from "../world.ts";
import { someManager, someWorker } from "./process.ts";

const MIB = 2 ** 20;

function someMachine(world: World): Machine | null {
  return world.luck.chance(0.6) ? someManager(world) : someWorker(world);
}

const stall: Fault = {
  name: "disk stall",
  weight: 1,
  inject: (world, durationMs) => {
    const machine = someMachine(world);
    if (machine === null) return null;
    if (machine.role === "manager") world.disturbs(durationMs);
    const disk = world.disk(machine.name);
    disk.stalledUntil = world.sim.now + durationMs;
    return { on: machine.name };
  },
};

function failing(kind: "EIO" | "ENOSPC"): Fault["inject"] {
  return (world, durationMs) => {
    const machine = someMachine(world);
    if (machine === null) return null;
    if (machine.role === "manager") world.disturbs(durationMs + 3_000);
    const disk = world.disk(machine.name);
    disk.failing = kind;
    return { on: machine.name, undo: () => void (disk.failing = null) };
  };
}

const ioError: Fault = { name: "EIO", weight: 0.7, inject: failing("EIO") };
const noSpace: Fault = { name: "ENOSPC", weight: 0.7, inject: failing("ENOSPC") };

/** Below the low mark a manager refuses proposals and hands over; below the stop mark it ends, and does not start. */
const lowSpace: Fault = {
  name: "low space",
  weight: 0.7,
  inject: (world, durationMs) => {
    const machine = someManager(world);
    if (machine === null) return null;
    world.disturbs(durationMs + 3_000);
    const disk = world.disk(machine.name);
    disk.freeBytes = world.luck.one(200, 100, 20) * MIB;
    return { on: `${machine.name} ${disk.freeBytes / MIB} MiB`, undo: () => void (disk.freeBytes = 20 * 1024 * MIB) };
  },
};

/** A worker's images and containers fill the disk that they are on; more or less of it can be had back. */
const engineDisk: Fault = {
  name: "engine disk fills",
  weight: 0.7,
  inject: (world): Injected | null => {
    const { luck, cluster } = world;
    const machine = luck.pick(cluster.machines.filter(({ engine }) => engine !== null));
    if (machine === undefined) return null;
    const disk = world.disk(machine.name);
    disk.engineUsed = luck.one(0.92, 0.97, 0.97);
    disk.engineSpare = luck.one(0, 0, 0.1);
    return {
      on: `${machine.name} ${disk.engineUsed * 100} %, ${disk.engineSpare * 100} % to collect`,
      // An agent looks every 10 s.
      lastsMs: luck.between(6_000, 16_000),
      undo: () => void (disk.engineUsed = 0.5),
    };
  },
};

/** One bit of one record of one manager, found out at its next start. */
const rot: Fault = {
  name: "bit rot",
  weight: 0.7,
  inject: (world, durationMs): Injected | null => {
    const { luck, site } = world;
    const machine = luck.pick(world.cluster.managers.filter((one) => site.mayDamage(one)));
    if (machine === undefined || !machine.isUp) return null;
    world.disturbs(durationMs + 10_000);
    machine.crash({ power: true });
    const store = luck.one(LOG_STORE, LOG_STORE, SNAPSHOT_STORE);
    const key = luck.pick(machine.disk.keys(store));
    if (key === undefined) return { on: machine.name, undo: () => site.ensureUp(machine) };
    machine.disk.corrupt(store, key, (value) => {
      const at = luck.int(value.byteLength);
      value[at] = (value[at] ?? 0) ^ (1 << luck.int(8));
      return value;
    });
    site.damage(machine);
    return { on: `${machine.name} ${store}`, undo: () => site.ensureUp(machine) };
  },
};

/** Power goes in the middle of a write, and the disk keeps a part of it, which LevelDB promises to hide. */
const torn: Fault = {
  name: "torn batch",
  weight: 0.7,
  inject: (world, durationMs): Injected | null => {
    const { luck, site } = world;
    const candidates = world.cluster.machines.filter(
      (one) => one.isUp && (one.role === "worker" ? site.mayCutPower : site.mayDamage(one)),
    );
    const machine = luck.pick(candidates);
    if (machine === undefined) return null;
    if (machine.role === "manager") {
      world.disturbs(durationMs + 10_000);
      site.damage(machine);
    }
    machine.crash({ power: true, tear: true });
    return { on: machine.name, undo: () => site.ensureUp(machine) };
  },
};

/** A virtual machine goes back to a snapshot, or a disk comes back from a backup. */
const oldCopy: Fault = {
  name: "old copy",
  weight: 0.7,
  inject: (world, durationMs): Injected | null => {
    const { luck, site, sim } = world;
    const machine = luck.pick(world.cluster.managers.filter((one) => site.mayDamage(one)));
    if (machine === undefined || !machine.isUp) return null;
    const copy: DiskCopy = machine.disk.copy();
    const version = machine.node?.manager?.store.view().version ?? 0;
    const { id } = machine;
    return {
      on: machine.name,
      undo: () => {
        const isFarAhead = (machine.node?.manager?.store.view().version ?? 0) > version + 2;
        if (!machine.isUp || machine.id !== id || !isFarAhead || !site.mayDamage(machine)) return;
        world.coverage.add("disk put back");
        world.disturbs(durationMs + 10_000);
        machine.crash({ power: true });
        machine.disk.putBack(copy);
        site.damage(machine);
        sim.schedule(luck.between(100, 1_000), () => site.ensureUp(machine));
      },
    };
  },
};

/** Nothing is left of it: it joins again, under a new id. */
const wiped: Fault = {
  name: "wiped",
  weight: 0.7,
  inject: (world, durationMs): Injected | null => {
    const { luck, site } = world;
    const candidates = world.cluster.machines.filter(
      (one) => one.isUp && site.isIdle && (one.role === "worker" || site.mayDamage(one)),
    );
    const machine = luck.pick(candidates);
    if (machine === undefined) return null;
    world.disturbs(durationMs + 10_000);
    if (machine.role === "manager") site.damage(machine);
    site.replace(machine);
    return { on: machine.name };
  },
};

export const DISK_FAULTS: readonly Fault[] = [stall, ioError, noSpace, lowSpace, engineDisk, rot, torn, oldCopy, wiped];
