/** Links that carry nothing, one way or both, once or again and again; that are slow; that break. */
import type { Fault, Injected } from "../fault.ts";
import type { Cut } from "../links.ts";
import type { World } from "../world.ts";

function names(world: World): string[] {
  return world.cluster.machines.map(({ name }) => name);
}

function bothWays(a: readonly string[], b: readonly string[]): Cut[] {
  return a.flatMap((x) =>
    b.flatMap((y): Cut[] => [
      [x, y],
      [y, x],
    ]),
  );
}

function others(world: World, name: string): string[] {
  return names(world).filter((other) => other !== name);
}

/** The leader, half of the time: what happens to it matters most. */
function victim(world: World): string {
  const leader = world.cluster.leader();
  return leader !== null && world.luck.chance(0.5) ? leader.name : (world.luck.pick(names(world)) ?? "");
}

function pair(world: World): Cut {
  const [a = "", b = ""] = world.luck.shuffled(names(world));
  return [a, b];
}

const partition: Fault = {
  name: "partition",
  weight: 1,
  inject: (world, durationMs): Injected => {
    const all = world.luck.shuffled(names(world));
    const at = Math.max(1, Math.floor(all.length / 2));
    const [a, b] = [all.slice(0, at), all.slice(at)];
    world.disturbs(durationMs);
    return { on: `${a.join(",")} | ${b.join(",")}`, undo: world.links.cut(bothWays(a, b)) };
  },
};

const isolation: Fault = {
  name: "isolation",
  weight: 1,
  inject: (world, durationMs): Injected => {
    const name = victim(world);
    if (name.startsWith("m")) world.disturbs(durationMs);
    return { on: name, undo: world.links.cut(bothWays([name], others(world, name))) };
  },
};

const oneWay: Fault = {
  name: "one-way",
  weight: 1,
  inject: (world, durationMs): Injected => {
    const name = victim(world);
    const isDeaf = world.luck.chance(0.5);
    world.disturbs(durationMs);
    const cuts = others(world, name).map((other): Cut => (isDeaf ? [other, name] : [name, other]));
    return { on: `${name} ${isDeaf ? "hears" : "reaches"} nobody`, undo: world.links.cut(cuts) };
  },
};

/** Two that do not reach each other while all others reach both (Cloudflare, 2020-11-02). */
const partial: Fault = {
  name: "partial",
  weight: 1.5,
  inject: (world, durationMs): Injected => {
    const [a, b] = pair(world);
    world.disturbs(durationMs);
    return { on: `${a} x ${b}`, undo: world.links.cut(bothWays([a], [b])) };
  },
};

const flapping: Fault = {
  name: "flapping",
  weight: 1,
  inject: (world, durationMs): Injected => {
    const name = victim(world);
    const dice = world.luck;
    const links = bothWays([name], dice.some(others(world, name), 0.5));
    world.disturbs(durationMs);
    let heal: (() => void) | null = null;
    let isOver = false;
    const flip = (): void => {
      if (isOver) return;
      if (heal === null) heal = world.links.cut(links);
      else {
        heal();
        heal = null;
      }
      world.sim.schedule(dice.between(30, 900), flip);
    };
    flip();
    return {
      on: name,
      undo: () => {
        isOver = true;
        heal?.();
      },
    };
  },
};

const slow: Fault = {
  name: "slow link",
  weight: 1,
  inject: (world, durationMs): Injected => {
    const [a, b] = pair(world);
    const ms = world.luck.one(60, 400, 3_000);
    world.disturbs(durationMs + 2 * ms);
    world.links.slow(a, b, ms);
    return { on: `${a}>${b} by ${ms} ms`, undo: () => world.links.restore(a, b) };
  },
};

const reset: Fault = {
  name: "reset",
  weight: 1,
  inject: (world): Injected => {
    const [a, b] = pair(world);
    world.cluster.network.reset(a, b);
    return { on: `${a} ${b}` };
  },
};

/** Connections that carry nothing any more, while new ones do: a firewall forgot them. */
const halfOpen: Fault = {
  name: "half-open",
  weight: 1,
  inject: (world, durationMs): Injected => {
    const [a, b] = pair(world);
    world.disturbs(3_000);
    world.cluster.network.blackhole(a, b, durationMs * 3);
    return { on: `${a} ${b}` };
  },
};

/** Machines drop off one by one and come back in another order (FoundationDB). */
const swizzle: Fault = {
  name: "swizzle",
  weight: 0.7,
  inject: (world, durationMs): Injected => {
    const dice = world.luck;
    const chosen = dice.some(names(world), 0.5);
    world.disturbs(durationMs);
    let isOver = false;
    const heals = new Map<string, () => void>();
    for (const [at, name] of chosen.entries()) {
      world.sim.schedule((at * durationMs) / (2 * chosen.length), () => {
        if (!isOver) heals.set(name, world.links.cut(bothWays([name], others(world, name))));
      });
    }
    for (const [at, name] of dice.shuffled(chosen).entries()) {
      world.sim.schedule(durationMs / 2 + (at * durationMs) / (2 * chosen.length), () => heals.get(name)?.());
    }
    return {
      on: chosen.join(","),
      undo: () => {
        isOver = true;
        for (const heal of heals.values()) heal();
      },
    };
  },
};

export const NETWORK_FAULTS: readonly Fault[] = [
  partition,
  isolation,
  oneWay,
  partial,
  flapping,
  slow,
  reset,
  halfOpen,
  swizzle,
];
