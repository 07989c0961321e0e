import { expect } from "chai";
import { planScale } from "../../../../src/manager/orchestrator/scale.ts";
import { slotsOf } from "../../../../src/manager/orchestrator/slot.ts";
import { tiesOf } from "../../../../src/model/ties.ts";
import { clusterLossTimes } from "../../../../src/model/node-loss.ts";
import { rolloutRules } from "../../../../src/model/rollout.ts";
import type { Task, TaskState } from "../../../../src/model/index.ts";
import { node, service, spec, task } from "../../../support/loops/objects.ts";
import { World } from "../../../support/loops/world.ts";

function scaled(tasks: readonly Task[], replicas: number): ReturnType<typeof planScale> {
  const slots = slotsOf({
    service: service("web"),
    spec: spec(),
    tasks,
    nodeOf: (id) => node(id),
    nodes: () => [],
    specOf: () => spec(),
    lossTimes: clusterLossTimes(null),
    rules: rolloutRules(service("web")),
    isProven: true,
    ties: tiesOf(null),
    mayLeave: () => true,
    nowMs: 0,
    run: 0,
    runs: [],
    beside: new Map(),
    isBehind: false,
  });
  return planScale(slots, replicas);
}

const numbers = (slots: readonly { number: number }[]): number[] =>
  slots.map((slot) => slot.number).sort((a, b) => a - b);

describe("manager/orchestrator: scale-down order", () => {
  // Swarm's fixture: 1 starting on n1, 2 on n2, 3 on n3, 1 unassigned.
  const placed: readonly (readonly [slot: number, nodeId: string, state: TaskState])[] = [
    [1, "n1", "STARTING"],
    [2, "n2", "RUNNING"],
    [3, "n2", "RUNNING"],
    [4, "n3", "RUNNING"],
    [5, "n3", "RUNNING"],
    [6, "n3", "RUNNING"],
    [7, "", "PENDING"],
  ];
  const fixture = (upTo: readonly number[]): Task[] =>
    placed
      .filter(([slot]) => upTo.includes(slot))
      .map(([slot, nodeId, state]) =>
        task(`t${slot}`, { slot, nodeId, status: { state, healthy: state === "RUNNING" } }),
      );

  it("removes the unassigned task first", () => {
    expect(numbers(scaled(fixture([1, 2, 3, 4, 5, 6, 7]), 6).drop)).to.deep.equal([7]);
  });

  it("then evens out the nodes, keeping the lowest slot of the fullest", () => {
    expect(numbers(scaled(fixture([1, 2, 3, 4, 5, 6]), 4).drop)).to.deep.equal([5, 6]);
  });

  it("then prefers running tasks, and low slots among equals", () => {
    expect(numbers(scaled(fixture([1, 2, 3, 4]), 2).drop)).to.deep.equal([1, 3]);
  });

  it("fills the lowest free slot numbers when scaled up", () => {
    expect(scaled(fixture([2, 4]), 5).add).to.deep.equal([1, 3, 5]);
  });

  it("counts a slot whose task stopped for good, and not one whose tasks are being removed", () => {
    const stopped = task("t1", { slot: 1, desired: "SHUTDOWN", nodeId: "n1", status: { state: "COMPLETE" } });
    const removed = task("t2", { slot: 2, desired: "REMOVE", nodeId: "n1", status: { state: "RUNNING" } });
    expect(scaled([stopped, removed], 2).add).to.deep.equal([2]);
  });

  it("drops a slot that stopped for good before one that runs", () => {
    const stopped = task("t1", { slot: 1, desired: "SHUTDOWN", nodeId: "n1", status: { state: "COMPLETE" } });
    const running = task("t2", { slot: 2, nodeId: "n1", status: { state: "RUNNING", healthy: true } });
    expect(numbers(scaled([stopped, running], 1).drop)).to.deep.equal([1]);
  });

  it("scales down what is not placed first, then the fullest nodes, then what does not run, then high slots", async () => {
    const world = new World();
    world.behave = ({ nodeId }) => ({ hangs: nodeId === "n1" });
    const scale = async (replicas: number): Promise<void> => {
      world.putService(service("web", { replicas, task: spec({ memoryMiB: 100 }) }));
      await world.run(1000);
    };
    // Swarm's fixture: one starts on n1, two run on n2, three on n3, and one fits nowhere.
    for (const [nodes, replicas] of [
      [1, 1],
      [2, 3],
      [3, 6],
      [3, 7],
    ] as const) {
      world.putNode(node(`n${nodes}`, { memoryMiB: nodes * 100 }));
      await scale(replicas);
    }
    const placed = (): string =>
      world
        .wanted()
        .toSorted((a, b) => a.slot - b.slot)
        .map(({ slot, nodeId }) => `${slot}:${nodeId}`)
        .join(" ");
    expect(placed()).to.equal("1:n1 2:n2 3:n2 4:n3 5:n3 6:n3 7:");
    await scale(6);
    expect(placed()).to.equal("1:n1 2:n2 3:n2 4:n3 5:n3 6:n3");
    await scale(4);
    expect(placed()).to.equal("1:n1 2:n2 3:n2 4:n3");
    await scale(2);
    expect(placed()).to.equal("2:n2 4:n3");
    await world.stopLoops();
  });
});
