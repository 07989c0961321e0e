/** Modes and rollouts of services as a user sees them, with processes as tasks, on one manager and one worker. */
import { join } from "node:path";
import { assert } from "chai";
import { startLocalCluster, type LocalCluster } from "../../scripts/lib/local-cluster.ts";
import { run, waitFor, type RunResult } from "../../scripts/lib/run.ts";
import { SHOAL_BIN } from "../../scripts/lib/shoal.ts";

const DONE = 0;
const FAILED = 1;
const UNKNOWN = 3;
const USAGE = 64;
const PROCESS = ["--runtime", "process", "--"];

describe("integration/cli: jobs and rollouts", () => {
  let cluster: LocalCluster;
  let config: string;

  before(async function () {
    this.timeout(90_000);
    cluster = await startLocalCluster({ managers: 1, workers: 1 });
    config = join(cluster.root, "config");
    const context = JSON.stringify({ ...cluster.context, hosts: cluster.managers.map(({ address }) => address) });
    const imported = await shoal(["context", "import", "-"], context);
    assert.equal(imported.code, DONE, imported.stderr);
  });
  after(async () => await cluster.stop());

  async function shoal(words: readonly string[], input?: string): Promise<RunResult> {
    return await run([process.execPath, SHOAL_BIN, ...words], {
      env: { PATH: process.env["PATH"], HOME: cluster.root, SHOAL_CONFIG: config },
      cwd: cluster.root,
      timeoutMs: 45_000,
      ...(input === undefined ? {} : { input }),
    });
  }

  async function ok(...words: string[]): Promise<string> {
    const { code, stdout, stderr } = await shoal(words);
    assert.equal(code, DONE, stderr);
    return stdout.trim();
  }

  const create = (name: string, ...words: string[]): string[] => ["service", "create", "--name", name, ...words];

  it("waits for a job's end, shows what completed, and starts it over", async () => {
    const words = ["--mode", "replicated-job", "--replicas", "3", "--max-concurrent", "1"];
    const { code, stderr } = await shoal(create("work", ...words, ...PROCESS, "sh", "-c", 'echo "$SHOAL_TASK"'));
    assert.equal(code, DONE, stderr);
    assert.match(stderr, /^work: run 1 succeeded$/m);
    assert.match(await ok("service", "ls"), /work\s+replicated job\s+0\/0 \(3\/3 completed\)/);
    const table = await ok("service", "ps", "work");
    assert.match(table, /work\.3\s+sh .*worker1\s+Complete\s+Complete /);
    assert.sameMembers((await ok("service", "logs", "--raw", "work")).split("\n"), ["work.1", "work.2", "work.3"]);
    assert.equal(await ok("service", "run", "work"), "work run 2");
    await ok("service", "restart", "work");
    const runs = await ok("service", "runs", "work");
    assert.match(runs, /^RUN\s+STATE\s+SCHEDULED\s+STARTED\s+DURATION\s+COMPLETED\s+FAILURES\s+EXIT\s+MESSAGE$/m);
    assert.match(runs, /work 3\s+Succeeded .*3\/3\s+0\s+0\n+work 2\s+Succeeded .*\nwork 1\s+Succeeded/);
  });

  it("fails with a job, says with which exit code, and why says it too", async () => {
    const words = ["--mode", "replicated-job", "--retries", "1", "--restart-delay", "0"];
    const { code, stderr } = await shoal(create("broken", ...words, ...PROCESS, "sh", "-c", "exit 9"));
    assert.equal(code, FAILED);
    assert.match(stderr, /run 1 failed: 1 of 1 tasks failed for good: .*exit code 9/);
    assert.match(stderr, /Next: shoal why broken/);
    assert.match(await ok("why", "broken"), /last-run: run 1 failed after/);
  });

  it("stops waiting for a long job with 3, and the job's own deadline ends it", async () => {
    const words = ["--mode", "replicated-job", "--job-deadline", "4s", "--wait-timeout", "1s"];
    assert.equal((await shoal(create("long", ...words, ...PROCESS, "sleep", "100"))).code, UNKNOWN);
    await waitFor("its end", 15_000, async () => {
      const runs = await ok("service", "runs", "long", "--filter", "state=timed-out");
      return runs.includes("Timed-out") ? true : undefined;
    });
  });

  it("runs by the clock, says when next, is suspended, and run by hand", async () => {
    const { code, stderr } = await shoal(create("tick", "--cron", "* * * * * *", ...PROCESS, "true"));
    assert.equal(code, DONE, stderr);
    assert.match(stderr, /tick runs by its schedule\nNext: shoal service runs tick\n$/);
    await waitFor("two runs", 15_000, async () =>
      (await ok("service", "runs", "tick")).split("Succeeded").length > 2 ? true : undefined,
    );
    assert.match(await ok("service", "ls"), /tick\s+cron\s+\d\/\d \(next in less than a second\)/);
    assert.equal(await ok("service", "suspend", "tick"), "tick suspended");
    assert.match(await ok("service", "ls"), /tick\s+cron\s+\d\/\d \(suspended\)/);
    assert.match(await ok("why", "tick"), /suspended: no time comes/);
    assert.match(await ok("service", "run", "tick"), /^tick run \d+$/);
    const refused = await shoal(["service", "restart", "tick"]);
    assert.equal(refused.code, USAGE);
    assert.match(refused.stderr, /Next: run it now with: shoal service run tick/);
  });

  it("has one task of a global service on each node, under its node's name", async () => {
    await ok(...create("agent", "--mode", "global", "--constraint", "node.role==worker", ...PROCESS, "sleep", "1000"));
    assert.match(await ok("service", "ls"), /agent\s+global\s+1\/1/);
    assert.match(await ok("service", "ps", "agent"), /agent\.worker1\s+sleep .*worker1\s+Running\s+Running/);
    assert.match(await ok("why", "agent.worker1"), /it runs on node worker1/);
    const scaled = await shoal(["service", "scale", "agent=2"]);
    assert.equal(scaled.code, USAGE);
  });

  describe("rollouts", () => {
    const sleeper = [...PROCESS, "sleep", "1000"];
    const listed = async (name: string): Promise<string> => await ok("service", "ls", "-f", `name=${name}`);
    const outcomes = async (): Promise<string> => await ok("service", "history", "roll");

    it("tries a change on a canary, which promotes itself when it was healthy for so long", async () => {
      const calm = ["--update-monitor", "0s", "--restart-delay", "0s", "--replicas", "2"];
      await ok(...create("roll", "-q", ...calm, ...sleeper));
      const flags = ["--canary", "1", "--canary-healthy", "1s", "--env-add", "V=2"];
      const { code, stderr } = await shoal(["service", "update", ...flags, "roll"]);
      assert.equal(code, DONE, stderr);
      assert.match(stderr, /The canary of roll is ready\.\nNext: shoal service promote roll \(by itself 1 s after/);
      await waitFor("its promotion", 15_000, async () =>
        /^2 \*\s+sleep 1000\s+2 .*Completed/m.test(await outcomes()) ? true : undefined,
      );
      assert.match(await outcomes(), /^REVISION\s+IMAGE\s+RUNNING\s+CREATED\s+BY\s+WHY\s+OUTCOME$/m);
    });

    it("pauses a rollout and lets it go on, goes back to any revision, and forward again", async () => {
      await ok("service", "update", "-d", "--canary", "0", "--update-delay", "1m", "--env-add", "V=3", "roll");
      assert.equal(await ok("service", "rollout", "pause", "roll"), "roll paused");
      assert.match(await listed("roll"), /\d\/2.* \(paused \d\/2\)/);
      assert.equal(await ok("service", "rollout", "resume", "-d", "roll"), "roll goes on");
      assert.match(await listed("roll"), /\(updating \d\/2\)/);
      assert.equal(await ok("service", "rollback", "-q", "--to", "1", "roll"), "roll back to revision 1");
      const history = await outcomes();
      assert.match(history, /^3 .*Rolled back: user:\S+ went back to revision 1/m);
      assert.match(history, /^1 \*\s+sleep 1000\s+2 /m);
      assert.equal(await ok("service", "update", "--rollback", "-d", "roll"), "roll back to revision 3");
      const unknown = await shoal(["service", "rollback", "--to", "9", "roll"]);
      assert.equal(unknown.code, FAILED);
      assert.match(unknown.stderr, /revision 9 .* is not kept\n {2}Next: shoal service history roll/);
    });

    it("ends one task, its service starts another, and events say who did it", async () => {
      await ok(...create("one", "-q", ...sleeper));
      const before = await ok("service", "ps", "-q", "one");
      assert.equal(await ok("task", "rm", "-q", "one.1"), "one.1");
      const [now, ...others] = (await ok("service", "ps", "-q", "--no-trunc", "one")).split("\n");
      assert.deepEqual([others.length, now?.startsWith(before)], [1, false]);
      const again = await shoal(["task", "rm", before]);
      assert.equal(again.code, FAILED);
      assert.match(again.stderr, /task one\.1 .* (has ended|is being stopped) already/);
      await waitFor("the event", 15_000, async () => {
        const events = await ok("events", "--since", "1m", "--filter", "service=one", "--filter", "event=stopped");
        return /task stopped .*actor=user:\S+\) shut down: removed by hand/.test(events) ? true : undefined;
      });
    });

    it("tells who scales that somebody else's number came before", async () => {
      await ok(...create("stuck", "-d", "--constraint", "node.labels.zone==moon", ...sleeper));
      const waiting = shoal(["service", "scale", "stuck=3"]);
      await waitFor("its number", 15_000, async () => (/0\/3/.test(await listed("stuck")) ? true : undefined));
      await ok("service", "scale", "-d", "stuck=2");
      const { code, stderr } = await waiting;
      assert.equal(code, FAILED);
      assert.match(stderr, /stuck: its replicas were changed to 2 before 3 ran, by user:/);
    });

    it("drains a node and waits until it is empty, at most until the deadline", async () => {
      const { code, stdout, stderr } = await shoal(["node", "drain", "--wait", "--deadline", "1s", "worker1"]);
      assert.deepEqual([code, stdout], [DONE, "worker1\n"], stderr);
      assert.match(stderr, /^Warning: No node is left that takes tasks: /m);
      assert.match(stderr, /^worker1: \d+ tasks left: .*\n[^]*^worker1 is empty\n$/m);
      await ok("node", "activate", "worker1");
    });
  });

  it("names the field of what the cluster refuses", async () => {
    const { code, stderr } = await shoal(create("bad", "--cron", "61 * * * *", ...PROCESS, "true"));
    assert.equal(code, FAILED);
    assert.include(stderr, "spec.cron.schedule");
  });
});
