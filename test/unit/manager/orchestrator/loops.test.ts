import { expect } from "chai";
import { AppError } from "../../../../src/util/errors.ts";
import { service, spec } from "../../../support/loops/objects.ts";
import { World } from "../../../support/loops/world.ts";

describe("manager: the leader's loops and a store that refuses", () => {
  let world: World;
  beforeEach(() => {
    world = new World();
    world.addNodes("n1", "n2");
  });
  afterEach(async () => {
    await world.stopLoops();
  });

  it("plan again what was refused, once the log takes entries again", async () => {
    world.putService(service("web", { replicas: 3 }));
    world.log.refusal = new AppError("exhausted", "The log is full");
    await world.run(1000);
    expect(world.tasks()).to.have.length(0);
    world.log.refusal = null;
    await world.until(() => world.running().length === 3, "three run", 1000);
  });

  it("count right after a refused placement", async () => {
    world.changeNode("n2", { availability: "DRAIN" });
    await world.run(10);
    world.store.onSpeculative((changes) => {
      // Right when the tasks exist, before the scheduler's turn.
      if (changes.some((change) => change.table === "task" && change.before === undefined)) {
        world.log.refusal = new AppError("exhausted", "The log is full");
      }
    });
    world.putService(service("web", { replicas: 2, task: spec({ memoryMiB: 3000 }) }));
    await world.run(50);
    expect(world.wanted().map((task) => task.nodeId)).to.deep.equal(["", ""]);
    world.log.refusal = null;
    await world.until(() => world.running().length === 2, "both fit, as nothing was counted twice", 1000);
  });

  it("write nothing once leadership is lost, and stop cleanly", async () => {
    world.putService(service("web", { replicas: 3 }));
    await world.until(() => world.running().length === 3, "three run");
    world.store.leadershipLost();
    const { last } = world.log;
    await world.run(5000);
    await world.stopLoops();
    expect(world.log.last).to.equal(last);
  });

  it("do nothing after stop, whatever alarms were set", async () => {
    world.putService(service("web", { task: spec({ restart: { delayMs: 2000 } }) }));
    await world.until(() => world.running().length === 1, "it runs");
    world.fail(world.running()[0]!.id);
    await world.run(100);
    await world.stopLoops();
    await world.run(20);
    const { last } = world.log;
    await world.run(10_000);
    expect(world.log.last).to.equal(last);
  });

  it("finish a delay although the wall clock jumps back in the middle of it", async () => {
    world.putService(service("web", { task: spec({ restart: { delayMs: 2000 } }) }));
    await world.until(() => world.running().length === 1, "it runs");
    world.fail(world.running()[0]!.id);
    await world.run(100);
    world.env.wallSkewMs = -5000;
    await world.until(() => world.running().length === 1, "it runs again", 10_000);
  });

  it("plan other services although one has no task spec", async () => {
    void world.store.update((tx) => tx.put("service", { ...service("odd"), spec: null }));
    world.putService(service("web"));
    await world.until(() => world.running().length === 1, "it runs");
    expect(world.tasks("odd")).to.have.length(0);
  });
});
