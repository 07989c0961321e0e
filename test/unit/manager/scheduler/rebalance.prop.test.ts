// What holds of any rebalancing: it comes to an end, every move makes up for a difference of two tasks by the widest level
// at which its nodes differ, no filter is passed over, no task moves twice but between agents that share an engine, and
// without rules of its own a service ends even.
import { expect } from "chai";
import fc from "fast-check";
import { demandOf, specOf } from "../../../../src/manager/scheduler/demand.ts";
import { refuseNode } from "../../../../src/manager/scheduler/node-filter.ts";
import { planBalance, type Move } from "../../../../src/manager/scheduler/rebalance.ts";
import { bookOf } from "../../../../src/manager/scheduler/scheduler.ts";
import type { Node, Task } from "../../../../src/model/index.ts";
import { node, service, spec, task, type NodePart, type SpecPart } from "../../../support/loops/objects.ts";
import { World } from "../../../support/loops/world.ts";

type Case = {
  readonly nodes: readonly NodePart[];
  /** Of each task, which node it is on; beyond the last it begins anew. */
  readonly places: readonly number[];
  readonly part: SpecPart;
};

const REPLICAS_MAX = 14;

const nodes = fc.array(
  fc.record({
    labels: fc.record({ zone: fc.constantFrom("x", "y"), rack: fc.constantFrom("1", "2") }),
    memoryMiB: fc.integer({ min: 200, max: 1200 }),
    availability: fc.constantFrom("ACTIVE" as const, "ACTIVE" as const, "ACTIVE" as const, "PAUSE" as const),
    engineId: fc.constantFrom("", "", "e1"),
  }),
  { minLength: 1, maxLength: 6 },
);

const part = fc.record({
  memoryMiB: fc.constantFrom(0, 0, 64, 200),
  constraints: fc.constantFrom<string[]>([], [], ["node.labels.zone == x"]),
  maxPerNode: fc.constantFrom(0, 0, 3),
  ports: fc.constantFrom<{ published: number }[]>([], [], [], [{ published: 80 }]),
  spread: fc.constantFrom<string[]>([], ["node.labels.zone"], ["node.labels.zone", "node.labels.rack"]),
  affinities: fc.constantFrom<Record<string, number>>({}, {}, { "node.labels.rack == 1": 50 }),
});

/** Squeezed to the low numbers, so that some nodes are crowded and others empty. */
const places = fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: REPLICAS_MAX });

const cases: fc.Arbitrary<Case> = fc.record({ nodes, places, part });

/** Agents of one engine say the same of it. */
function partOf({ engineId = "", ...rest }: NodePart): NodePart {
  return engineId === "" ? rest : { ...rest, engineId, memoryMiB: 800 };
}

/** Tasks wherever they are: rules that came later may forbid that, and only moves are judged. */
async function scattered({ nodes: all, places: where, part: asked }: Case): Promise<World> {
  const world = new World();
  await world.stopLoops();
  world.putService(service("web", { replicas: where.length, task: spec(asked) }));
  void world.store.update((tx) => {
    for (const [at, one] of all.entries()) tx.put("node", node(`n${at}`, partOf(one)));
    for (const [at, place] of where.entries()) {
      const status = { state: "RUNNING", healthy: true } as const;
      tx.put("task", task(`t${at}`, { slot: at + 1, nodeId: `n${place % all.length}`, status }));
    }
  });
  return world;
}

/** All moves, as if each were carried out before the next; and the tasks as they end. */
function movesOf(world: World): { readonly moves: readonly Move[]; readonly tasks: readonly Task[] } {
  const book = bookOf(world.tx);
  const web = { ...world.tx.get("service", "web")!, rebalanceUntilMs: Infinity };
  let tasks = world.tasks();
  const moves: Move[] = [];
  for (;;) {
    const plan = planBalance(world.tx, book, web, tasks);
    if (plan.kind !== "move") return { moves, tasks };
    moves.push(plan.move);
    expect(moves.length, "it ends").to.be.at.most(2 * REPLICAS_MAX);
    const moved = { ...plan.move.task, nodeId: plan.move.to.id };
    book.setTask(moved, specOf(world.tx, moved));
    tasks = tasks.map((other) => (other.id === moved.id ? moved : other));
  }
}

function branches(one: Node, levels: readonly string[]): string[] {
  const values = levels.map((level) => one.spec!.labels[level.replace("node.labels.", "")] ?? "");
  return [...values.map((_, at) => values.slice(0, at + 1).join("/")), one.id];
}

describe("manager/scheduler: any rebalancing", () => {
  it("ends, each of its moves making up for a difference of two, by no filter passed over", async () => {
    let moved = 0;
    await fc.assert(
      fc.asyncProperty(cases, async (given) => {
        const world = await scattered(given);
        const { spread = [], ports = [], maxPerNode = 0, memoryMiB = 0 } = given.part;
        const { moves } = movesOf(world);
        moved += moves.length;
        let at = new Map(world.tasks().map(({ id, nodeId }) => [id, nodeId]));
        const on = (test: (where: Node) => boolean): number =>
          [...at.values()].filter((id) => test(world.tx.get("node", id)!)).length;
        for (const { task: one, from, to } of moves) {
          const [left, right] = [branches(from, spread), branches(to, spread)];
          const depth = left.findIndex((branch, level) => branch !== right[level]);
          const count = (branch: string): number => on((where) => branches(where, spread)[depth] === branch);
          expect(at.get(one.id)).to.equal(from.id);
          expect(count(left[depth]!) - count(right[depth]!), `${from.id} to ${to.id}`).to.be.at.least(2);
          expect(refuseNode(demandOf(world.tx, one)!.needs, to)).to.equal(null);
          const engine = to.description!.engineId;
          const beside = on((where) => where.description!.engineId === engine);
          if (ports.length > 0) expect(beside, "port").to.equal(0);
          if (maxPerNode > 0)
            expect(
              on(({ id }) => id === to.id),
              "max replicas",
            ).to.be.below(maxPerNode);
          const total = to.description!.resources!.memoryBytes / 2 ** 20;
          if (memoryMiB > 0) expect((beside + 1) * memoryMiB, "memory").to.be.at.most(total);
          at = new Map(at).set(one.id, to.id);
        }
        // Where agents share an engine, a move off one of them makes room on the others, also for what moved before.
        if (given.nodes.filter(({ engineId }) => engineId === "e1").length > 1) return;
        const ids = moves.map((move) => move.task.id);
        expect(new Set(ids).size, "no task moves twice").to.equal(ids.length);
      }),
      { numRuns: 80 },
    );
    expect(moved, "some did move").to.be.above(40);
  });

  it("leaves a service without rules even, by as few moves as that takes, and then plans none", async () => {
    const plain = fc.array(fc.record({}), { minLength: 2, maxLength: 7 });
    await fc.assert(
      fc.asyncProperty(plain, places, async (bare, where) => {
        const given: Case = { nodes: bare, places: where, part: {} };
        const world = await scattered(given);
        const countsOf = (tasks: readonly Task[]): number[] =>
          given.nodes.map((_, at) => tasks.filter(({ nodeId }) => nodeId === `n${at}`).length);
        const before = countsOf(world.tasks());
        const { moves, tasks } = movesOf(world);
        const after = countsOf(tasks);
        expect(Math.max(...after) - Math.min(...after)).to.be.at.most(1);
        const least = before.reduce((sum, count, at) => sum + Math.max(0, count - after[at]!), 0);
        expect(moves).to.have.length(least);
      }),
      { numRuns: 30 },
    );
  });
});
