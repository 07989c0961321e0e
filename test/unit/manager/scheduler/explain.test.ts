import { expect } from "chai";
import { explain } from "../../../../src/manager/scheduler/explain.ts";
import { AppError } from "../../../../src/util/errors.ts";
import { node, service, spec } from "../../../support/loops/objects.ts";
import { World } from "../../../support/loops/world.ts";

describe("manager/scheduler: explanations", () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });
  afterEach(async () => {
    await world.stopLoops();
  });

  const about = (id: string): ReturnType<typeof explain> => explain(world.tx, id);
  const codes = (id: string): string[] => about(id).reasons.map((reason) => `${reason.subjectName}:${reason.code}`);

  function refusal(id: string): AppError {
    try {
      about(id);
    } catch (error) {
      if (error instanceof AppError) return error;
    }
    throw new Error("not refused");
  }

  it("places nothing where a disk is almost full, leaves what runs there, and names the path", async () => {
    world.putNode(node("n1"));
    world.putService(service("web", { replicas: 2 }));
    await world.until(() => world.running().length === 2, "both run");
    const full = node("n1");
    world.putNode({ ...full, description: { ...full.description!, fullPaths: ["/var/lib/docker"] } });
    world.putService(service("web", { replicas: 3 }));
    await world.run(1000);
    expect(world.running()).to.have.length(2);
    for (const id of ["web.3", "n1"]) {
      const reason = about(id).reasons.find(({ code }) => code === "disk");
      expect(reason?.message, id).to.match(/the disk of \/var\/lib\/docker is almost full/);
    }
    world.putNode(node("n1"));
    await world.until(() => world.running().length === 3, "there is room again");
  });

  it("sends nobody to a Docker Engine that the node has not", () => {
    world.putNode(node("d1", { engineMessage: "no answer" }));
    world.putNode(node("p1", { engineMessage: "disk read-only", runtimes: ["process"] }));
    const reasonOf = (id: string) => about(id).reasons.find(({ code }) => code === "engine");
    expect(reasonOf("d1")).to.include({ next: "check the Docker Engine on the node" });
    expect(reasonOf("p1")?.message).to.match(/its processes: disk read-only/);
    expect(reasonOf("p1")?.next).to.match(/`shoal daemon`/);
  });

  it("names every node with the filter that refused it and a next step", async () => {
    world.putNode(node("small", { memoryMiB: 64 }));
    world.putNode(node("manager", { runtimes: [] }));
    world.putNode(node("off", { state: "DOWN" }));
    world.putNode(node("arm", { architecture: "arm64" }));
    world.putNode(node("plain", { labels: { disk: "slow" } }));
    const task = spec({
      memoryMiB: 512,
      constraints: ["node.labels.disk != slow"],
      platforms: [{ os: "linux", architecture: "amd64" }],
    });
    world.putService(service("web", { task }));
    await world.run(100);
    const { kind, name, summary, reasons } = about("web.1");
    expect([kind, name]).to.deep.equal(["task", "web.1"]);
    expect(summary).to.match(/^it waits: no suitable node \(/);
    expect(reasons.map((reason) => [reason.subjectName, reason.code])).to.have.deep.members([
      ["small", "resources"],
      ["manager", "runtime"],
      ["off", "ready"],
      ["arm", "platform"],
      ["plain", "constraint"],
    ]);
    expect(reasons.every((reason) => reason.next !== "")).to.equal(true);
    expect(reasons.find((reason) => reason.code === "resources")?.message).to.equal(
      "the task reserves 512MiB of memory; 64MiB of the node's 64MiB are not reserved",
    );
  });

  it("says what a readiness check said of a task that runs and is not ready", async () => {
    world.addNodes("n1");
    world.putService(service("web", { replicas: 2 }));
    await world.until(() => world.running().length === 2, "2 running");
    expect(about("web").summary).to.equal("2 of 2 replicas of web run");
    const [task] = world.slot(1);
    world.report(task!.id, { state: "RUNNING", ready: false, checkMessage: "readiness check: status 503" });
    expect(about("web.1").summary).to.equal("it runs on node n1 and is not ready: readiness check: status 503");
    expect(codes("web.1")).to.include("web.1:readiness");
    expect(about("web").summary).to.equal("1 of 2 replicas of web run");
    expect(codes("web")).to.include("web.1:task");
  });

  it("explains a shortage once for all replicas that share it", async () => {
    world.putNode(node("n1", { memoryMiB: 200 }));
    world.putService(service("web", { replicas: 5, task: spec({ memoryMiB: 100 }) }));
    await world.until(() => world.running().length === 2, "two fit");
    await world.run(50);
    const { summary, reasons } = about("web");
    expect(summary).to.equal("2 of 5 replicas of web run");
    expect(reasons.filter((reason) => reason.code === "resources")).to.have.length(1);
    expect(reasons.find((reason) => reason.code === "also")?.message).to.equal("the same holds for web.4, web.5");
  });

  it("has nothing to say about a service that is well", async () => {
    world.addNodes("n1");
    world.putService(service("web", { replicas: 2 }));
    await world.until(() => world.running().length === 2, "both run");
    expect(about("web")).to.deep.include({ summary: "2 of 2 replicas of web run", reasons: [] });
  });

  it("tells how a task ended and that its attempts are used up", async () => {
    world.addNodes("n1");
    world.behave = () => ({ exits: { afterMs: 1500, code: 3 } });
    world.putService(service("web", { task: spec({ restart: { maxAttempts: 1 } }) }));
    await world.run(30_000);
    const { summary, reasons } = about("web.1");
    expect(summary).to.equal("task failed with exit code 3");
    expect(reasons.find((reason) => reason.code === "restart")?.message).to.equal(
      "it is not restarted: its one restart attempt is used",
    );
    expect(about("web").summary).to.equal("0 of 1 replicas of web run");
  });

  it("tells of the restart delay a task waits for", async () => {
    world.addNodes("n1");
    world.putService(service("web", { task: spec({ restart: { delayMs: 60_000 } }) }));
    await world.until(() => world.running().length === 1, "it runs");
    const failed = world.running()[0]!.id;
    world.fail(failed, 9);
    await world.run(500);
    expect(about("web.1").summary).to.equal("it is prepared on node n1 and waits to start");
    expect(about("web.1").reasons.find((reason) => reason.code === "restart")).to.deep.include({
      message: `it starts in 1m, at ${new Date(world.wanted()[0]!.startAfterMs).toISOString()}: the last task failed with exit code 9 (1 early end)`,
      next: "look at `shoal service logs web`, or set a shorter restart delay",
    });
    expect(about(failed).reasons.find((reason) => reason.code === "successor")?.message).to.match(/took its place/);
  });

  it("tells which restart it is of how many, and that the wait grows", async () => {
    world.addNodes("n1");
    world.behave = () => ({ exits: { afterMs: 100, code: 1 } });
    world.putService(service("web", { task: spec({ restart: { maxAttempts: 9 } }) }));
    await world.run(9000);
    expect(about("web.1").reasons.find((reason) => reason.code === "restart")?.message).to.match(
      /^restart 7 of 9: it starts in \ds, at \S+: the last task failed with exit code 1 \(7 early ends in a row, each doubles the wait up to 5m\)$/,
    );
  });

  it("tells of a silent node, the stand-in, and an engine that does not answer", async () => {
    world.addNodes("n1", "n2");
    world.putService(service("web"));
    await world.until(() => world.running().length === 1, "it runs");
    const original = world.running()[0]!;
    world.loseNode(original.nodeId);
    await world.until(() => world.running().length === 2, "a stand-in runs");
    expect(codes(original.id)).to.include.members([`${original.nodeId}:ready`, "web.1:stand-in"]);
    world.putNode(node("n3", { engineMessage: "no such file: docker.sock" }));
    await world.run(10);
    expect(about("n3").reasons.find((reason) => reason.code === "engine")?.message).to.equal(
      "its engine does not answer: no such file: docker.sock",
    );
  });

  it("does not say that a task runs while nobody hears of its node", async () => {
    world.addNodes("n1");
    world.putService(service("web"));
    await world.until(() => world.running().length === 1, "it runs");
    expect(about("web.1").summary).to.equal("it runs on node n1");
    world.putNode(node("n1", { state: "UNREACHABLE" }));
    await world.run(10);
    expect(about("web.1").summary).to.equal("it ran on node n1 when that was last heard of");
  });

  it("explains a node by its state, availability and what is free", async () => {
    world.putNode(node("n1", { state: "DOWN", availability: "DRAIN", sinceMs: 1_704_067_200_000 }));
    await world.run(10);
    const { kind, summary, reasons } = about("n1");
    expect(kind).to.equal("node");
    expect(summary).to.equal("node n1 is down and drained, with 0 tasks");
    expect(reasons.map((reason) => reason.code)).to.deep.equal(["ready", "availability", "resources"]);
    expect(reasons[0]?.message).to.equal("the node is down since 2024-01-01T00:00:00.000Z");
  });

  it("tells of a rollout that waits for a slot", async () => {
    world.addNodes("n1");
    world.putService(service("web", { replicas: 3 }));
    await world.until(() => world.running().length === 3, "all run");
    world.behave = (_, { container }) => (container!.image === "bad" ? { hangs: true } : {});
    world.putService(service("web", { replicas: 3, task: spec({ image: "bad" }) }));
    await world.run(5000);
    const { summary, reasons } = about("web");
    expect(summary).to.equal("2 of 3 replicas of web run");
    expect(reasons.find((reason) => reason.code === "rollout")).to.include({
      message: "it is updated to revision 2, 0 of 3 slots are; what is under way has 10m to get further",
      next: "shoal service rollback web takes it back",
    });
  });

  it("tells of a new task that waits for its old one's place, which serves meanwhile", async () => {
    world.addNodes("n1");
    world.putService(service("web"));
    await world.until(() => world.running().length === 1, "it runs");
    const old = world.running()[0]!;
    world.behave = () => ({ pullMs: 60_000 });
    world.putService(service("web", { task: spec({ image: "web:2" }) }));
    await world.run(5000);
    const { summary, reasons } = about("web");
    expect(summary).to.equal("1 of 1 replicas of web run");
    expect(reasons.find((reason) => reason.code === "task")?.message).to.equal("it is being prepared on node n1");
    expect(reasons.find((reason) => reason.code === "predecessor")?.message).to.equal(
      `it takes the place of task ${old.id}, which is to stop once this one is prepared`,
    );
  });

  it("tells why a rollout paused, and what a failed one left behind", async () => {
    world.addNodes("n1");
    for (const [failureAction, text, next] of [
      [
        "PAUSE",
        /^its update is paused on the way to revision 2, 0 of 1 slots are: 1 of 1 failed: web.1 .* rejected: no$/,
        "shoal service rollout resume web, or shoal service rollback web",
      ],
      ["ROLLBACK", /^revision 2 failed and was rolled back: 1 of 1 failed: web.1 /, "shoal service history web"],
    ] as const) {
      world.behave = (_, { container }) => (container!.image === "web:2" ? { rejects: "no" } : {});
      world.putService(service("web", { update: { failureAction } }));
      await world.until(() => world.running().length === 1, "it runs");
      world.putService(service("web", { update: { failureAction }, task: spec({ image: "web:2" }) }));
      await world.run(10_000);
      const { reasons } = about("web");
      const told = reasons.find((reason) => reason.code === "rollout");
      expect(told?.message).to.match(text);
      expect(told?.next).to.equal(next);
      if (failureAction === "PAUSE") expect(reasons.find(({ code }) => code === "failed")?.message).to.include("no");
      world.removeService();
      await world.run(1000);
    }
  });

  it("finds by id, name and unique prefix, and refuses what it does not know or what is ambiguous", async () => {
    world.putNode(node("abc1"));
    world.putNode(node("abc2"));
    world.putService(service("web"));
    await world.until(() => world.running().length === 1, "it runs");
    const { id } = world.running()[0]!;
    expect(about(id).id).to.equal(id);
    expect(about(id.slice(0, 12)).id).to.equal(id);
    expect(about("WEB").kind).to.equal("service");
    expect(about("abc1").kind).to.equal("node");
    expect([refusal("abc").code, refusal("nobody").code, refusal("").code]).to.deep.equal([
      "invalid",
      "not-found",
      "not-found",
    ]);
  });
});
