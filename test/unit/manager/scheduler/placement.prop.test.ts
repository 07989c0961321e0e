// What holds of any placement, judged anew and naively from the rows: no filter is ever passed over, nobody
// waits whom a node would take, the same state gives the same placement, and spreads stay even.
import { expect } from "chai";
import fc from "fast-check";
import type { Node, Task, TaskSpec } from "../../../../src/model/index.ts";
import { clusterSpec, node, service, spec } from "../../../support/loops/objects.ts";
import type { NodePart, SpecPart } from "../../../support/loops/objects.ts";
import { World } from "../../../support/loops/world.ts";
import { aCluster } from "../../../support/store/objects.ts";

type Case = {
  readonly nodes: readonly (NodePart & { readonly gpus: number; readonly named: boolean })[];
  readonly services: readonly (SpecPart & { readonly replicas: number })[];
  readonly packs: boolean;
};

const SERVICES = ["a", "b", "c", "d"];

const nodes = fc.array(
  fc.record({
    state: fc.constantFrom("READY" as const, "READY" as const, "READY" as const, "DOWN" as const),
    availability: fc.constantFrom("ACTIVE" as const, "ACTIVE" as const, "PAUSE" as const),
    labels: fc.record(
      { zone: fc.constantFrom("x", "y", "z"), disk: fc.constantFrom("10", "200") },
      { requiredKeys: [] },
    ),
    memoryMiB: fc.integer({ min: 100, max: 800 }),
    engineId: fc.constantFrom("", "", "e1", "e2"),
    architecture: fc.constantFrom("amd64", "aarch64"),
    gpus: fc.integer({ min: 0, max: 3 }),
    named: fc.boolean(),
  }),
  { minLength: 1, maxLength: 7 },
);

const services = fc.array(
  fc.record({
    replicas: fc.integer({ min: 0, max: 8 }),
    memoryMiB: fc.constantFrom(0, 64, 200),
    generic: fc.constantFrom<Record<string, number>>({}, {}, { gpu: 1 }, { gpu: 2 }),
    constraints: fc.uniqueArray(
      fc.constantFrom(
        "node.labels.zone == x",
        "node.labels.zone != y",
        "node.labels.zone in (x, z)",
        "node.labels.disk >= 100",
        "node.labels.disk exists",
        "service != a",
        "service == b",
      ),
      { maxLength: 2 },
    ),
    ports: fc.constantFrom<{ published: number }[]>([], [], [{ published: 80 }]),
    maxPerNode: fc.constantFrom(0, 0, 2),
    platforms: fc.constantFrom<{ os: string; architecture: string }[]>([], [{ os: "linux", architecture: "arm64" }]),
    spread: fc.constantFrom<string[]>([], ["node.labels.zone"]),
    strategy: fc.constantFrom("DEFAULT" as const, "SPREAD" as const, "BINPACK" as const),
  }),
  { minLength: 1, maxLength: SERVICES.length },
);

const cases: fc.Arbitrary<Case> = fc.record({ nodes, services, packs: fc.boolean() });

/** @param order in which the nodes are entered: it must not matter */
async function placed(given: Case, order: (nodes: readonly Node[]) => readonly Node[] = (all) => all): Promise<World> {
  const world = new World();
  const strategy = given.packs ? "BINPACK" : "SPREAD";
  void world.store.update((tx) => {
    tx.put("cluster", aCluster({ id: "c", spec: clusterSpec({ strategy }) }));
    const made = given.nodes.map(({ engineId = "", ...own }, at) => {
      // Agents of one engine say the same of it.
      const first = engineId === "" ? own : (given.nodes.find((other) => other.engineId === engineId) ?? own);
      const { memoryMiB, gpus, named } = first;
      const names = named ? ["g0", "g1", "g2"].slice(0, gpus) : [];
      const generic = gpus === 0 ? [] : [{ kind: "gpu", count: named ? 0 : gpus, names }];
      const engine = engineId === "" ? `own-${at}` : engineId;
      return node(`n${at}`, { ...own, ...(memoryMiB === undefined ? {} : { memoryMiB }), engineId: engine, generic });
    });
    for (const object of order(made)) tx.put("node", object);
  });
  for (const [at, { replicas, ...part }] of given.services.entries())
    world.putService(service(SERVICES[at]!, { replicas, task: spec(part) }));
  await world.run(300);
  await world.stopLoops();
  return world;
}

function allWanted(world: World): readonly Task[] {
  return SERVICES.flatMap((id) => world.wanted(id));
}

function specOf(world: World, task: Task): TaskSpec {
  return world.tx.get("revision", `${task.serviceId}/${task.revision}`)!.spec!;
}

/** What keeps a task from a node beside others that are placed; null where it may go. A second opinion, not the program's. */
function objection(world: World, task: Task, target: Node): string | null {
  const wanted = specOf(world, task);
  const { labels } = target.spec!;
  const { memoryBytes, generic } = target.description!.resources!;
  if (target.status!.state !== "READY" || target.spec!.availability !== "ACTIVE") return "not usable";
  const engine = target.description!.engineId;
  const beside = allWanted(world).filter((other) => {
    const where = other.nodeId === "" ? undefined : world.tx.get("node", other.nodeId);
    return other.id !== task.id && where?.description!.engineId === engine;
  });
  for (const text of wanted.placement!.constraints) {
    const [zone, disk] = [labels["zone"], labels["disk"]];
    const holds: Record<string, () => boolean> = {
      "node.labels.zone == x": () => zone === "x",
      "node.labels.zone != y": () => zone !== "y",
      "node.labels.zone in (x, z)": () => zone === "x" || zone === "z",
      "node.labels.disk >= 100": () => disk === "200",
      "node.labels.disk exists": () => disk !== undefined,
      "service != a": () => beside.every(({ serviceId }) => serviceId !== "a"),
      "service == b": () => beside.some(({ serviceId }) => serviceId === "b") || isFirstOfItself(world, task, "b"),
    };
    if (!holds[text]!()) return text;
  }
  const isShunned = beside.some((other) => specOf(world, other).placement!.constraints.includes("service != a"));
  if (task.serviceId === "a" && isShunned) return "shunned";
  if (wanted.placement!.platforms.length > 0 && target.description!.platform!.architecture !== "aarch64")
    return "platform";
  const own = beside.filter(({ serviceId, nodeId }) => serviceId === task.serviceId && nodeId === target.id).length;
  if (wanted.placement!.maxReplicasPerNode > 0 && own >= wanted.placement!.maxReplicasPerNode) return "max replicas";
  if (wanted.ports.length > 0 && beside.some((other) => specOf(world, other).ports.length > 0)) return "port";
  const memory = (one: TaskSpec): number => one.resources!.reservations!.memoryBytes;
  const reserved = beside.reduce((sum, other) => sum + memory(specOf(world, other)), 0);
  if (memory(wanted) > 0 && reserved + memory(wanted) > memoryBytes) return "memory";
  const gpus = wanted.resources!.reservations!.generic[0]?.count ?? 0;
  if (gpus === 0) return null;
  const given = beside.flatMap((other) => other.generic);
  const [has = { count: 0, names: [] as string[] }] = generic;
  if (has.names.length > 0) {
    const taken = new Set(given.flatMap(({ names }) => names));
    const unnamed = given.reduce((sum, { names, count }) => sum + (names.length > 0 ? 0 : count), 0);
    return has.names.filter((name) => !taken.has(name)).length - unnamed < gpus ? "gpu" : null;
  }
  const held = given.reduce((sum, { names, count }) => sum + (names.length > 0 ? names.length : count), 0);
  return held + gpus > has.count ? "gpu" : null;
}

/** Who wants to be beside its own kind begins anywhere. */
function isFirstOfItself(world: World, task: Task, name: string): boolean {
  const others = world.wanted(name).filter((other) => other.id !== task.id && other.nodeId !== "");
  return task.serviceId === name && others.length === 0;
}

const where = (world: World): string[] =>
  allWanted(world).map(
    ({ serviceId, slot, nodeId, pendingReason }) => `${serviceId}.${slot} ${nodeId} ${pendingReason}`,
  );

describe("manager/scheduler: any placement", () => {
  it("passes no filter over", async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (given) => {
        const world = await placed(given);
        for (const task of allWanted(world).filter(({ nodeId }) => nodeId !== "")) {
          // Whom a task follows may be placed after it was; whom it was to find is the others' to tell.
          const why = objection(world, task, world.tx.get("node", task.nodeId)!);
          expect(why, `${task.serviceId}.${task.slot} on ${task.nodeId}`).to.equal(null);
        }
      }),
      { numRuns: 80 },
    );
  });

  it("leaves nobody waiting whom a node would take, and tells the others why", async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (given) => {
        const world = await placed(given);
        for (const task of allWanted(world).filter(({ nodeId }) => nodeId === "")) {
          const name = `${task.serviceId}.${task.slot}`;
          expect(task.pendingReason, name).to.match(/^no suitable node \(.+\)$/);
          for (const target of world.tx.all("node"))
            expect(objection(world, task, target), `${name}, which waits, on ${target.id}`).to.not.equal(null);
        }
      }),
      { numRuns: 80 },
    );
  });

  it("is the same in every run, whatever order nodes came in", async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (given) => {
        const [once, again] = [await placed(given), await placed(given, (all) => all.toReversed())];
        expect(where(again)).to.deep.equal(where(once));
      }),
      { numRuns: 30 },
    );
  });

  it("differs by at most one task between branches of every level, and between nodes of a branch, as it grows", async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 3 });
    const places = fc.array(fc.record({ zone: fc.constantFrom("x", "y", "z"), rack: fc.constantFrom("1", "2") }), {
      minLength: 1,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(sizes, places, async (replicas, labels) => {
        const world = new World();
        for (const [at, one] of labels.entries()) world.putNode(node(`n${at}`, { labels: one }));
        const task = spec({ spread: ["node.labels.zone", "node.labels.rack"] });
        for (const count of replicas.toSorted((a, b) => a - b)) {
          world.putService(service("a", { replicas: count, task }));
          await world.run(200);
          const counts = labels.map((_, at) => world.wanted("a").filter(({ nodeId }) => nodeId === `n${at}`).length);
          expect(counts.reduce((sum, n) => sum + n, 0)).to.equal(count);
          expectEven(labels, counts);
        }
        await world.stopLoops();
      }),
      { numRuns: 40 },
    );
  });
});

function expectEven(labels: readonly { zone: string; rack: string }[], counts: readonly number[]): void {
  const sums = (keyOf: (at: number) => string): Map<string, number> => {
    const all = new Map<string, number>();
    for (const [at, count] of counts.entries()) all.set(keyOf(at), (all.get(keyOf(at)) ?? 0) + count);
    return all;
  };
  const within = (values: readonly number[], what: string): void => {
    expect(Math.max(...values) - Math.min(...values), what).to.be.at.most(1);
  };
  const zones = sums((at) => labels[at]!.zone);
  within([...zones.values()], "zones");
  const racks = sums((at) => `${labels[at]!.zone}/${labels[at]!.rack}`);
  for (const zone of zones.keys()) {
    within(
      [...racks].filter(([key]) => key.startsWith(`${zone}/`)).map(([, n]) => n),
      `racks of ${zone}`,
    );
  }
  for (const rack of racks.keys()) {
    const own = counts.filter((_, at) => `${labels[at]!.zone}/${labels[at]!.rack}` === rack);
    within(own, `nodes of ${rack}`);
  }
}
