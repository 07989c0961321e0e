// The compose cluster as scripts/up makes it, on a real engine: what a user sees, and what must not change when nodes
// die. Figures over many rounds are `npm run prove`; here one round each, with the worst that is allowed.
import { existsSync } from "node:fs";
import { join } from "node:path";

import { loadFileDescriptorSetFromBuffer } from "@grpc/proto-loader";
import { expect } from "chai";

import { measureFailover } from "../../scripts/lib/failover.ts";
import { httpGet, runOk, waitFor } from "../../scripts/lib/run.ts";
import type { RunResult } from "../../scripts/lib/run.ts";
import { ShoalCli } from "../../scripts/lib/shoal.ts";
import type { TaskJson } from "../../scripts/lib/shoal.ts";
import { startCluster } from "../support/cluster.ts";
import type { Cluster } from "../support/cluster.ts";
import { requireEngine, ROOT } from "../support/engine.ts";
import { descriptorSet, GenericClient } from "../support/generic-client.ts";

const MANAGERS = ["manager1", "manager2", "manager3"] as const;
const SETTLE_MS = 60_000;
const HTTP_MS = 3_000;
const MOVED_MS = 20_000;
const BUSYBOX = "shoal/busybox:local";

describe("three managers and two workers in containers", function () {
  this.timeout(180_000);
  let cluster: Cluster;

  before(async function () {
    this.timeout(300_000);
    await requireEngine(this);
    cluster = await startCluster();
  });

  after(async function () {
    this.timeout(90_000);
    if (cluster === undefined) return;
    await cluster.close();
    expect(existsSync(join(ROOT, ".shoal/clusters", cluster.project)), "state of the cluster").to.equal(false);
    const label = `label=com.docker.compose.project=${cluster.project}`;
    for (const kind of [
      ["ps", "-aq"],
      ["volume", "ls", "-q"],
      ["network", "ls", "-q"],
    ]) {
      expect(await runOk(["docker", ...kind, "--filter", label]), kind.join(" ")).to.equal("");
    }
  });

  async function runningTasks(service: string): Promise<TaskJson[]> {
    const tasks = await cluster.shoal.tasks(service);
    return tasks.filter((task) => task.desired === "RUNNING" && task.status?.state === "RUNNING");
  }

  it("has five ready nodes, one leader, and three replicas that answer with their containers' names", async () => {
    const nodes = await cluster.shoal.nodes();
    expect(nodes.map((node) => node.status?.state)).to.deep.equal(["READY", "READY", "READY", "READY", "READY"]);
    expect(nodes.filter((node) => node.manager === "LEADER")).to.have.lengthOf(1);
    expect(nodes.filter((node) => node.description?.runtimes.includes("container"))).to.have.lengthOf(2);
    const pages = await Promise.all(
      (await runningTasks("web")).map(async (task) => {
        return (await httpGet(`http://127.0.0.1:${task.status?.ports[0]?.published ?? 0}/`, HTTP_MS)).text;
      }),
    );
    expect(new Set(pages).size, pages.join(" ")).to.equal(3);
    for (const page of pages) expect(page).to.match(/^Hello from [0-9a-f]{12}/);
  });

  it("is brought up again without a change", async () => {
    const before = await cluster.taskContainers();
    const nodes = await Promise.all(MANAGERS.map(async (name) => await cluster.containerOf(name)));
    await cluster.up();
    expect(await Promise.all(MANAGERS.map(async (name) => await cluster.containerOf(name)))).to.deep.equal(nodes);
    expect(await cluster.taskContainers()).to.deep.equal(before);
  });

  it("serves a generic gRPC client that knows nothing but reflection", async () => {
    const client = new GenericClient(cluster.address("manager2", "grpc"), cluster.context());
    try {
      const info = await client.ask("v1", { fileContainingSymbol: "shoal.v1.Control" });
      const files = info.fileDescriptorResponse?.fileDescriptorProto ?? [];
      const control = loadFileDescriptorSetFromBuffer(descriptorSet(files), { defaults: true });
      const answer = await client.unary(control, "shoal.v1.Control", "GetCluster", {});
      expect(answer).to.include({ managers: 3, managers_reachable: 3, nodes: 5, nodes_ready: 5 });
    } finally {
      client.close();
    }
  });

  it("runs what the example client submits", async () => {
    const text = await runOk([process.execPath, join(ROOT, "examples/submit.mjs"), "hello", "2"], {
      env: { ...cluster.env, SHOAL_CONTEXT: cluster.project },
      cwd: ROOT,
      timeoutMs: SETTLE_MS,
    });
    expect(text)
      .to.match(/^created hello /)
      .and.to.match(/2 of 2 running$/);
    await cluster.shoal.text(["service", "rm", "hello"]);
    await waitFor("the end of hello's containers", SETTLE_MS, async () =>
      (await cluster.taskContainers()).length === 3 ? true : undefined,
    );
  });

  describe("rollouts", () => {
    const SERVE = "mkdir /w && echo $COLOR > /w/index.html && exec httpd -f -p 8080 -h /w";
    const update = async (...words: string[]): Promise<RunResult> =>
      await cluster.shoal.run(["service", "update", ...words, "site"], { timeoutMs: SETTLE_MS });
    const containers = async (): Promise<string[]> =>
      (await runningTasks("site")).map((task) => task.status?.runtimeId ?? "").toSorted();
    /** What each task answers, sorted. */
    async function colors(): Promise<string[]> {
      const pages = (await runningTasks("site")).map(async ({ status }) => {
        return (await httpGet(`http://127.0.0.1:${status?.ports[0]?.published ?? 0}/`, HTTP_MS)).text.trim();
      });
      return (await Promise.all(pages)).toSorted();
    }

    before(async () => {
      const pace = ["--update-parallelism", "3", "--update-monitor", "1s", "--update-progress-deadline", "3s"];
      const flags = ["--name", "site", "--replicas", "3", "-p", "0:8080", "-e", "COLOR=red", "--init", ...pace];
      await cluster.shoal.text(["service", "create", ...flags, BUSYBOX, "sh", "-c", SERVE], { timeoutMs: SETTLE_MS });
    });

    it("go back by themselves without touching what serves: an image that is missing, a task that is never ready", async () => {
      const originals = await containers();
      for (const [words, why] of [
        [["--image", "shoal/absent:1", "--pull", "never"], "is not on this node"],
        [["--health-cmd", "false", "--health-interval", "1s"], "not ready within 3s"],
      ] as const) {
        const { code, stderr } = await update(...words);
        expect(code, stderr).to.equal(1);
        expect(stderr)
          .to.match(/failed and was rolled back to revision 1/)
          .and.contain(why);
        expect(await containers()).to.deep.equal(originals);
      }
      expect(await cluster.shoal.text(["why", "site"])).to.contain("was rolled back");
    });

    it("replace everything while the service goes on, and go back by hand", async () => {
      let fewest = Infinity;
      let isOver = false;
      const done = update("--env-add", "COLOR=blue").finally(() => (isOver = true));
      while (!isOver) fewest = Math.min(fewest, (await runningTasks("site")).length);
      expect((await done).code).to.equal(0);
      expect(fewest).to.be.at.least(3);
      expect(await colors()).to.deep.equal(["blue", "blue", "blue"]);
      await cluster.shoal.text(["service", "rollback", "site"], { timeoutMs: SETTLE_MS });
      expect(await colors()).to.deep.equal(["red", "red", "red"]);
    });

    it("stop at a canary until it is promoted", async () => {
      const { code, stderr } = await update("--canary", "1", "--env-add", "COLOR=green");
      expect(code, stderr).to.equal(0);
      expect(stderr).to.contain("Next: shoal service promote site");
      expect(await cluster.shoal.text(["service", "ls"])).to.match(/site +replicated .*\(canary 1\/3\)/);
      const { stderr: said } = await cluster.shoal.run(["service", "ps", "site"]);
      expect(said).to.contain("canary to revision 5: 1 of 3 slots; canary: 1 of 1 ready, waits to be promoted");
      expect(new Set(await colors())).to.deep.equal(new Set(["green", "red"]));
      await cluster.shoal.text(["service", "promote", "site"], { timeoutMs: SETTLE_MS });
      expect(await colors()).to.deep.equal(["green", "green", "green"]);
      const history = await cluster.shoal.text(["service", "history", "site"]);
      expect(history)
        .to.match(/^5 \*/m)
        .and.to.match(/^3 .*Failed: .*not ready/m);
    });

    after("leave nothing behind", async () => {
      await cluster.shoal.text(["service", "rm", "site"]);
      await waitFor("the end of its containers", SETTLE_MS, async () =>
        (await cluster.taskContainers()).length === 3 ? true : undefined,
      );
    });
  });

  describe("jobs", () => {
    const create = (name: string, ...words: string[]): string[] => ["service", "create", "--name", name, ...words];

    it("run to completion, two at a time, and know what they are", async () => {
      const script = "echo $SHOAL_TASK of run $SHOAL_RUN; sleep 1";
      const job = ["--mode", "replicated-job", "--replicas", "5", "--max-concurrent", "2"];
      await cluster.shoal.text(create("work", ...job, BUSYBOX, "sh", "-c", script), { timeoutMs: SETTLE_MS });
      expect(await cluster.shoal.runs("work")).to.have.lengthOf(1);
      expect((await cluster.shoal.runs("work"))[0]).to.include({ state: "SUCCEEDED", completed: 5, exitCode: 0 });
      expect(await cluster.shoal.text(["service", "ls"])).to.match(/work +replicated job +0\/0 \(5\/5 completed\)/);
      const logs = await cluster.shoal.text(["service", "logs", "work"]);
      for (let slot = 1; slot <= 5; slot += 1) expect(logs).to.contain(`work.${slot} of run 1`);
    });

    it("fail after their retries, with the exit code", async () => {
      const job = ["--mode", "replicated-job", "--retries", "2", "--restart-delay", "100ms"];
      const { code, stderr } = await cluster.shoal.run(create("broken", ...job, BUSYBOX, "sh", "-c", "exit 4"), {
        timeoutMs: SETTLE_MS,
      });
      expect(code, stderr).to.equal(1);
      expect(stderr).to.contain("1 of 1 tasks failed for good");
      expect((await cluster.shoal.runs("broken"))[0]).to.include({ state: "FAILED", failures: 3, exitCode: 4 });
    });

    it("run on every node, and by the clock", async () => {
      const ofNode = create("scan", "--mode", "global-job", BUSYBOX, "true");
      await cluster.shoal.text(ofNode, { timeoutMs: SETTLE_MS });
      expect((await cluster.shoal.runs("scan"))[0]).to.include({ state: "SUCCEEDED", wanted: 2, completed: 2 });
      await cluster.shoal.text(create("tick", "--cron", "*/3 * * * * *", BUSYBOX, "true"));
      const runs = await waitFor("three times", SETTLE_MS, async () => {
        const done = (await cluster.shoal.runs("tick")).filter(({ state }) => state === "SUCCEEDED");
        return done.length >= 3 ? done : undefined;
      });
      expect(new Set(runs.map(({ scheduledAtMs }) => scheduledAtMs)).size).to.equal(runs.length);
      expect(runs.every(({ scheduledAtMs }) => scheduledAtMs % 3000 === 0)).to.equal(true);
      await cluster.shoal.text(["service", "suspend", "tick"]);
      await cluster.shoal.text(["service", "run", "tick"], { timeoutMs: SETTLE_MS });
      expect((await cluster.shoal.runs("tick"))[0]).to.include({ state: "SUCCEEDED", scheduledAtMs: 0 });
    });

    after("leave nothing behind", async () => {
      await cluster.shoal.text(["service", "rm", "work", "broken", "scan", "tick"]);
      await waitFor("the end of their containers", SETTLE_MS, async () =>
        (await cluster.taskContainers()).length === 3 ? true : undefined,
      );
    });
  });

  describe("checks", () => {
    const SERVE = "mkdir -p /tmp/www; exec httpd -f -p 8080 -h /tmp/www";
    const own = async (): Promise<TaskJson[]> => await cluster.shoal.tasks("shop");
    const inside = async (id: string, ...words: string[]): Promise<string> =>
      await runOk(["docker", "exec", id, ...words]);

    it("by an agent that has only the engine's socket: started, not ready, ready, and ended when it is not alive", async () => {
      const pace = "interval=200ms,timeout=2s,failures=2";
      const flags = ["--name", "shop", "--publish", "0:8080", "--init", "--detach"];
      const checks = [
        ["--startup-tcp", "8080", "--startup-opts", "interval=200ms"],
        ["--ready-http", "8080/ready", "--ready-opts", pace],
        ["--live-cmd", "test ! -e /tmp/dead || { echo found dead; false; }", "--live-opts", pace],
      ].flat();
      await cluster.shoal.text(["service", "create", ...flags, ...checks, BUSYBOX, "sh", "-c", SERVE]);
      const [task] = await waitFor("a task that is not ready", SETTLE_MS, async () =>
        (await own()).some(({ status }) => status?.checkMessage.includes("404") === true) ? await own() : undefined,
      );
      expect(task?.status).to.include({ state: "RUNNING", healthy: true, ready: false });
      expect(await cluster.shoal.text(["service", "ls"])).to.match(/shop .* 0\/1 \(1 not ready\)/);
      expect(await cluster.shoal.text(["why", "shop"])).to.contain("GET /ready on port 8080: status 404");

      const id = task?.status?.runtimeId ?? "";
      await inside(id, "sh", "-c", "echo yes > /tmp/www/ready");
      await waitFor("a ready task", SETTLE_MS, async () =>
        (await own())[0]?.status?.ready === true ? true : undefined,
      );
      expect(await cluster.shoal.text(["service", "ls"])).to.match(/shop .* 1\/1 /);

      await inside(id, "touch", "/tmp/dead");
      const failed = await waitFor("its end", SETTLE_MS, async () =>
        (await own()).find((other) => other.id === task?.id && other.status?.state === "FAILED"),
      );
      expect(failed.status?.error).to.match(/^liveness check failed: \/bin\/sh exited with code 1: found dead$/);
      await waitFor("another one in its place", SETTLE_MS, async () =>
        (await own()).some((other) => other.id !== task?.id && other.status?.state === "RUNNING") ? true : undefined,
      );
    });

    after("leave nothing behind", async () => {
      await cluster.shoal.text(["service", "rm", "shop"]);
      await waitFor("the end of its containers", SETTLE_MS, async () =>
        (await cluster.taskContainers()).length === 3 ? true : undefined,
      );
    });
  });

  it("loses no acknowledged write and touches no container when the leader is killed", async () => {
    const { project, env } = cluster;
    const result = await measureFailover({ project, clients: 8, how: "kill", context: cluster.context(), env });
    expect(result.acknowledged).to.be.greaterThan(100);
    expect(result, result.firstFailure).to.include({ lost: 0, twice: 0, failed: 0, containersChanged: false });
    expect(result.firstAcceptedMs).to.be.at.most(3_000);
    expect(result.newLeader).to.not.equal(result.killed);
  });

  it("stops writing for less than a blink when the leader is stopped in order", async () => {
    await cluster.settled();
    const { project, env } = cluster;
    const result = await measureFailover({ project, clients: 8, how: "stop", context: cluster.context(), env });
    expect(result, result.firstFailure).to.include({ lost: 0, twice: 0, failed: 0, containersChanged: false });
    expect(result.longestGapMs).to.be.at.most(1_500);
    expect(result.newLeader).to.not.equal(result.killed);
  });

  it("goes on while its leader is frozen, and takes it back as a follower", async () => {
    await cluster.settled();
    const frozen = await cluster.leader();
    await cluster.pause(frozen);
    try {
      // Whichever manager the command tries first, it ends up at one that lives.
      await cluster.shoal.text([
        "service",
        "create",
        "--detach",
        "--name",
        "meanwhile",
        "--replicas",
        "0",
        "shoal/busybox:local",
      ]);
    } finally {
      await cluster.unpause(frozen);
    }
    await cluster.settled();
    const names = await waitFor("the frozen manager's own answer", SETTLE_MS, async () => {
      const text = await runOk([
        "docker",
        "exec",
        await cluster.containerOf(frozen),
        "shoal",
        "service",
        "ls",
        "--format",
        "json",
      ]);
      return text.includes('"meanwhile"') ? text : undefined;
    });
    expect(names).to.contain('"web"');
    expect(await cluster.leader()).to.not.equal(frozen);
    await cluster.shoal.text(["service", "rm", "meanwhile"]);
  });

  it("restarts nothing when an agent is killed and comes back", async () => {
    const before = await cluster.taskContainers();
    await cluster.kill("worker1");
    await waitFor("worker1 to be missed", SETTLE_MS, async () => {
      const worker = (await cluster.shoal.nodes()).find((node) => node.spec?.name === "worker1");
      return worker?.status?.state === "UNREACHABLE" ? true : undefined;
    });
    await cluster.start("worker1");
    await cluster.settled();
    expect(await cluster.taskContainers()).to.deep.equal(before);
    expect(await runningTasks("web")).to.have.lengthOf(3);
  });

  it("replaces a container that was killed, and only that one", async () => {
    const before = await cluster.taskContainers();
    const [victim = ""] = before;
    await runOk(["docker", "kill", victim.split(" ")[0] ?? ""]);
    const after = await waitFor("three running containers again", SETTLE_MS, async () => {
      const now = await cluster.taskContainers();
      return now.length === 3 && !now.includes(victim) ? now : undefined;
    });
    expect(after.filter((line) => before.includes(line))).to.have.lengthOf(2);
    await waitFor("three running tasks", SETTLE_MS, async () =>
      (await runningTasks("web")).length === 3 ? true : undefined,
    );
  });

  it("moves the tasks of a worker that is stopped in order, at once", async () => {
    await cluster.settled();
    const [first] = await runningTasks("web");
    const worker = first?.node ?? "";
    const stopping = cluster.stop(worker);
    // Well before the 30 s after which a worker that only vanished would be given up.
    await waitFor("all of web on the other worker", MOVED_MS, async () => {
      const tasks = await runningTasks("web");
      return tasks.length === 3 && tasks.every(({ node }) => node !== worker) ? true : undefined;
    });
    await stopping;
    await cluster.start(worker);
    await cluster.settled();
    await waitFor("three containers, no more", SETTLE_MS, async () =>
      (await cluster.taskContainers()).length === 3 ? true : undefined,
    );
  });

  it("keeps containers and state when every manager is killed at once", async () => {
    const before = await cluster.taskContainers();
    await Promise.all(MANAGERS.map(async (name) => await cluster.kill(name)));
    expect(await cluster.taskContainers()).to.deep.equal(before);
    await Promise.all(MANAGERS.map(async (name) => await cluster.start(name)));
    await waitFor(
      "the cluster to answer",
      SETTLE_MS,
      async () => (await cluster.shoal.run(["node", "ls"])).code === 0 || undefined,
    );
    await cluster.settled();
    expect(await runningTasks("web")).to.have.lengthOf(3);
    expect(await cluster.taskContainers()).to.deep.equal(before);
  });

  it("runs with two managers of three, and says that there is no quorum with one", async () => {
    const leader = await cluster.leader();
    expect(MANAGERS).to.include(leader);
    const [first = "", second = ""] = MANAGERS.filter((name) => name !== leader);
    await cluster.kill(first);
    await cluster.shoal.text(["service", "scale", "--detach", "web=3"]);
    await cluster.kill(second);
    const survivor = new ShoalCli({
      context: cluster.project,
      hosts: cluster.address(leader, "grpc"),
      env: cluster.env,
    });
    const refused = await survivor.run(["--timeout", "5s", "service", "scale", "--detach", "web=2"]);
    expect(refused.code).to.be.oneOf([1, 3]);
    expect(refused.stderr).to.match(/quorum|leader/i);
    const read = await cluster.shoal.run(["--timeout", "5s", "service", "ps", "web"]);
    expect(read.code, "linearizable reads without a quorum").to.be.oneOf([1, 3]);
    expect(read.stdout).to.equal("");
    await cluster.start(first);
    await cluster.start(second);
    await cluster.settled();
    await cluster.shoal.text(["service", "scale", "--detach", "web=3"]);
  });
});
