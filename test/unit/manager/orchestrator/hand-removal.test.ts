import { expect } from "chai";
import { REMOVED_BY_HAND } from "../../../../src/model/hand-removal.ts";
import { isTerminal } from "../../../../src/model/task-state.ts";
import type { Task } from "../../../../src/model/index.ts";
import { endTask } from "../../../../src/store/end-task.ts";
import { GLOBAL, job, service, spec } from "../../../support/loops/objects.ts";
import { World } from "../../../support/loops/world.ts";

describe("manager/orchestrator: tasks that are removed by hand", () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });
  afterEach(async () => {
    await world.stopLoops();
  });

  /** As Control does. */
  const remove = (id: string): void =>
    void world.store.update((tx) =>
      endTask(tx, tx.get("task", id)!, "SHUTDOWN", { actor: "user:ada", reason: REMOVED_BY_HAND }),
    );
  const running = async (count: number): Promise<void> =>
    await world.until(() => world.running().length === count, `${count} run`);
  const notEnded = (): Task[] => world.tasks().filter((task) => !isTerminal(task.status!.state));

  it("are replaced at once, the others left alone, and the new one says whose it is", async () => {
    world.addNodes("n1", "n2");
    world.putService(service("web", { replicas: 3 }));
    await running(3);
    const [first, ...others] = world.running();
    const reasons: string[] = [];
    world.store.onCommit(({ changes }) => {
      for (const { table, before, after } of changes)
        if (table === "task" && before === undefined) reasons.push(after!.cause!.reason);
    });
    remove(first!.id);
    await world.until(() => world.running().length === 3 && notEnded().length === 3, "another one runs in its place");
    const now = world.running().map(({ id }) => id);
    expect(now).to.include.members(others.map(({ id }) => id));
    expect(now).not.to.include(first!.id);
    expect(reasons).to.deep.equal([`task ${first!.id} was removed by hand, by user:ada`]);
    expect(world.tx.get("task", first!.id)!.status!.state).to.equal("SHUTDOWN");
  });

  it("charge no restart", async () => {
    world.addNodes("n1");
    const restart = { condition: "ON_FAILURE", maxAttempts: 1 } as const;
    world.putService(service("web", { task: spec({ restart }) }));
    await running(1);
    for (let times = 0; times < 3; times += 1) {
      const [task] = world.running();
      remove(task!.id);
      await world.until(() => world.running().some(({ id }) => id !== task!.id), "the next one runs");
    }
    world.fail(world.running()[0]!.id);
    await world.until(() => world.running().length === 1, "its one restart is left");
  });

  it("end the back-off of what kept failing", async () => {
    world.addNodes("n1");
    world.behave = () => ({ exits: { afterMs: 10, code: 1 } });
    world.putService(service("web"));
    await world.until(() => world.wanted().some(({ earlyEnds }) => earlyEnds > 5), "it waits longer and longer");
    world.behave = () => ({});
    remove(world.wanted()[0]!.id);
    const since = world.env.now();
    await running(1);
    expect(world.env.now() - since).to.be.below(500);
    expect(world.running()[0]!.earlyEnds).to.equal(0);
  });

  it("of a service that never runs twice are waited for", async () => {
    world.addNodes("n1", "n2");
    const single = service("web");
    world.putService({ ...single, spec: { ...single.spec!, single: true } });
    await running(1);
    world.behave = () => ({ stopMs: 3000 });
    const [first] = world.running();
    remove(first!.id);
    await world.run(2500);
    expect(world.running()).to.have.length(0);
    await running(1);
    expect(world.tx.get("task", first!.id)!.status!.state).to.equal("SHUTDOWN");
  });

  it("of a global service come again on the same node", async () => {
    world.addNodes("n1", "n2");
    world.putService(service("web", { mode: GLOBAL }));
    await running(2);
    const [first] = world.running();
    remove(first!.id);
    await world.until(() => world.running().length === 2 && notEnded().length === 2, "each node has one");
    expect(new Set(world.running().map(({ nodeId }) => nodeId)).size).to.equal(2);
  });

  it("of a job are tried again once they have stopped, as no failure of the run", async () => {
    world.addNodes("n1");
    world.behave = () => ({ stopMs: 1000 });
    world.putService(
      service("web", { mode: job({ total: 1 }), task: spec({ restart: { condition: "ON_FAILURE", maxAttempts: 1 } }) }),
    );
    const started = (): Task[] => world.wanted().filter(({ status }) => status!.state === "RUNNING");
    await world.until(() => started().length === 1, "it runs");
    const [first] = started();
    remove(first!.id);
    await world.run(900);
    expect(world.tasks()).to.have.length(1);
    world.behave = () => ({ exits: { afterMs: 10, code: 0 } });
    await world.until(() => world.runs()[0]!.state === "SUCCEEDED", "the next attempt completes");
    expect(world.runs()[0]).to.include({ failures: 0, completed: 1 });
  });
});
