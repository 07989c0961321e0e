import { expect } from "chai";
import { planOf } from "../../../../src/manager/orchestrator/plan.ts";
import { paused, promoted, resumed } from "../../../../src/model/rollout.ts";
import { isWanted } from "../../../../src/model/task-state.ts";
import { GLOBAL } from "../../../support/loops/objects.ts";
import { RolloutRig } from "../../../support/loops/rollout-rig.ts";
import type { Behaviour } from "../../../support/loops/world.ts";

const CRASH: Behaviour = { exits: { afterMs: 1000, code: 1 } };
const REJECT: Behaviour = { rejects: "no such image" };

describe("manager/orchestrator: rollouts that fail", () => {
  let rig: RolloutRig;
  afterEach(async () => {
    await rig.stop();
  });

  /** Tasks of one image behave so, in slots that `where` accepts. */
  function behave(image: string, behaviour: Behaviour, where: (slot: number) => boolean = () => true): void {
    rig.world.behave = (task, { container }) => (container!.image === image && where(task.slot) ? behaviour : {});
  }

  const kept = (): string[] => rig.world.running().map(({ id }) => id);

  for (const [order, how, behaviour, changed, fewest] of [
    ["STOP_FIRST", "crashes", CRASH, [1], 3],
    ["START_FIRST", "crashes", CRASH, [], 4],
    ["STOP_FIRST", "cannot be prepared", REJECT, [], 4],
    ["START_FIRST", "cannot be prepared", REJECT, [], 4],
  ] as const) {
    it(`${order}: rolls back by itself when the new task ${how}, after one slot, and leaves healthy old tasks alone`, async () => {
      rig = new RolloutRig({ replicas: 4, order });
      const before = await rig.deploy();
      behave("web:2", behaviour);
      rig.put({ image: "web:2" });
      await rig.reaches("ROLLED_BACK");
      rig.expectAll("web:1");
      expect(rig.states).to.deep.equal(["UPDATING", "ROLLING_BACK", "ROLLED_BACK"]);
      expect([rig.fewest, rig.inMotion]).to.deep.equal([fewest, 1]);
      const untouched = before.filter(({ slot }) => !changed.some((other) => other === slot)).map(({ id }) => id);
      expect(kept()).to.include.members(untouched);
      const { message, from, to } = rig.rollout;
      expect([from, to]).to.deep.equal([2, 1]);
      expect(message).to.match(
        /^1 of 4 failed: web\.1 \(task \w+\): task (failed with exit code 1|rejected: no such image)$/,
      );
      expect(rig.world.tx.get("service", "web")).to.include({ revision: 1 });
      expect(rig.world.tx.get("revision", "web/2")).to.include({ outcome: "FAILED", outcomeMessage: message });
      await rig.world.run(60_000);
      expect(planOf(rig.world.tx, "web")).to.deep.equal({ steps: [], wakeAtMs: null });
    });
  }

  it("start-first: a new task that never gets ready takes nothing away from the old ones", async () => {
    rig = new RolloutRig({ replicas: 3, order: "START_FIRST", update: { progressDeadlineMs: 30_000 } });
    const before = await rig.deploy();
    behave("web:2", { unreadyMs: 10_000_000 });
    rig.put({ image: "web:2" });
    await rig.reaches("ROLLED_BACK");
    expect(rig.fewest).to.equal(3);
    expect(kept()).to.have.members(before.map(({ id }) => id));
    expect(rig.rollout.message).to.match(/web\.1 .*: task not ready within 30s: running/);
  });

  it("pauses where that is the action: nothing more is replaced, the old revision is kept up", async () => {
    rig = new RolloutRig({ replicas: 4, update: { failureAction: "PAUSE" } });
    await rig.deploy();
    const { world } = rig;
    behave("web:2", CRASH, (slot) => slot === 1);
    rig.put({ image: "web:2" });
    await rig.reaches("PAUSED");
    const old = world.running().filter((task) => task.revision === 1);
    expect(rig.rollout.failures.map(({ slot }) => slot)).to.deep.equal([1]);
    await world.run(60_000);
    expect(kept()).to.include.members(old.map(({ id }) => id));
    world.fail(old[0]!.id);
    await world.run(1000);
    expect(world.running().find(({ slot }) => slot === old[0]!.slot)?.revision).to.equal(1);
  });

  it("pauses without retrying what never took an old task's place", async () => {
    rig = new RolloutRig({ replicas: 2, update: { failureAction: "PAUSE" } });
    const before = await rig.deploy();
    behave("web:2", REJECT);
    rig.put({ image: "web:2" });
    await rig.reaches("PAUSED");
    const count = rig.world.tasks().length;
    await rig.world.run(600_000);
    expect(rig.world.tasks()).to.have.length(count);
    expect(kept()).to.have.members(before.map(({ id }) => id));
  });

  it("goes on to the end where that is the action, whatever fails", async () => {
    rig = new RolloutRig({ replicas: 4, update: { failureAction: "CONTINUE" } });
    await rig.deploy();
    behave("web:2", CRASH, (slot) => slot % 2 === 1);
    rig.put({ image: "web:2" });
    await rig.reaches("COMPLETED");
    expect(rig.world.wanted().every(({ revision }) => revision === 2)).to.equal(true);
    expect(rig.rollout.failures.map(({ slot }) => slot)).to.have.members([1, 3]);
    expect(rig.rollout.message).to.match(/^2 of 4 failed/);
  });

  for (const [bad, state] of [
    [2, "COMPLETED"],
    [3, "PAUSED"],
  ] as const) {
    it(`with a ratio of 0.5 over 4 slots ends ${state} when ${bad} of them fail`, async () => {
      rig = new RolloutRig({ replicas: 4, update: { failureAction: "PAUSE", maxFailureRatio: 0.5 } });
      await rig.deploy();
      behave("web:2", CRASH, (slot) => slot <= bad);
      rig.put({ image: "web:2" });
      await rig.reaches(state);
      expect(rig.rollout.failures).to.have.length(bad);
    });
  }

  it("counts a slot once, however often its task fails", async () => {
    rig = new RolloutRig({ replicas: 4, update: { maxFailureRatio: 0.25, delayMs: 3000 } });
    await rig.deploy();
    behave("web:2", CRASH, (slot) => slot === 1);
    rig.put({ image: "web:2" });
    await rig.reaches("COMPLETED");
    expect(rig.world.slot(1).length).to.be.above(2);
    expect(rig.rollout.failures.map(({ slot }) => slot)).to.deep.equal([1]);
  });

  for (const delayMs of [0, 5000, 8000]) {
    it(`sees the last slot fail within its monitor period, with a delay of ${delayMs} ms`, async () => {
      rig = new RolloutRig({ replicas: 2, update: { delayMs } });
      await rig.deploy();
      behave("web:2", { exits: { afterMs: 4900, code: 1 } }, (slot) => slot === 2);
      rig.put({ image: "web:2" });
      await rig.reaches("ROLLED_BACK");
      rig.expectAll("web:1");
    });
  }

  it("takes an end after the monitor period for a restart's business, not the rollout's", async () => {
    rig = new RolloutRig({ replicas: 2, update: { delayMs: 10_000 } });
    await rig.deploy();
    behave("web:2", { exits: { afterMs: 5100, code: 1 } }, (slot) => slot === 1);
    rig.put({ image: "web:2" });
    await rig.reaches("COMPLETED");
    expect(rig.rollout.failures).to.deep.equal([]);
  });

  it("counts an exit with code 0 as a failure, unless the service is one that ends", async () => {
    for (const [condition, state] of [
      ["ANY", "ROLLED_BACK"],
      ["ON_FAILURE", "COMPLETED"],
    ] as const) {
      rig = new RolloutRig({ replicas: 2 });
      await rig.deploy({ restart: { condition } });
      behave("web:2", { exits: { afterMs: 1000, code: 0 } });
      rig.put({ image: "web:2", restart: { condition } });
      await rig.reaches(state);
      await rig.stop();
    }
  });

  describe("progress deadline", () => {
    const update = { progressDeadlineMs: 60_000 };

    it("ends an update that no node can take, without having stopped anything", async () => {
      for (const order of ["STOP_FIRST", "START_FIRST"] as const) {
        rig = new RolloutRig({ replicas: 3, order, update });
        const before = await rig.deploy();
        rig.put({ image: "web:2", constraints: ["node.labels.disk == ssd"] });
        await rig.world.run(1000);
        expect(rig.rollout.deadlineMs).to.be.within(rig.world.tx.timeMs, rig.world.tx.timeMs + 60_000);
        await rig.reaches("ROLLED_BACK", 65_000);
        expect(rig.rollout.message).to.include(
          "no node took it within 1m: no suitable node (constraint node.labels.disk == ssd not satisfied on 3 nodes)",
        );
        expect(kept()).to.have.members(before.map(({ id }) => id));
        expect(rig.fewest).to.equal(3);
        await rig.stop();
      }
    });

    it("ends an update whose task hangs at its start, under whatever leader", async () => {
      rig = new RolloutRig({ replicas: 2, update });
      await rig.deploy();
      behave("web:2", { hangs: true });
      rig.put({ image: "web:2" });
      const startedAtMs = rig.world.tx.timeMs;
      for (let round = 0; round < 5; round += 1) {
        await rig.world.run(11_000);
        await rig.world.changeLeader();
      }
      await rig.reaches("ROLLED_BACK", 20_000);
      rig.expectAll("web:1");
      const failed = rig.world.tx.get("revision", "web/2")!;
      expect(failed.meta!.updatedAtMs - startedAtMs).to.be.within(60_000, 60_200);
    });

    it("never counts the time that pulling takes", async () => {
      rig = new RolloutRig({ replicas: 2, update });
      await rig.deploy();
      behave("web:2", { pullMs: 1_200_000 });
      rig.put({ image: "web:2" });
      await rig.world.run(70_000);
      expect(rig.rollout.deadlineMs).to.equal(0);
      await rig.reaches("COMPLETED", 3_000_000);
      rig.expectAll("web:2");
    });

    it("counts from the start of a task whose image took longer to pull", async () => {
      rig = new RolloutRig({ replicas: 2, update });
      await rig.deploy();
      behave("web:2", { pullMs: 70_000, hangs: true });
      rig.put({ image: "web:2" });
      await rig.reaches("ROLLED_BACK", 200_000);
      rig.expectAll("web:1");
    });

    it("never counts the time an old task takes to stop", async () => {
      rig = new RolloutRig({ replicas: 1, update });
      await rig.deploy({ stopGraceMs: 600_000 });
      behave("web:1", { stopMs: 500_000 });
      rig.put({ image: "web:2", stopGraceMs: 600_000 });
      await rig.reaches("COMPLETED", 600_000);
    });

    it("ends a pause by the failure action where a task stops being ready and stays so", async () => {
      rig = new RolloutRig({ replicas: 2, update: { ...update, delayMs: 20_000 } });
      await rig.deploy();
      rig.put({ image: "web:2" });
      await rig.world.until(() => rig.images().includes("web:2"), "one is replaced");
      const [next] = rig.world.running().filter(({ revision }) => revision === 2);
      rig.world.report(next!.id, { state: "RUNNING", healthy: false });
      await rig.world.run(30_000);
      expect(rig.rollout.state).to.equal("UPDATING");
      expect(rig.images()).to.deep.equal(["web:1", "web:2"]);
      await rig.reaches("ROLLED_BACK", 60_000);
    });
  });

  describe("rollback", () => {
    it("pauses when it fails itself, and is never rolled back", async () => {
      rig = new RolloutRig({ replicas: 3, parallelism: 0 });
      await rig.deploy();
      behave("web:2", CRASH);
      rig.put({ image: "web:2" });
      await rig.reaches("ROLLING_BACK");
      rig.world.behave = () => CRASH;
      await rig.reaches("ROLLBACK_PAUSED");
      await rig.world.run(120_000);
      expect(rig.states).to.deep.equal(["UPDATING", "ROLLING_BACK", "ROLLBACK_PAUSED"]);
      expect(rig.world.tx.get("service", "web")?.revision).to.equal(1);
      rig.world.behave = () => ({});
      rig.world.steer(resumed);
      await rig.reaches("ROLLED_BACK", 400_000);
      rig.expectAll("web:1");
    });

    it("has parallelism, order and failure action of its own", async () => {
      const rollback = { parallelism: 0, order: "START_FIRST", failureAction: "CONTINUE" } as const;
      rig = new RolloutRig({ replicas: 4, rollback });
      await rig.deploy();
      rig.put({ image: "web:2" });
      await rig.reaches("COMPLETED");
      rig.reset();
      rig.world.rollBack(1);
      await rig.reaches("ROLLED_BACK");
      rig.expectAll("web:1");
      expect([rig.fewest, rig.inMotion]).to.deep.equal([4, 4]);
    });

    it("goes back to what it was before by hand, and forth again, whatever was scaled between", async () => {
      rig = new RolloutRig({ replicas: 3 });
      await rig.deploy();
      rig.put({ image: "web:2" });
      await rig.reaches("COMPLETED");
      rig.put({ image: "web:2" }, { replicas: 4 });
      await rig.world.until(() => rig.world.running().length === 4, "four run");
      expect(rig.rollout).to.include({ state: "COMPLETED", from: 1, to: 2 });
      rig.world.rollBack(rig.rollout.from);
      await rig.reaches("ROLLED_BACK");
      expect(rig.images()).to.deep.equal(["web:1", "web:1", "web:1", "web:1"]);
      expect(rig.rollout).to.include({ from: 2, to: 1 });
      rig.world.rollBack(rig.rollout.from);
      await rig.world.until(() => rig.world.tx.get("service", "web")?.revision === 2, "forth");
      await rig.reaches("ROLLED_BACK");
      expect(rig.images()).to.deep.equal(["web:2", "web:2", "web:2", "web:2"]);
    });

    it("stops what was only prepared, and starts again at once what had to stop for it", async () => {
      rig = new RolloutRig({ replicas: 1 });
      await rig.deploy();
      const { world } = rig;
      world.behave = () => ({ stopMs: 5000 });
      rig.put({ image: "web:2" });
      await world.until(
        () => world.tasks().some(({ desired }) => desired === "SHUTDOWN"),
        "the old one is told to stop",
      );
      world.rollBack(1);
      await rig.reaches("ROLLED_BACK");
      rig.expectAll("web:1");
      expect(world.tasks().filter(({ revision, status }) => revision === 2 && status!.startedAtMs > 0)).to.deep.equal(
        [],
      );
      expect(rig.most).to.equal(1);
    });

    it("works for a global service", async () => {
      rig = new RolloutRig({ replicas: 3, mode: GLOBAL });
      const before = await rig.deploy();
      behave("web:2", REJECT);
      rig.put({ image: "web:2" });
      await rig.reaches("ROLLED_BACK");
      expect(kept()).to.have.members(before.map(({ id }) => id));
      expect(rig.world.tx.get("revision", "web/2")?.outcomeMessage).to.match(/web\.n\d \(task/);
    });

    it("pauses instead where the revision to go back to is not kept", async () => {
      rig = new RolloutRig({ replicas: 2 });
      await rig.deploy();
      behave("web:2", CRASH);
      rig.put({ image: "web:2" });
      void rig.world.store.update((tx) => tx.remove("revision", "web/1"));
      await rig.reaches("PAUSED");
      expect(rig.rollout.message).to.include("revision 1 is not kept");
    });
  });

  describe("by hand", () => {
    it("a pause lets no further slot take its turn, and is kept by a mere scale; what is new gets the old revision", async () => {
      rig = new RolloutRig({ replicas: 3 });
      await rig.deploy();
      const { world } = rig;
      rig.put({ image: "web:2" });
      await world.until(() => rig.images().includes("web:2"), "one is replaced");
      world.steer((rollout) => paused(rollout, "paused by user:ada"));
      await world.run(60_000);
      const before = rig.images();
      rig.put({ image: "web:2" }, { replicas: 5 });
      await world.until(() => world.running().length === 5, "five run");
      expect(rig.images()).to.deep.equal(["web:1", "web:1", ...before]);
      expect(rig.rollout.state).to.equal("PAUSED");
      world.steer(resumed);
      await rig.reaches("COMPLETED");
      expect(new Set(rig.images())).to.deep.equal(new Set(["web:2"]));
    });

    it("resuming forgives what failed until then", async () => {
      rig = new RolloutRig({ replicas: 3, update: { failureAction: "PAUSE" } });
      await rig.deploy();
      behave("web:2", CRASH);
      rig.put({ image: "web:2" });
      await rig.reaches("PAUSED");
      rig.world.behave = () => ({});
      await rig.world.run(30_000);
      rig.world.steer(resumed);
      await rig.reaches("COMPLETED");
      expect(rig.rollout.failures).to.deep.equal([]);
      rig.expectAll("web:2");
    });
  });

  describe("canary", () => {
    const canary = { canary: 1 };

    it("updates so many slots and waits; promotion updates the others", async () => {
      rig = new RolloutRig({ replicas: 4, update: { canary: 2 } });
      await rig.deploy();
      const { world } = rig;
      rig.put({ image: "web:2" });
      await world.run(1_200_000);
      expect(rig.images()).to.deep.equal(["web:1", "web:1", "web:2", "web:2"]);
      expect(rig.rollout).to.include({
        state: "CANARY",
        updated: 2,
        total: 4,
        message: "canary: 2 of 2 ready, waits to be promoted or rolled back",
      });
      expect(planOf(world.tx, "web")).to.deep.equal({ steps: [], wakeAtMs: null });
      world.steer(promoted);
      await rig.reaches("COMPLETED");
      rig.expectAll("web:2");
      expect(rig.inMotion).to.equal(1);
    });

    it("keeps the others at the old revision though they fail, scale or lose their node", async () => {
      rig = new RolloutRig({ replicas: 3, update: canary });
      await rig.deploy();
      const { world } = rig;
      rig.put({ image: "web:2" });
      await world.until(() => rig.rollout.canaryReadyAtMs > 0, "the canary is ready");
      const [first, second] = world.running().filter(({ revision }) => revision === 1);
      world.fail(first!.id);
      world.loseNode(second!.nodeId);
      rig.put({ image: "web:2" }, { replicas: 5, update: canary });
      await world.run(10_000);
      const served = world.running().filter(({ nodeId }) => !world.deadAgents.has(nodeId));
      expect(served.filter(({ revision }) => revision === 2).length).to.be.at.most(1);
      expect(served).to.have.length(5);
    });

    it("rolls back when the canary fails, however late", async () => {
      rig = new RolloutRig({ replicas: 3, update: canary });
      await rig.deploy();
      const { world } = rig;
      rig.put({ image: "web:2" });
      await world.run(600_000);
      const [bird] = world.running().filter(({ revision }) => revision === 2);
      world.fail(bird!.id);
      await rig.reaches("ROLLED_BACK");
      rig.expectAll("web:1");
    });

    it("promotes itself after it was ready for so long without a break, under whatever leaders", async () => {
      rig = new RolloutRig({ replicas: 3, update: { ...canary, canaryHealthyMs: 300_000 } });
      await rig.deploy();
      const { world } = rig;
      rig.put({ image: "web:2" });
      await world.run(200_000);
      await world.changeLeader();
      const [bird] = world.running().filter(({ revision }) => revision === 2);
      world.report(bird!.id, { state: "RUNNING", healthy: false });
      await world.run(1000);
      expect(rig.rollout.canaryReadyAtMs).to.equal(0);
      world.report(bird!.id, { state: "RUNNING", healthy: true });
      await world.run(299_000);
      await world.changeLeader();
      expect(rig.rollout.state).to.equal("CANARY");
      await world.run(2000);
      expect(rig.rollout.state).to.equal("UPDATING");
      await rig.reaches("COMPLETED");
      rig.expectAll("web:2");
    });

    it("fails by the ratio of its own slots, not of all", async () => {
      rig = new RolloutRig({ replicas: 4, update: { ...canary, maxFailureRatio: 0.25 } });
      await rig.deploy();
      behave("web:2", CRASH);
      rig.put({ image: "web:2" });
      await rig.reaches("ROLLED_BACK");
      rig.expectAll("web:1");
    });

    it("keeps to its slots where failures are gone on over", async () => {
      rig = new RolloutRig({ replicas: 4, order: "START_FIRST", update: { ...canary, failureAction: "CONTINUE" } });
      await rig.deploy();
      behave("web:2", CRASH);
      rig.put({ image: "web:2" });
      const tried = new Set<number>();
      for (let second = 0; second < 120; second += 1) {
        await rig.world.run(1000);
        for (const { revision, slot } of rig.world.tasks()) if (revision === 2) tried.add(slot);
      }
      expect([...tried]).to.have.lengthOf(1);
      expect(rig.rollout.state).to.equal("CANARY");
    });

    it("waits for its promotion even where the canary is all there is", async () => {
      rig = new RolloutRig({ replicas: 1, update: canary });
      await rig.deploy();
      rig.put({ image: "web:2" });
      await rig.world.run(60_000);
      expect(rig.rollout.state).to.equal("CANARY");
      rig.world.steer(promoted);
      await rig.reaches("COMPLETED", 100);
    });
  });

  it("leaves no task behind that nobody wants", async () => {
    rig = new RolloutRig({ replicas: 3, order: "START_FIRST" });
    await rig.deploy();
    behave("web:2", CRASH);
    rig.put({ image: "web:2" });
    await rig.reaches("ROLLED_BACK");
    await rig.world.run(60_000);
    expect(rig.world.tasks().filter(isWanted)).to.have.length(3);
  });
});
