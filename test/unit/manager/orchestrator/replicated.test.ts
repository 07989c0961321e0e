import { expect } from "chai";
import { node, service, spec } from "../../../support/loops/objects.ts";
import { World } from "../../../support/loops/world.ts";
import { planOf } from "../../../../src/manager/orchestrator/plan.ts";

const byNode = (world: World): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const task of world.wanted()) counts[task.nodeId] = (counts[task.nodeId] ?? 0) + 1;
  return counts;
};

describe("manager/orchestrator: replicated services", () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });
  afterEach(async () => {
    await world.stopLoops();
  });

  async function deployed(replicas: number, nodes: string[], part: Parameters<typeof service>[1] = {}): Promise<void> {
    world.addNodes(...nodes);
    world.putService(service("web", { replicas, ...part }));
    await world.until(() => world.running().length === replicas, `${replicas} tasks run`);
  }

  it("creates one task a slot, desired RUNNING, and spreads them", async () => {
    await deployed(4, ["n1", "n2"]);
    expect(
      world
        .wanted()
        .map((task) => task.slot)
        .sort((a, b) => a - b),
    ).to.deep.equal([1, 2, 3, 4]);
    expect(byNode(world)).to.deep.equal({ n1: 2, n2: 2 });
    expect(world.wanted().every((task) => task.cause !== null && task.cause.reason !== "")).to.equal(true);
  });

  it("places a new task in the turns right after the service is stored, without waiting for a commit", async () => {
    world.addNodes("n1");
    await world.run(100);
    world.putService(service("web"));
    await world.run(0);
    expect(world.wanted().map((task) => task.nodeId)).to.deep.equal(["n1"]);
    expect(world.store.view().count("task")).to.equal(0);
  });

  it("keeps to the restart policy though a task before never says that it stopped: its node left", async () => {
    const restart = { ...spec().restart!, maxAttempts: 2, delayMs: 1000 };
    await deployed(1, ["n1", "n2"], { task: { ...spec(), restart } });
    const { nodeId } = world.running()[0]!;
    world.behave = () => ({ exits: { afterMs: 10, code: 1 } });
    world.deadAgents.add(nodeId);
    world.changeNode(nodeId, { state: "LEFT" });
    await world.run(30_000);
    expect(world.wanted(), "its attempts are used").to.deep.equal([]);
    expect(world.tasks().filter(({ status }) => status?.state === "FAILED")).to.have.length(3);
  });

  it("plans nothing for a service that is as it should be", async () => {
    await deployed(3, ["n1", "n2"]);
    await world.run(10_000);
    expect(planOf(world.tx, "web")).to.deep.equal({ steps: [], wakeAtMs: null });
  });

  it("adds slots when scaled up and leaves the tasks of the others alone", async () => {
    await deployed(2, ["n1", "n2"]);
    const before = world.wanted().map((task) => task.id);
    world.putService(service("web", { replicas: 4 }));
    await world.until(() => world.running().length === 4, "four run");
    expect(world.wanted().map((task) => task.id)).to.include.members(before);
  });

  it("removes surplus tasks when scaled down, and deletes them once stopped", async () => {
    await deployed(4, ["n1", "n2"]);
    world.putService(service("web", { replicas: 1 }));
    await world.run(1);
    expect(world.tasks().filter((task) => task.desired === "REMOVE")).to.have.length(3);
    await world.until(() => world.tasks().length === 1, "the others are deleted");
    expect(world.running()).to.have.length(1);
  });

  it("fills the slot of a node that was removed on another one", async () => {
    await deployed(2, ["n1", "n2"]);
    const [lost] = world.wanted().filter(({ nodeId }) => nodeId === "n1");
    world.deadAgents.add("n1");
    world.removeNode("n1");
    await world.until(() => world.running().filter(({ nodeId }) => nodeId === "n2").length === 2, "both run there");
    const [successor] = world.running().filter(({ slot }) => slot === lost!.slot);
    expect(successor).to.deep.include({ nodeId: "n2", replaces: "" });
    expect(world.tx.get("task", lost!.id)?.status?.state).to.equal("ORPHANED");
  });

  it("creates no task for zero replicas, and one when set to one", async () => {
    world.addNodes("n1");
    world.putService(service("web", { replicas: 0 }));
    await world.run(1000);
    expect(world.tasks()).to.have.length(0);
    world.putService(service("web", { replicas: 1 }));
    await world.until(() => world.running().length === 1, "one runs");
  });

  it("fills a slot whose task object was deleted", async () => {
    await deployed(2, ["n1", "n2"]);
    const [victim] = world.slot(2);
    void world.store.update((tx) => tx.remove("task", victim!.id));
    await world.until(() => world.running().length === 2, "two run again");
    expect(world.slot(2)[0]!.id).not.to.equal(victim!.id);
  });

  it("removes the tasks and revisions of a removed service, and replaces none that fails meanwhile", async () => {
    await deployed(3, ["n1", "n2"]);
    world.behave = () => ({ stopMs: 500 });
    const [first] = world.running();
    world.removeService();
    await world.run(50);
    expect(world.tasks().every((task) => task.desired === "REMOVE")).to.equal(true);
    world.fail(first!.id);
    await world.until(() => world.tasks().length === 0, "all are deleted");
    expect(world.tx.count("revision")).to.equal(0);
  });

  it("cleans up the tasks of a service that was removed while nobody led", async () => {
    await deployed(2, ["n1"]);
    await world.stopLoops();
    world.removeService();
    await world.run(10);
    world.startLoops();
    await world.until(() => world.tasks().length === 0, "all are deleted");
  });

  it("creates a thousand tasks over several bounded transactions", async () => {
    world.addNodes("n1", "n2", "n3");
    let largest = 0;
    world.store.onCommit((set) => {
      largest = Math.max(largest, set.changes.length);
    });
    world.putService(service("web", { replicas: 1000 }));
    await world.until(() => world.wanted().filter((task) => task.nodeId !== "").length === 1000, "all are placed");
    expect(largest).to.be.at.most(500);
    expect(Object.values(byNode(world)).sort((a, b) => a - b)).to.deep.equal([333, 333, 334]);
  });

  describe("restarts", () => {
    it("replaces a killed task at once when the delay is zero, and places it in the same moment", async () => {
      await deployed(2, ["n1", "n2"]);
      const victim = world.slot(1)[0]!;
      await world.run(5000);
      world.fail(victim.id, 137);
      await world.run(0);
      const replacement = world.slot(1).find((task) => task.id !== victim.id);
      expect(replacement?.desired).to.equal("RUNNING");
      expect(replacement?.nodeId).not.to.equal("");
      expect(world.tx.get("task", victim.id)?.desired).to.equal("SHUTDOWN");
      expect(replacement?.cause?.actor).to.equal("scheduler");
    });

    it("creates the replacement at once with desired READY and raises it after the delay", async () => {
      await deployed(1, ["n1"], { task: spec({ restart: { delayMs: 3000 } }) });
      const victim = world.running()[0]!;
      world.fail(victim.id);
      await world.run(100);
      const waiting = world.wanted()[0]!;
      expect(waiting.desired).to.equal("READY");
      expect(waiting.status!.state).to.equal("READY");
      await world.run(2800);
      expect(world.running()).to.have.length(0);
      await world.until(() => world.running().length === 1, "it runs", 200);
      expect(world.running()[0]!.id).to.equal(waiting.id);
    });

    it("starts the replacement at once when the policy names no delay", async () => {
      const { delayMs: _, _delayMs, ...restart } = spec().restart!;
      await deployed(1, ["n1"], { task: { ...spec(), restart } });
      world.fail(world.running()[0]!.id);
      await world.until(() => world.running().length === 1, "it runs", 100);
    });

    it("goes on with a delay that an earlier leader began", async () => {
      await deployed(1, ["n1"], { task: spec({ restart: { delayMs: 3000 } }) });
      world.fail(world.running()[0]!.id);
      await world.run(1000);
      await world.changeLeader();
      const waiting = world.wanted()[0]!;
      await world.run(1800);
      expect(world.tx.get("task", waiting.id)?.desired).to.equal("READY");
      await world.until(() => world.running().length === 1, "it runs", 400);
      expect(world.running()[0]!.id).to.equal(waiting.id);
    });

    it("never restarts with condition none, and says so in the task's desired state", async () => {
      await deployed(1, ["n1"], { task: spec({ restart: { condition: "NONE" } }) });
      world.fail(world.running()[0]!.id);
      await world.run(60_000);
      expect(world.wanted()).to.have.length(0);
      expect(world.tasks().map((task) => task.desired)).to.deep.equal(["SHUTDOWN"]);
    });

    it("restarts on failure only: not what completed, but what failed", async () => {
      await deployed(1, ["n1"], { task: spec({ restart: { condition: "ON_FAILURE" } }) });
      world.fail(world.running()[0]!.id);
      await world.until(() => world.running().length === 1, "it runs again");
      world.report(world.running()[0]!.id, { state: "COMPLETE", exitCode: 0 });
      await world.run(60_000);
      expect(world.wanted()).to.have.length(0);
    });

    it("uses up its attempts across a change of leader, and the third failure stays dead", async () => {
      world.behave = () => ({ exits: { afterMs: 2000, code: 1 } });
      world.addNodes("n1");
      world.putService(service("web", { task: spec({ restart: { maxAttempts: 2 } }) }));
      await world.until(() => world.tasks().length === 2, "the first restart");
      await world.changeLeader();
      await world.run(120_000);
      expect(world.wanted()).to.have.length(0);
      expect(world.tasks().filter((task) => task.status!.state === "FAILED")).to.have.length(3);
      await world.changeLeader();
      await world.run(10_000);
      expect(world.tasks()).to.have.length(3);
    });

    it("does not count attempts older than the window", async () => {
      await deployed(1, ["n1"], { task: spec({ restart: { maxAttempts: 1, windowMs: 10_000 } }) });
      for (let round = 0; round < 4; round += 1) {
        world.fail(world.running()[0]!.id);
        await world.until(() => world.running().length === 1, "it runs again");
        await world.run(11_000);
      }
      world.fail(world.running()[0]!.id);
      await world.until(() => world.running().length === 1, "it runs again");
      world.fail(world.running()[0]!.id);
      await world.run(60_000);
      expect(world.running()).to.have.length(0);
    });

    it("starts a new count with a new revision", async () => {
      world.addNodes("n1");
      world.behave = (_, { container }) => (container!.image === "web:1" ? { exits: { afterMs: 2000, code: 1 } } : {});
      world.putService(service("web", { task: spec({ restart: { maxAttempts: 1 } }) }));
      await world.until(() => world.tasks().length === 2 && world.wanted().length === 0, "attempts are used up");
      world.putService(service("web", { task: spec({ image: "web:2", restart: { maxAttempts: 1 } }) }));
      await world.until(() => world.running().length === 1, "the new revision runs");
    });

    const created = (): { count: number; most: number } => {
      const seen = { count: 0, most: 0 };
      world.store.onCommit((set) => {
        seen.count += set.changes.filter(({ table, before }) => table === "task" && before === undefined).length;
        seen.most = Math.max(seen.most, world.tasks().length);
      });
      return seen;
    };

    it("makes one attempt a delay with a task that fails while it is prepared", async () => {
      world.behave = () => ({ rejects: "no such image" });
      world.addNodes("n1");
      const attempts = created();
      world.putService(service("web", { task: spec({ restart: { delayMs: 5000, backoffMaxMs: 0 } }) }));
      await world.run(60_000);
      expect(attempts.count).to.be.within(10, 14);
    });

    for (const [how, behaviour] of [
      ["ends at once", { exits: { afterMs: 10, code: 1 } }],
      ["cannot be prepared", { rejects: "no such image" }],
    ] as const) {
      it(`starts a task that ${how} at most 30 times an hour, keeps five of it, and goes on so under new leaders`, async () => {
        world.behave = () => behaviour;
        world.addNodes("n1");
        const attempts = created();
        world.putService(service("web"));
        for (let quarter = 0; quarter < 4; quarter += 1) {
          await world.run(900_000);
          await world.changeLeader();
        }
        expect(attempts.count).to.be.within(15, 30);
        await world.run(1000);
        expect(world.tasks().length).to.be.at.most(5);
      });
    }

    it("begins the back-off anew after a healthy run", async () => {
      let isBroken = true;
      world.behave = () => (isBroken ? { exits: { afterMs: 10, code: 1 } } : {});
      world.addNodes("n1");
      world.putService(service("web"));
      await world.run(60_000);
      isBroken = false;
      await world.until(() => world.running().length === 1, "it runs");
      await world.run(61_000);
      world.fail(world.running()[0]!.id);
      await world.until(() => world.running().length === 1, "it runs again at once", 100);
      expect(world.running()[0]!.earlyEnds).to.equal(0);
    });
  });

  describe("lost nodes", () => {
    it("replaces the tasks of a silent node and leaves the originals desired RUNNING", async () => {
      await deployed(4, ["n1", "n2"]);
      const originals = world.wanted().filter((task) => task.nodeId === "n1");
      world.loseNode("n1");
      await world.until(() => byNode(world)["n2"] === 4 && world.running().length === 6, "stand-ins run on n2");
      for (const original of originals) {
        expect(world.tx.get("task", original.id)?.desired).to.equal("RUNNING");
        expect(world.slot(original.slot).filter((task) => task.replaces === original.id)).to.have.length(1);
      }
      await world.run(60_000);
      expect(planOf(world.tx, "web").steps).to.deep.equal([]);
    });

    it("replaces without restart delay and charges no attempt", async () => {
      await deployed(1, ["n1", "n2"], { task: spec({ restart: { delayMs: 30_000, maxAttempts: 1 } }) });
      for (let round = 0; round < 3; round += 1) {
        const { nodeId } = world.running().find((task) => !world.deadAgents.has(task.nodeId))!;
        world.loseNode(nodeId);
        await world.until(
          () => world.running().some((task) => !world.deadAgents.has(task.nodeId)),
          "a stand-in runs",
          500,
        );
        world.returnNode(nodeId);
        await world.run(5000);
        expect(world.running()).to.have.length(1);
      }
    });

    it("keeps the original and stops the stand-in when the node answers again", async () => {
      await deployed(2, ["n1", "n2"]);
      const original = world.wanted().find((task) => task.nodeId === "n1")!;
      world.loseNode("n1");
      await world.until(() => world.running().length === 3, "a stand-in runs");
      world.returnNode("n1");
      await world.run(1000);
      expect(world.running(), "both run until the agent has had time to report").to.have.length(3);
      await world.run(3000);
      expect(world.running().map((task) => task.id))
        .to.include(original.id)
        .and.to.have.length(2);
      expect(world.slot(original.slot).filter((task) => task.desired === "SHUTDOWN")).to.have.length(1);
    });

    it("keeps the stand-in when the original turns out to be dead", async () => {
      await deployed(1, ["n1", "n2"]);
      const original = world.running()[0]!;
      world.loseNode(original.nodeId);
      await world.until(() => world.running().length === 2, "a stand-in runs");
      const standIn = world.running().find((task) => task.id !== original.id)!;
      world.returnNode(original.nodeId);
      await world.run(500);
      world.fail(original.id);
      await world.run(30_000);
      expect(world.running().map((task) => task.id)).to.deep.equal([standIn.id]);
      expect(world.tasks()).to.have.length(2);
    });

    it("waits for the report of an agent that was started anew before it believes in the original", async () => {
      await deployed(1, ["n1", "n2"]);
      const original = world.running()[0]!;
      world.loseNode(original.nodeId);
      await world.until(() => world.running().length === 2, "a stand-in runs");
      world.deadAgents.delete(original.nodeId);
      world.changeNode(original.nodeId, { state: "READY", agentEpoch: 2 });
      await world.run(5000);
      expect(world.running()).to.have.length(2);
      world.fail(original.id);
      await world.run(100);
      expect(world.running()).to.have.length(1);
    });

    it("orphans the original when its node is removed, and keeps the stand-in", async () => {
      await deployed(1, ["n1", "n2"]);
      const original = world.running()[0]!;
      world.loseNode(original.nodeId);
      await world.until(() => world.running().length === 2, "a stand-in runs");
      world.removeNode(original.nodeId);
      await world.run(100);
      const after = world.tx.get("task", original.id)!;
      expect([after.desired, after.status!.state]).to.deep.equal(["SHUTDOWN", "ORPHANED"]);
      expect(world.running()).to.have.length(1);
    });

    it("replaces a task whose node was removed", async () => {
      await deployed(2, ["n1", "n2"]);
      world.removeNode("n1");
      await world.until(() => byNode(world)["n2"] === 2, "both run on n2");
    });

    for (const [what, part] of [
      ["drained", { availability: "DRAIN" }],
      ["left", { state: "LEFT" }],
    ] as const) {
      it(`stops the tasks of a node that is ${what} at once and replaces them without delay`, async () => {
        await deployed(2, ["n1", "n2"], { task: spec({ restart: { delayMs: 30_000 } }) });
        const original = world.wanted().find((task) => task.nodeId === "n1")!;
        world.changeNode("n1", part);
        await world.run(0);
        expect(world.tx.get("task", original.id)?.desired).to.equal("SHUTDOWN");
        await world.until(() => world.running().length === 2 && byNode(world)["n2"] === 2, "both run on n2", 500);
      });
    }

    it("does nothing about nodes that are unreachable, unknown or paused", async () => {
      await deployed(4, ["n1", "n2", "n3", "n4"]);
      const before = world.wanted().map((task) => task.id);
      world.changeNode("n1", { state: "UNREACHABLE" });
      world.changeNode("n2", { state: "UNKNOWN" });
      world.changeNode("n3", { availability: "PAUSE" });
      await world.changeLeader();
      await world.run(60_000);
      expect(world.tasks().map((task) => task.id)).to.deep.equal(before);
    });

    it("finds another stand-in when the first one's node is lost too, and ends with one task", async () => {
      await deployed(1, ["n1", "n2", "n3"]);
      const first = world.running()[0]!;
      world.loseNode(first.nodeId);
      await world.until(() => world.running().length === 2, "a stand-in runs");
      const second = world.running().find((task) => task.id !== first.id)!;
      world.loseNode(second.nodeId);
      await world.until(() => world.running().length === 3, "a second stand-in runs");
      world.returnNode(first.nodeId);
      await world.run(5000);
      world.returnNode(second.nodeId);
      await world.run(15_000);
      expect(world.running().map((task) => task.id)).to.deep.equal([first.id]);
    });

    it("stops a silent stand-in, too, once the task it stood in for runs again", async () => {
      await deployed(1, ["n1", "n2", "n3"]);
      const first = world.running()[0]!;
      world.loseNode(first.nodeId);
      await world.until(() => world.running().length === 2, "a stand-in runs");
      const second = world.running().find((task) => task.id !== first.id)!;
      world.loseNode(second.nodeId);
      await world.until(() => world.running().length === 3, "a second stand-in runs");
      world.returnNode(first.nodeId);
      await world.run(5000);
      expect(world.tx.get("task", second.id)?.desired).to.equal("SHUTDOWN");
      expect(world.running().map((task) => task.id)).to.deep.equal([first.id]);
    });

    it("does not count what a lost original reports on its return as a restart attempt", async () => {
      await deployed(1, ["n1", "n2"], { task: spec({ restart: { maxAttempts: 1 } }) });
      const original = world.running()[0]!;
      world.loseNode(original.nodeId);
      await world.until(() => world.running().length === 2, "a stand-in runs");
      world.returnNode(original.nodeId);
      world.fail(original.id);
      await world.run(5000);
      world.fail(world.running()[0]!.id);
      await world.until(() => world.running().length === 1, "the one attempt is still there");
    });

    it("restarts a failing stand-in by the restart policy, not at once for ever", async () => {
      await deployed(1, ["n1", "n2"], { task: spec({ restart: { delayMs: 5000 } }) });
      const original = world.running()[0]!;
      world.behave = () => ({ exits: { afterMs: 100, code: 1 } });
      world.loseNode(original.nodeId);
      await world.run(30_000);
      const standIns = world.tasks().filter((task) => task.replaces === original.id);
      expect(standIns.length).to.be.within(2, 8);
      expect(world.tx.get("task", original.id)?.desired).to.equal("RUNNING");
    });

    it("decides about a returned node under a new leader as the old one would have", async () => {
      await deployed(1, ["n1", "n2"]);
      const original = world.running()[0]!;
      world.loseNode(original.nodeId);
      await world.until(() => world.running().length === 2, "a stand-in runs");
      world.returnNode(original.nodeId);
      await world.run(500);
      await world.changeLeader();
      await world.run(4000);
      expect(world.running().map((task) => task.id)).to.deep.equal([original.id]);
    });

    it("moves a task whose node lost the label it was placed by, and one at most for a new placement", async () => {
      world.putNode(node("n1", { labels: { zone: "a" } }));
      world.putNode(node("n2", { labels: { zone: "a" } }));
      const part = { replicas: 2, task: spec({ constraints: ["node.labels.zone == a"] }) };
      world.putService(service("web", part));
      await world.until(() => world.running().length === 2, "both run");
      world.changeNode("n1", { labels: { zone: "b" } });
      await world.until(() => byNode(world)["n2"] === 2 && world.running().length === 2, "both run on n2", 1000);
      expect(world.tasks().find((task) => task.nodeId === "n1")?.cause?.reason).to.equal(
        "node n1 does not satisfy node.labels.zone == a any more",
      );
      world.behave = () => ({ hangs: true });
      world.putService(service("web", { ...part, task: spec({ constraints: ["node.labels.zone == b"] }) }));
      await world.run(5000);
      expect(world.running().map((task) => task.nodeId)).to.deep.equal(["n2"]);
    });
  });
});
