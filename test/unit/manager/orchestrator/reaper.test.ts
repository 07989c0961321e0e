import { expect } from "chai";
import { codec } from "../../../../src/proto/load.ts";
import { REAP_AT_ONCE, REAP_DELAY_MS } from "../../../../src/manager/orchestrator/reaper.ts";
import { job, service, spec } from "../../../support/loops/objects.ts";
import { World } from "../../../support/loops/world.ts";

describe("manager/orchestrator: reaper", () => {
  let world: World;
  beforeEach(() => {
    world = new World();
    world.addNodes("n1", "n2");
  });
  afterEach(async () => {
    await world.stopLoops();
  });

  function limitHistory(taskHistoryLimit: number): void {
    const cluster = codec("Cluster");
    const object = cluster.decode(cluster.encode({ id: "c", spec: { name: "default", taskHistoryLimit } }));
    void world.store.update((tx) => tx.put("cluster", object));
  }

  async function failTimes(times: number): Promise<void> {
    for (let round = 0; round < times; round += 1) {
      await world.until(() => world.running().length === 1, "it runs");
      await world.run(2000);
      world.fail(world.running()[0]!.id);
      await world.run(100);
    }
    await world.until(() => world.running().length === 1, "it runs");
    await world.run(REAP_DELAY_MS * 2);
  }

  it("keeps five tasks of a slot, the live one included, and deletes the oldest", async () => {
    world.putService(service("web"));
    await world.until(() => world.running().length === 1, "it runs");
    const first = world.running()[0]!.id;
    await failTimes(3);
    expect(world.tasks()).to.have.length(4);
    await failTimes(5);
    expect(world.tasks()).to.have.length(5);
    expect(world.tx.get("task", first)).to.equal(undefined);
    expect(world.running()).to.have.length(1);
  });

  it("waits a moment to gather what is to go, but not when that is a lot", async () => {
    world.putService(service("web", { replicas: 2, task: spec({ constraints: ["node.id == nobody"] }) }));
    world.putService(
      service("api", { replicas: REAP_AT_ONCE + 1, task: spec({ constraints: ["node.id == nobody"] }) }),
    );
    await world.until(() => world.tasks("api").length > REAP_AT_ONCE, "all are there");
    await world.run(REAP_DELAY_MS * 2);
    world.removeService("web");
    await world.run(REAP_DELAY_MS / 2);
    expect(world.tasks("web")).to.have.length(2);
    await world.run(REAP_DELAY_MS);
    expect(world.tasks("web")).to.have.length(0);
    world.removeService("api");
    await world.run(REAP_DELAY_MS / 2);
    expect(world.tasks("api")).to.have.length(0);
  });

  it("follows a changed limit of the cluster", async () => {
    world.putService(service("web"));
    await failTimes(4);
    limitHistory(2);
    await world.run(REAP_DELAY_MS * 2);
    expect(world.tasks()).to.have.length(2);
  });

  it("keeps everything when the limit is negative", async () => {
    limitHistory(-1);
    world.putService(service("web"));
    await failTimes(8);
    expect(world.tasks()).to.have.length(9);
  });

  it("keeps every attempt of a job's slot when the limit is negative, as long as its run is remembered", async () => {
    limitHistory(-1);
    world.behave = () => ({ exits: { afterMs: 100, code: 1 } });
    const once = (image: string): void =>
      world.putService(
        service("web", {
          mode: job({ runsFailedKept: 0 }),
          task: spec({ image, restart: { condition: "ON_FAILURE", windowMs: 1 } }),
        }),
      );
    once("web:1");
    await world.until(() => world.tasks().length === 9, "it was tried that often", 600_000);
    world.behave = () => ({});
    once("web:2");
    await world.run(2000);
    expect(world.tasks().map(({ run }) => run)).to.deep.equal([2]);
  });

  it("keeps the live task alone at a limit of 0, and the last of a slot that has none: nothing takes its place", async () => {
    limitHistory(0);
    world.putService(service("web"));
    await failTimes(2);
    expect(world.tasks().map(({ status }) => status?.state)).to.deep.equal(["RUNNING"]);
    world.putService(service("api", { task: spec({ restart: { condition: "NONE" } }) }));
    await world.until(() => world.running("api").length === 1, "it runs");
    world.fail(world.running("api")[0]!.id);
    await world.run(60_000);
    expect(world.tasks("api").map(({ status }) => status?.state)).to.deep.equal(["FAILED"]);
  });

  it("keeps one task more than there are restart attempts, whatever the cluster says", async () => {
    limitHistory(1);
    world.behave = () => ({ exits: { afterMs: 1500, code: 1 } });
    world.putService(service("web", { task: spec({ restart: { maxAttempts: 3 } }) }));
    await world.run(60_000);
    expect(world.tasks().map((task) => task.status!.state)).to.deep.equal(["FAILED", "FAILED", "FAILED", "FAILED"]);
    expect(world.wanted()).to.have.length(0);
  });

  it("does not forget restart attempts because of tasks that were moved", async () => {
    world.putService(service("web", { task: spec({ restart: { maxAttempts: 1 } }) }));
    await failTimes(1);
    for (const [away, back] of [
      ["n1", "n2"],
      ["n2", "n1"],
      ["n1", "n2"],
      ["n2", "n1"],
    ] as const) {
      world.changeNode(back, { availability: "ACTIVE" });
      world.changeNode(away, { availability: "DRAIN" });
      await world.until(() => world.running()[0]?.nodeId === back, "it moved");
      await world.run(1000);
    }
    world.fail(world.running()[0]!.id);
    await world.run(30_000);
    expect(world.wanted()).to.have.length(0);
  });

  it("keeps the ten newest revisions and the last one that was rolled out to its end, and deletes older ones that no task refers to", async () => {
    world.putService(service("web", { replicas: 2 }));
    await world.until(() => world.running().length === 2, "both run");
    for (let version = 2; version <= 14; version += 1) {
      world.putService(service("web", { replicas: 2, task: spec({ image: `web:${version}` }) }));
      const expected = version;
      await world.until(
        () => world.running().filter((task) => task.revision === expected).length === 2,
        "both are new",
      );
    }
    await world.run(REAP_DELAY_MS * 2);
    const numbers = world.tx.find("revision", "service", "web").map((revision) => revision.number);
    // None of them was given the time to prove itself.
    expect(numbers).to.deep.equal([1, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
  });

  it("deletes a task to be removed whose node is gone, although nobody reports its end", async () => {
    world.putService(service("web", { replicas: 2 }));
    await world.until(() => world.running().length === 2, "both run");
    world.deadAgents.add("n1");
    world.putService(service("web", { replicas: 0 }));
    await world.run(10_000);
    expect(world.tasks().map((task) => task.nodeId)).to.deep.equal(["n1"]);
    world.removeNode("n1");
    await world.run(REAP_DELAY_MS * 2);
    expect(world.tasks()).to.have.length(0);
  });

  it("deletes at once what was orphaned with its node when its service is removed, too", async () => {
    world.putService(service("web", { replicas: 2 }));
    await world.until(() => world.running().length === 2, "both run");
    world.loseNode("n1");
    world.removeNode("n1");
    await world.until(() => world.tasks().some(({ status }) => status?.state === "ORPHANED"), "it is orphaned");
    await world.run(REAP_DELAY_MS * 2);
    expect(world.tasks(), "history of a service that is there").to.have.length(3);
    world.removeService();
    await world.run(1000);
    expect(world.tasks()).to.have.length(0);
  });

  it("deletes a task to be removed that was never placed", async () => {
    world.putService(service("web", { replicas: 2, task: spec({ constraints: ["node.id == nobody"] }) }));
    await world.run(100);
    world.putService(service("web", { replicas: 0, task: spec({ constraints: ["node.id == nobody"] }) }));
    await world.run(REAP_DELAY_MS * 2);
    expect(world.tasks()).to.have.length(0);
  });
});
