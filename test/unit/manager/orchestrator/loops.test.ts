import { expect } from "chai";
import type { Task } from "../../../../src/model/index.ts";
import { REASON_BYTES_MAX } from "../../../../src/model/reason.ts";
import { ASIDE_MS } from "../../../../src/store/store-loop.ts";
import { WriteTransaction } from "../../../../src/store/tx.ts";
import type { TableName, Tables, WriteTx } from "../../../../src/store/types.ts";
import { AppError } from "../../../../src/util/errors.ts";
import { service, spec, task } from "../../../support/loops/objects.ts";
import { World } from "../../../support/loops/world.ts";

const aPort = { target: 1, published: 0, protocol: "TCP" as const };

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

  describe("one of whose plans throws half-way", () => {
    const { put } = WriteTransaction.prototype;
    afterEach(() => {
      WriteTransaction.prototype.put = put;
    });
    function failOnce(isIt: (task: Task) => boolean): void {
      let failed = false;
      WriteTransaction.prototype.put = function <T extends TableName>(this: WriteTx, table: T, row: Tables[T]) {
        if (!failed && table === "task" && isIt(row as unknown as Task)) {
          failed = true;
          throw new TypeError("a bug");
        }
        put.call(this, table, row);
      };
    }

    it("leave nothing of that plan, and all of the others in the same change", async () => {
      failOnce(({ serviceName, slot }) => serviceName === "web" && slot === 2);
      world.putService(service("web", { replicas: 3 }));
      world.putService(service("api", { replicas: 2 }));
      await world.until(() => world.running("api").length === 2, "the other one runs");
      expect(world.tasks()).to.deep.equal([]);
      expect(world.errors).to.have.length(1);
      await world.changeLeader();
      await world.until(() => world.running().length === 3, "the next leader plans it again");
    });

    it("count nothing as placed of it", async () => {
      world.changeNode("n2", { availability: "DRAIN" });
      const seen = new Set<string>();
      failOnce(({ serviceName, nodeId, id }) => serviceName === "web" && nodeId !== "" && seen.add(id).size === 2);
      world.putService(service("web", { replicas: 2, task: spec({ memoryMiB: 4000 }) }));
      world.putService(service("api", { task: spec({ memoryMiB: 5000 }) }));
      await world.until(() => world.running("api").length === 1, "the room is free for the other one");
      expect(world.tasks().map(({ nodeId }) => nodeId)).to.deep.equal(["", ""]);
    });
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

  describe("and a change that is too large for one entry", () => {
    /** Rows larger than any that is let in. */
    function putTasks(count: number, part: Partial<Task>): void {
      for (let n = 1; n <= count; n += 1) {
        const made = task(`t${n}`, { serviceId: "gone", slot: n });
        void world.store.update((tx) => tx.put("task", { ...made, ...part }));
      }
    }

    it("plan in smaller parts, and in whole ones again", async () => {
      await world.stopLoops();
      const ports = Array.from({ length: 64 }, () => ({ ...aPort, hostIp: "1".repeat(1000) }));
      putTasks(100, { ports });
      await world.run(20);
      world.startLoops();
      await world.until(
        () => world.tasks("gone").length === 0,
        "all tasks of the service that is gone are removed",
        5000,
      );
      let most = 0;
      world.store.onSpeculative((changes) => {
        const made = changes.filter(({ table, before }) => table === "task" && before === undefined);
        most = Math.max(most, made.length);
      });
      await world.run(10_000);
      world.putService(service("web", { replicas: 150 }));
      await world.until(() => world.tasks().length === 150, "a service gets its tasks", 1000);
      expect(most).to.equal(150);
    });

    it("leave a service alone whose plan never fits, and plan the others", async () => {
      await world.stopLoops();
      world.deadAgents.add("n1");
      // What belongs to one slot is never cut.
      const status = { ...task("t1").status!, state: "RUNNING" as const, message: "x".repeat(600_000) };
      putTasks(2, { status, slot: 1, nodeId: "n1" });
      world.putService(service("web", { replicas: 3 }));
      await world.run(20);
      world.startLoops();
      await world.until(() => world.tasks().length === 3, "another service gets its tasks", 1000);
      await world.until(() => world.errors.length > 0, "the first is left alone", 5000);
      const { length: tried } = world.errors;
      for (let n = 0; n < 20; n += 1) world.putService(service(`other${n}`));
      await world.run(ASIDE_MS / 2);
      expect(world.tasks("gone").map(({ desired }) => desired)).to.deep.equal(["RUNNING", "RUNNING"]);
      expect(world.errors.slice(0, tried).map(({ key }) => key)).to.deep.equal(["gone"]);
      expect(world.errors).to.have.length(tried);
      // As its tasks got smaller, it fits.
      void world.store.update((tx) => {
        for (const { id } of world.tasks("gone").slice(1)) tx.remove("task", id);
      });
      await world.until(() => world.tasks("gone").every(({ desired }) => desired === "REMOVE"), "it fits", ASIDE_MS);
    });
  });

  it("keep reasons short that quote what others wrote", async () => {
    const name = "語".repeat(480);
    world.putService(service("web", { task: spec({ constraints: [`node.labels.zone == ${name}`] }) }));
    await world.until(() => world.tasks().some(({ pendingReason }) => pendingReason !== ""), "it waits");
    for (const { pendingReason, cause } of world.tasks()) {
      expect(Buffer.byteLength(pendingReason)).to.be.within(REASON_BYTES_MAX - 3, REASON_BYTES_MAX);
      expect(cause?.reason).to.equal(pendingReason);
    }
  });
});
