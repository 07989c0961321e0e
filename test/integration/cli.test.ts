/** The command line as a user runs it, against managers and a worker as processes on loopback. */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assert } from "chai";
import { startLocalCluster, type LocalCluster, type LocalNode } from "../../scripts/lib/local-cluster.ts";
import { run, waitFor, type RunResult } from "../../scripts/lib/run.ts";
import { SHOAL_BIN } from "../../scripts/lib/shoal.ts";
import { followed } from "../support/followed.ts";

const DONE = 0;
const FAILED = 1;
const UNKNOWN = 3;
const USAGE = 64;

describe("integration/cli", () => {
  let cluster: LocalCluster;
  let config: string;

  before(async function () {
    this.timeout(90_000);
    cluster = await startLocalCluster({ managers: 3, workers: 1 });
    config = join(cluster.root, "config");
    const context = JSON.stringify({ ...cluster.context, hosts: cluster.managers.map(({ address }) => address) });
    const imported = await shoal(["context", "import", "-"], { input: context });
    assert.equal(imported.code, DONE, imported.stderr);
  });
  after(async () => await cluster.stop());

  function environment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
    return { PATH: process.env["PATH"], HOME: cluster.root, SHOAL_CONFIG: config, ...more };
  }

  /** A user's run: own configuration, nothing of this process's environment. No outcome may show a stack trace. */
  async function shoal(
    words: readonly string[],
    options: { readonly input?: string; readonly env?: Readonly<Record<string, string>> } = {},
  ): Promise<RunResult> {
    const result = await run([process.execPath, SHOAL_BIN, ...words], {
      env: environment(options.env),
      cwd: cluster.root,
      timeoutMs: 45_000,
      ...(options.input === undefined ? {} : { input: options.input }),
    });
    assert.notMatch(result.stdout + result.stderr, /^\s+at .*[:(]\d+/m, "a stack trace");
    return result;
  }

  async function ok(...words: string[]): Promise<string> {
    const { code, stdout, stderr } = await shoal(words);
    assert.equal(code, DONE, stderr);
    return stdout.trim();
  }

  async function objects(...words: string[]): Promise<Record<string, unknown>[]> {
    const text = await ok(...words, "--format", "json");
    return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Record<string, unknown>]));
  }

  describe("contexts", () => {
    it("imports one from standard input, private, and uses the first", async () => {
      assert.equal(statSync(join(config, "contexts/local.json")).mode & 0o777, 0o600);
      assert.match(await ok("context", "ls"), /^local \*\s+127\.0\.0\.1:\d+,.*in \d+ days/m);
    });

    it("lists nodes through it, with the leader, and ids alone", async () => {
      const table = await ok("node", "ls");
      assert.match(table, /^ID\s+NAME\s+STATUS\s+AVAILABILITY\s+MANAGER STATUS\s+RUNTIMES\s+ENGINE VERSION$/m);
      assert.match(table, /manager\d\s+Ready\s+Active\s+Leader/);
      assert.match(table, /worker1\s+Ready\s+Active\s+process/);
      const ids = (await ok("node", "ls", "-q")).split("\n");
      const nodes = await objects("node", "ls");
      assert.sameMembers(
        ids,
        nodes.map(({ id }) => id),
      );
      assert.lengthOf(ids, 4);
    });

    it("exports one of its own to a private file that works elsewhere", async () => {
      await ok("context", "export", "--name", "laptop", "--output", "laptop.json");
      const file = join(cluster.root, "laptop.json");
      assert.equal(statSync(file).mode & 0o777, 0o600);
      const elsewhere = { SHOAL_CONFIG: join(cluster.root, "elsewhere") };
      assert.equal((await shoal(["context", "import", file], { env: elsewhere })).code, DONE);
      const info = await shoal(["cluster", "info"], { env: elsewhere });
      assert.match(info.stdout, /Managers:\s+3 of 3 reachable/);
      assert.match(info.stdout, /any 1 of 3 may be lost/);
    });

    it("takes no name away from one that leads there by other addresses, unless told to", async () => {
      const env = { SHOAL_CONFIG: join(cluster.root, "taken") };
      const there = JSON.stringify({ ...cluster.context, hosts: ["127.0.0.1:1"] });
      assert.equal((await shoal(["context", "import", "-"], { env, input: there })).code, DONE);
      const input = JSON.stringify(cluster.context);
      const refused = await shoal(["context", "import", "-"], { env, input });
      assert.equal(refused.code, FAILED);
      assert.match(refused.stderr, /There is a context "\S+" already.* at 127\.0\.0\.1:1\n {2}Next: .*--name OTHER/);
      assert.equal((await shoal(["context", "import", "-", "--replace"], { env, input })).code, DONE);
      assert.equal((await shoal(["node", "ls", "-q"], { env })).code, DONE);
    });

    it("names a broken file and lists the others", async () => {
      const broken = join(config, "contexts/broken.json");
      writeFileSync(broken, "{}");
      assert.match(await ok("context", "ls"), /broken.*broken\.json is not a context: name is missing/);
      const used = await shoal(["node", "ls", "--context", "broken"]);
      assert.equal(used.code, FAILED);
      assert.include(used.stderr, broken);
      await ok("context", "rm", "broken");
    });

    it("says what is missing where nothing leads to a cluster", async () => {
      const env = { SHOAL_CONFIG: join(cluster.root, "none"), SHOAL_SOCKET: "/nowhere/s.sock" };
      const { code, stderr } = await shoal(["node", "ls"], { env });
      assert.equal(code, FAILED);
      assert.match(stderr, /No cluster to talk to.*\n {2}Next: shoal dev/);
    });
  });

  describe("words", () => {
    it("refuses a value that cannot be read, with 64", async () => {
      const { code, stdout, stderr } = await shoal(["service", "create", "--name", "x", "-p", "http", "image"]);
      assert.deepEqual([code, stdout], [USAGE, ""], stderr);
      assert.match(stderr, /--publish: "http"/);
    });

    it("tells programs in JSON", async () => {
      const { code, stderr } = await shoal(["node", "inspect", "nope", "--format", "json"]);
      assert.equal(code, FAILED);
      assert.deepInclude((JSON.parse(stderr) as { error: object }).error, { code: "not-found", path: "id" });
    });

    it("takes global flags before and after the noun and the verb; the innermost wins", async () => {
      const [first] = cluster.managers;
      const host = `unix:${first?.socket ?? ""}`;
      const wanted = await ok("node", "ls", "-q");
      assert.equal(await ok("--host", host, "node", "ls", "-q"), wanted);
      assert.equal(await ok("node", "--host", host, "ls", "-q"), wanted);
      assert.equal(await ok("--host", "unix:/nowhere", "node", "ls", "-q", "--host", host), wanted);
    });

    it("asks the node itself for its health", async () => {
      const [first] = cluster.managers;
      const health = async (address: string) =>
        (await shoal(["healthcheck"], { env: { SHOAL_HTTP_LISTEN: address } })).code;
      assert.equal(await health(first?.httpAddress ?? ""), DONE);
      assert.equal(await health("127.0.0.1:1"), FAILED);
    });
  });

  describe("services", () => {
    it("creates one, waits with plain lines, and keeps standard output to its id", async () => {
      const { code, stdout, stderr } = await shoal([
        "service",
        "create",
        "--name",
        "tick",
        "--replicas",
        "2",
        "--runtime",
        "process",
        "-e",
        "WORD=hello",
        "--restart-delay",
        "0",
        "--",
        "sh",
        "-c",
        'echo "$WORD $0"; exec sleep 1000',
        "-p",
      ]);
      assert.equal(code, DONE, stderr);
      assert.match(stdout, /^\w{25}\n$/);
      assert.match(stderr, /^tick: 2 of 2 tasks running$/m);
      assert.notInclude(stderr, "\u001b");
      assert.match(await ok("service", "ls"), /tick\s+replicated\s+2\/2/);
      // What stood behind the command was the command's.
      await waitFor("both lines", 5000, async () => {
        const lines = (await ok("service", "logs", "--raw", "tick")).split("\n");
        return lines.length === 2 ? (assert.deepEqual(lines, ["hello -p", "hello -p"]) ?? true) : undefined;
      });
    });

    it("shows its tasks, and those of no unknown service", async () => {
      const table = await ok("service", "ps", "tick");
      assert.match(table, /^ID\s+NAME\s+IMAGE\s+NODE\s+DESIRED STATE\s+CURRENT STATE\s+ERROR\s+PORTS$/m);
      assert.match(table, /tick\.1\s+sh .*worker1\s+Running\s+Running \d+ second/);
      assert.equal(await ok("node", "ps", "-q", "worker1"), await ok("service", "ps", "-q", "tick"));
      assert.equal(await ok("node", "ps", "-q", "manager1"), "");
      const { code, stdout, stderr } = await shoal(["service", "ps", "nope"]);
      assert.equal(code, FAILED);
      assert.equal(stdout, "");
      assert.match(stderr, /There is no service "nope"\n {2}Next: list them with: shoal service ls/);
    });

    it("goes on with the others when one of several fails", async () => {
      const { code, stdout, stderr } = await shoal(["service", "inspect", "nope", "tick", "--format", "json"]);
      assert.equal(code, FAILED);
      assert.include(stderr, "nope");
      assert.nestedPropertyVal(JSON.parse(stdout), "spec.name", "tick");
    });

    it("scales, updates and restarts", async () => {
      assert.equal(await ok("service", "scale", "tick=3"), "tick scaled to 3");
      await ok("service", "update", "tick", "--env-add", "WORD=bye", "--label-add", "tier=x", "--replicas", "1");
      const [service] = await objects("service", "ls", "--filter", "label=tier=x");
      assert.nestedPropertyVal(service, "running", 1);
      const ids = async () =>
        (await objects("task", "ls", "-f", "service=tick", "-f", "desired-state=running")).map(({ id }) => id);
      const before = await ids();
      await ok("service", "restart", "tick");
      assert.notDeepEqual(await ids(), before);
      assert.match(await ok("service", "logs", "--raw", "--tail", "1", "tick"), /bye -p/);
      // The earlier attempts hang below the newest.
      assert.match(await ok("service", "ps", "tick"), /^\w+\s+tick\.1 .*\n\w+\s+\\_ tick\.1 /m);
    });

    it("is done at once with an update back to what most tasks still run", async () => {
      const sleeper = ["--runtime", "process", "sleep", "1000"];
      await ok("service", "create", "--name", "back", "--replicas", "2", "--restart-delay", "0s", ...sleeper);
      await ok("service", "update", "--detach", "--workdir", "/no/such/folder", "back");
      await waitFor("the bad revision fails", 10_000, async () => {
        const tasks = await objects("service", "ps", "back");
        return tasks.some((task) => JSON.stringify(task).includes('"REJECTED"')) ? true : undefined;
      });
      await ok("service", "update", "--workdir", "", "--wait-timeout", "30s", "back");
      assert.notMatch(await ok("why", "back"), /earlier revision/);
      await ok("service", "rm", "back");
    });

    it("stops waiting at its deadline with 3, says why, and why says more", async () => {
      const { code, stdout, stderr } = await shoal([
        "service",
        "create",
        "--name",
        "nowhere",
        "--constraint",
        "node.labels.zone==moon",
        "--wait-timeout",
        "1s",
        "--runtime",
        "process",
        "sleep",
        "1",
      ]);
      assert.equal(code, UNKNOWN, stderr);
      assert.match(stdout, /^\w{25}\n$/);
      assert.match(stderr, /Next: shoal why nowhere/);
      const why = await ok("why", "nowhere");
      assert.match(why, /^service nowhere: 0 of 1/);
      assert.include(why, "node.labels.zone");
      assert.equal((await shoal(["why", "nothing-like-it"])).code, FAILED);
      await ok("service", "rm", "nowhere");
    });

    it("names the field of what the cluster refuses", async () => {
      const constraint = ["--constraint", "node.labels.zone = a"];
      const { code, stderr } = await shoal(["service", "create", "--name", "bad", ...constraint, "app:1"]);
      assert.equal(code, FAILED);
      assert.include(stderr, "spec.task.placement.constraints[0]");
    });

    it("ends quietly when its reader has enough", async () => {
      const child = spawn(process.execPath, [SHOAL_BIN, "node", "inspect", "worker1"], {
        env: environment(),
        stdio: ["ignore", "pipe", "pipe"],
      });
      let stderr = "";
      child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
      child.stdout.destroy();
      await new Promise((resolve) => child.once("close", resolve));
      assert.equal(stderr, "");
    });
  });

  describe("nodes", () => {
    it("drains, activates and labels", async () => {
      const drained = await shoal(["node", "drain", "worker1"]);
      assert.deepEqual([drained.code, drained.stdout.trim()], [DONE, "worker1"], drained.stderr);
      assert.match(drained.stderr, /^Warning: No node is left that takes tasks: .*shoal node activate worker1\)$/m);
      assert.match(await ok("node", "ls"), /worker1\s+Ready\s+Drain/);
      assert.match(await ok("why", "worker1"), /drained/);
      await ok("node", "activate", "worker1");
      const [paused] = await objects("node", "update", "worker1", "--label-add", "zone=a", "--availability", "pause");
      assert.match(JSON.stringify(paused), /"warnings":\["No node is left that takes tasks: new ones wait/);
      const [node] = await objects("node", "inspect", "worker1");
      assert.deepNestedInclude(node, { "spec.labels": { zone: "a" }, "spec.availability": "PAUSE" });
      await ok("node", "update", "worker1", "--label-rm", "zone", "--availability", "active");
    });

    it("removes no node that is up without force", async () => {
      const { code, stderr } = await shoal(["node", "rm", "worker1"]);
      assert.equal(code, FAILED);
      assert.match(stderr, /it is up/);
    });
  });

  describe("this machine's daemon", () => {
    it("makes a cluster, lets another node join, and leaves it", async function () {
      this.timeout(60_000);
      const [manager, worker] = [await fresh("solo"), await fresh("helper")];
      try {
        const made = await waitFor("an init that works", 20_000, async () => {
          const result = await shoal(["init", "--name", "solo", "--host", `unix:${manager.socket}`]);
          return result.code === DONE ? result.stdout : undefined;
        });
        assert.match(made, /only manager/);
        const [, token = ""] = /To add a worker:\n {2}shoal join --token (\S+)/.exec(made) ?? [];
        const alone = await shoal(["context", "export", "--host", `unix:${manager.socket}`]);
        assert.match(alone.stderr, /names one manager/);
        assert.match(alone.stdout, /^\{.*\}\n$/);
        const again = await shoal(["init", "--host", `unix:${manager.socket}`]);
        assert.equal(again.code, FAILED, "a second init");
        const local = `unix:${worker.socket}`;
        const wrong = await shoal(["join", "--host", local, "--token", "nonsense", manager.address]);
        assert.equal(wrong.code, FAILED);
        assert.match(await ok("join", "--host", local, "--token", token, manager.address), /as a worker/);
        const nodes = async () => await ok("node", "ls", "--host", `unix:${manager.socket}`);
        assert.match(await nodes(), /helper\s+Ready/);
        assert.match(await ok("leave", "--host", local), /left its cluster/);
      } finally {
        manager.child.kill("SIGKILL");
        worker.child.kill("SIGKILL");
      }
    });

    async function fresh(name: string) {
      const dir = join(cluster.root, name);
      mkdirSync(dir);
      const port = 20_000 + ((process.pid * 7 + name.length * 131) % 9000);
      const address = `127.0.0.1:${port}`;
      const socket = join(dir, "s.sock");
      const env = {
        SHOAL_DATA_DIR: join(dir, "data"),
        SHOAL_LISTEN: address,
        SHOAL_ADVERTISE: address,
        SHOAL_HTTP_LISTEN: `127.0.0.1:${port + 1}`,
        SHOAL_SOCKET: socket,
        SHOAL_NODE_NAME: name,
        SHOAL_EXECUTOR: "process",
      };
      const child = spawn(process.execPath, [SHOAL_BIN, "daemon"], { env: environment(env), stdio: "ignore" });
      await waitFor(`the socket of ${name}`, 20_000, () => {
        try {
          return statSync(socket).isSocket() ? true : undefined;
        } catch {
          return undefined;
        }
      });
      return { child, socket, address };
    }
  });

  describe("managers that fail", () => {
    const others = (node: LocalNode): LocalNode[] => cluster.managers.filter((other) => other !== node);

    it("follows logs over the death of the manager that served them, nothing twice and nothing left out", async function () {
      this.timeout(60_000);
      const script = "i=0; while [ $i -lt 1000 ]; do i=$((i+1)); echo n$i; sleep 0.1; done; exec sleep 1000";
      await ok("service", "create", "-q", "--name", "count", "--runtime", "process", "sh", "-c", script);
      const victim = cluster.managers.find(({ name }) => name === "manager2") ?? cluster.managers[0];
      if (victim === undefined) throw new Error("no manager");
      const hosts = [victim, ...others(victim)].map(({ address }) => address).join(",");
      const { child, lines } = followed(["service", "logs", "-f", "--raw", "--host", hosts, "count"], environment());
      try {
        await waitFor("the first lines", 15_000, () => (lines().length > 5 ? true : undefined));
        await cluster.kill(victim, "SIGKILL");
        const seen = lines().length;
        await waitFor("lines from another manager", 20_000, () => (lines().length > seen + 10 ? true : undefined));
      } finally {
        child.kill("SIGTERM");
        cluster.boot(victim);
      }
      const all = lines();
      assert.deepEqual(
        all,
        [...all.keys()].map((at) => `n${at + 1}`),
      );
    });

    it("follows events over the death of the leader, each once, and lists them with who and why", async function () {
      this.timeout(60_000);
      const leader = await cluster.leader();
      const hosts = [leader, ...others(leader)].map(({ address }) => address).join(",");
      const words = ["events", "--since", "10m", "--filter", "service=count", "--format", "json"];
      const { child, lines } = followed([...words, "--follow", "--host", hosts], environment());
      const times = (action: string) => lines().filter((line) => line.includes(`"action":"${action}"`)).length;
      try {
        await waitFor("what was before", 15_000, () => (times("running") > 0 ? true : undefined));
        const before = times("running");
        await cluster.kill(leader, "SIGKILL");
        await ok("service", "scale", "-d", "count=2");
        await waitFor("news", 20_000, () => (times("running") > before && times("scaled") === 1 ? true : undefined));
      } finally {
        child.kill("SIGTERM");
        cluster.boot(leader);
      }
      const listed = (await ok(...words)).split("\n");
      assert.deepEqual(lines(), [...new Set(listed)].slice(0, lines().length));
      const shown = await ok("events", "--filter", "service=count", "--no-trunc");
      assert.match(shown, /^\S+Z service scaled \S+ \(name=count, actor=user:\S+\) 1 to 2: service updated$/m);
      assert.match(shown, /^\S+Z task running \S+ \(name=count\.2, node=worker1, actor=node:worker1\)/m);
      assert.match(
        await ok("events", "--filter", "event=leader-changed"),
        /cluster leader-changed .* since term \d+$/m,
      );
    });

    it("reaches managers that its context never named when the one it names is gone", async () => {
      const [first] = cluster.managers;
      if (first === undefined) throw new Error("no manager");
      const env = { SHOAL_CONFIG: join(cluster.root, "alone") };
      const context = JSON.stringify({ ...cluster.context, hosts: [first.address] });
      assert.equal((await shoal(["context", "import", "-"], { env, input: context })).code, DONE);
      assert.equal((await shoal(["node", "ls", "-q"], { env })).code, DONE);
      await cluster.kill(first, "SIGKILL");
      try {
        const { code, stdout, stderr } = await shoal(["service", "ls"], { env });
        assert.equal(code, DONE, stderr);
        assert.include(stdout, "count");
        assert.match(
          (await shoal(["context", "ls"], { env })).stdout,
          new RegExp(`^local \\*\\s+${first.address} `, "m"),
        );
      } finally {
        cluster.boot(first);
      }
    });

    it("moves on from a manager that is gone, and ends writes without a quorum as refused", async function () {
      this.timeout(90_000);
      const leader = await cluster.leader();
      const [gone, ...rest] = others(leader);
      if (gone === undefined) throw new Error("no manager");
      await cluster.kill(gone, "SIGKILL");
      const hosts = [gone, leader, ...rest].map(({ address }) => address).join(",");
      const listed = await shoal(["service", "ls", "-q", "--host", hosts]);
      assert.equal(listed.code, DONE, listed.stderr);
      for (const node of rest) await cluster.kill(node, "SIGKILL");
      try {
        const write = ["service", "update", "count", "-d", "--label-add", "a=b", "--timeout", "4s"];
        const refused = await shoal(["--host", hosts, ...write]);
        assert.include([FAILED, UNKNOWN], refused.code);
        assert.match(refused.stderr, /quorum|leader/i);
        const info = await shoal(["cluster", "info", "--timeout", "2s"]);
        assert.include(info.stderr, "shoal cluster info --stale");
        const read = await shoal(["service", "ls", "--timeout", "2s"]);
        assert.equal(read.code, FAILED);
        assert.match(read.stderr, /^Error: No quorum: .*\n {2}Next: .*--stale/);
        const only = ["--host", leader.address];
        const stale = await shoal([...only, "cluster", "info", "--stale"]);
        assert.equal(stale.code, DONE, stale.stderr);
        assert.match(stale.stdout, /Leader:\s+none$/m);
        assert.match(stale.stdout, /Managers:\s+1 of 3 reachable/);
        assert.match(stale.stderr, /may lag behind/);
        for (const words of [
          ["service", "ls"],
          ["service", "ps", "count"],
          ["node", "ls"],
          ["service", "inspect", "count"],
        ]) {
          const listed = await shoal([...only, ...words, "--stale"]);
          assert.equal(listed.code, DONE, `${words.join(" ")}: ${listed.stderr}`);
          assert.include(listed.stdout, words[0] === "node" ? "manager1" : "count");
        }
        await cluster.kill(leader, "SIGKILL");
        const nobody = await shoal(["service", "ls"]);
        assert.equal(nobody.code, FAILED);
        assert.match(nobody.stderr, /No manager answers: .*refused/i);
      } finally {
        for (const node of cluster.managers) if (node.child === null) cluster.boot(node);
        await cluster.leader();
      }
      assert.equal((await shoal(["service", "rm", "count", "tick"])).stdout, "count\ntick\n");
    });
  });

  it("left no private key readable by others", () => {
    assert.include(readFileSync(join(config, "contexts/local.json"), "utf8"), "PRIVATE KEY");
    assert.equal(statSync(join(config, "contexts")).mode & 0o777, 0o700);
  });
});
