import { expect } from "chai";
import type { ContainerSpec, ServiceSpec, TaskSpec } from "../../../src/model/index.ts";
import { container, created, refusal, task, updated } from "../../support/cli-spec.ts";

describe("cli/spec-flags", () => {
  it("gives options after the image to the command", () => {
    const spec = created("-e", "A=1", "app:1", "serve", "-p", "80", "--name", "other");
    expect(spec.name).to.equal("web");
    expect(container(spec).image).to.equal("app:1");
    expect(container(spec).args).to.deep.equal(["serve", "-p", "80", "--name", "other"]);
    expect(task(spec).ports).to.deep.equal([]);
  });

  it("takes words after -- as a process's command", () => {
    const spec = created("--runtime", "process", "--", "sh", "-c", "sleep 1");
    expect(spec.task?.process?.command).to.deep.equal(["sh", "-c", "sleep 1"]);
  });

  it("asks for one replica of a service that says nothing else", () => {
    const spec = created("app:1");
    expect(spec.replicated).to.deep.equal({ replicas: 1 });
    expect(spec.update).to.equal(null);
    expect(task(spec)).to.deep.include({ resources: null, restart: null, placement: null, log: null, forceUpdate: 0 });
  });

  const onContainer: [string[], Partial<ContainerSpec>][] = [
    [["--entrypoint", "sh -c 'a b'"], { command: ["sh", "-c", "a b"] }],
    [["-e", "A=1", "--env", "B=2=3"], { env: ["A=1", "B=2=3"] }],
    [["-e", "HOME", "-e", "NOT_SET_HERE"], { env: ["HOME=/root"] }],
    [["-w", "/srv"], { dir: "/srv" }],
    [["-u", "1000:1000"], { user: "1000:1000" }],
    [["--hostname", "h"], { hostname: "h" }],
    [["--container-label", "a=b", "--container-label", "c"], { labels: { a: "b", c: "" } }],
    [["--stop-signal", "INT"], { stopSignal: "INT" }],
    [["--stop-grace-period", "1m30s"], { stopGraceMs: 90_000 }],
    [["--pull", "always"], { pullPolicy: "ALWAYS" }],
    [["--read-only", "--init", "-t"], { readOnly: true, init: true, tty: true }],
    [["--cap-add", "NET_ADMIN", "--cap-drop", "ALL"], { capAdd: ["NET_ADMIN"], capDrop: ["ALL"] }],
    [["--sysctl", "net.core.somaxconn=1024"], { sysctls: { "net.core.somaxconn": "1024" } }],
    [["--add-host", "db:10.0.0.1"], { extraHosts: ["db:10.0.0.1"] }],
    [
      ["--mount", "data:/data:ro"],
      {
        mounts: [
          {
            type: "VOLUME",
            source: "data",
            target: "/data",
            readOnly: true,
            tmpfsSizeBytes: 0,
            shared: false,
            driver: "",
            driverOptions: {},
            local: false,
          },
        ],
      },
    ],
    [
      [
        "--health-cmd",
        "curl -f localhost",
        "--health-interval",
        "5s",
        "--health-timeout",
        "500ms",
        "--health-retries",
        "3",
        "--health-start-period",
        "1m",
        "--health-start-interval",
        "200ms",
      ],
      {
        health: {
          test: ["CMD-SHELL", "curl -f localhost"],
          intervalMs: 5000,
          timeoutMs: 500,
          retries: 3,
          startPeriodMs: 60_000,
          startIntervalMs: 200,
        },
      },
    ],
    [
      ["--health-interval", "9s"],
      { health: { test: [], intervalMs: 9000, timeoutMs: 0, retries: 0, startPeriodMs: 0, startIntervalMs: 0 } },
    ],
    [
      ["--no-healthcheck"],
      { health: { test: ["NONE"], intervalMs: 0, timeoutMs: 0, retries: 0, startPeriodMs: 0, startIntervalMs: 0 } },
    ],
  ];
  for (const [words, wanted] of onContainer) {
    it(`puts ${words.join(" ")} into the container`, () => {
      expect(container(created(...words, "app:1"))).to.deep.include(wanted);
    });
  }

  const onTask: [string[], Partial<TaskSpec>][] = [
    [
      ["--limit-cpu", "0.5", "--limit-memory", "64m", "--limit-pids", "100"],
      {
        resources: {
          limits: { nanoCpus: 500_000_000, memoryBytes: 64 * 2 ** 20, generic: [] },
          reservations: { nanoCpus: 0, memoryBytes: 0, generic: [] },
          pidsLimit: 100,
        },
      },
    ],
    [
      ["--reserve-cpu", "2", "--reserve-memory", "1g"],
      {
        resources: {
          limits: { nanoCpus: 0, memoryBytes: 0, generic: [] },
          reservations: { nanoCpus: 2_000_000_000, memoryBytes: 2 ** 30, generic: [] },
          pidsLimit: 0,
        },
      },
    ],
    [
      ["--restart-condition", "on-failure", "--restart-delay", "0", "--restart-max-attempts", "3"],
      { restart: { condition: "ON_FAILURE", delayMs: 0, maxAttempts: 3, windowMs: 0 } },
    ],
    [
      ["--restart-max-attempts", "2", "--restart-window", "1m", "--restart-backoff-max", "30s"],
      { restart: { condition: "ANY", maxAttempts: 2, windowMs: 60_000, backoffMaxMs: 30_000 } },
    ],
    [["--restart-window", "1h"], { restart: { condition: "ANY", maxAttempts: 0, windowMs: 3_600_000 } }],
    [
      ["--constraint", "node.labels.zone==a", "--constraint", "node.role!=manager", "--replicas-max-per-node", "2"],
      {
        placement: {
          constraints: ["node.labels.zone==a", "node.role!=manager"],
          maxReplicasPerNode: 2,
          platforms: [],
          preferences: [],
          strategy: "DEFAULT",
        },
      },
    ],
    [
      ["--log-driver", "json-file", "--log-opt", "max-size=1m"],
      { log: { driver: "json-file", options: { "max-size": "1m" } } },
    ],
    [["-p", "8080:80"], { ports: [{ target: 80, published: 8080, protocol: "TCP", hostIp: "" }] }],
  ];
  for (const [words, wanted] of onTask) {
    it(`puts ${words.join(" ")} into the task`, () => {
      expect(task(created(...words, "app:1"))).to.deep.include(wanted);
    });
  }

  it("puts replicas, labels and the update's pace into the service", () => {
    const spec = created(
      "--replicas",
      "0",
      "-l",
      "tier=web",
      "--update-parallelism",
      "2",
      "--update-order",
      "start-first",
      "app:1",
    );
    expect(spec).to.deep.include({ replicated: { replicas: 0 }, labels: { tier: "web" } });
    expect(spec.update).to.include({ parallelism: 2, order: "START_FIRST" });
  });

  const wrong: [string[], RegExp][] = [
    [["--replicas", "many"], /--replicas: "many" is not a whole number/],
    [["--replicas", "-1"], /--replicas: -1 is negative/],
    [["--replicas", "99999999999999999999"], /not a whole number/],
    [["--limit-memory", "-5m"], /--limit-memory: "-5m" is not a size/],
    [["--limit-cpu", "half"], /--limit-cpu: "half"/],
    [["--limit-pids", "-3"], /--limit-pids: -3 is negative/],
    [["--restart-condition", "always"], /--restart-condition: "always" is not any, on-failure or none/],
    [["--restart-delay", "5"], /--restart-delay: "5" is not a duration/],
    [["--update-order", "both"], /--update-order: "both" is not start-first or stop-first/],
    [["--pull", "sometimes"], /--pull: "sometimes" is not missing, always or never/],
    [["--runtime", "vm"], /--runtime: "vm" is not container or process/],
    [["-l", "=x"], /--label: "=x" is not KEY=VALUE/],
    [["-e", "=x"], /--env: "=x" is not NAME=value/],
    [["--entrypoint", "sh 'open"], /--entrypoint: .* quote without its end/],
    [["--no-healthcheck", "--health-cmd", "x"], /--no-healthcheck/],
    [["--cap-add", "CAP_CHOWN", "--cap-drop", "chown"], /--cap-add: "CAP_CHOWN" is dropped/],
    [["--runtime", "process", "--mount", "a:/b"], /--mount: a process has none/],
    [["--runtime", "process", "--user", "x"], /--user: a process has none/],
  ];
  for (const [words, message] of wrong) {
    it(`refuses ${words.join(" ")} as wrong words`, () => {
      const { code, message: said } = refusal(() => created(...words, "app:1"));
      expect(said).to.match(message);
      expect(code).to.equal(64);
    });
  }

  it("misses the image, or the command of a process", () => {
    expect(refusal(() => created()).message).to.match(/image is missing/);
    expect(refusal(() => created("--runtime", "process")).message).to.match(/command is missing/);
  });

  describe("update", () => {
    const before = created(
      "-e",
      "A=1",
      "-e",
      "B=2",
      "-l",
      "x=1",
      "-p",
      "8080:80",
      "-p",
      "53:53/udp",
      "-p",
      "53:53",
      "--mount",
      "a:/a",
      "--constraint",
      "node.role == worker",
      "--limit-cpu",
      "1",
      "--log-driver",
      "local",
      "--log-opt",
      "max-size=1m",
      "--add-host",
      "db:10.0.0.1",
      "--cap-add",
      "SYS_TIME",
      "app:1",
      "serve",
    );

    it("changes nothing without flags", () => {
      expect(updated(before)).to.deep.equal(before);
    });

    it("drops what stands from before where a new restart policy would contradict it, never what was asked for", () => {
      const counted = updated(before, "--restart-max-attempts", "3", "--restart-window", "1m");
      const policy = (...words: string[]) => task(updated(counted, ...words)).restart;
      expect(policy("--restart-condition", "none")).to.include({ condition: "NONE", maxAttempts: 0, windowMs: 0 });
      expect(policy("--restart-condition", "none", "--restart-max-attempts", "2")).to.include({ maxAttempts: 2 });
      expect(policy("--restart-max-attempts", "0")).to.include({ windowMs: 0 });
      expect(policy("--restart-max-attempts", "0", "--restart-window", "1h")).to.include({ windowMs: 3_600_000 });
      const bounded = updated(counted, "--restart-backoff-max", "5m");
      expect(task(updated(bounded, "--restart-delay", "10m")).restart).to.not.have.property("backoffMaxMs");
      expect(task(updated(bounded, "--restart-delay", "5m")).restart).to.include({ backoffMaxMs: 300_000 });
    });

    it("replaces what --force asks for by one count more", () => {
      expect(task(updated(before, "--force")).forceUpdate).to.equal(1);
    });

    it("changes image and arguments and keeps the rest", () => {
      const spec = updated(before, "--image", "app:2", "--args", "serve --port '8 0'");
      expect(container(spec)).to.deep.equal({
        ...container(before),
        image: "app:2",
        args: ["serve", "--port", "8 0"],
      });
    });

    it("adds, changes and removes variables in place", () => {
      const spec = updated(before, "--env-add", "A=9", "--env-add", "C=3", "--env-rm", "B", "--env-rm", "NEVER");
      expect(container(spec).env).to.deep.equal(["A=9", "C=3"]);
    });

    it("refuses a value where the name of a variable is meant", () => {
      expect(refusal(() => updated(before, "--env-rm", "A=1")).message).to.match(/--env-rm: "A=1" is not a name/);
    });

    it("adds and removes labels of service and container", () => {
      const spec = updated(before, "--label-add", "y", "--label-rm", "x", "--container-label-add", "k=v");
      expect(spec.labels).to.deep.equal({ y: "" });
      expect(container(spec).labels).to.deep.equal({ k: "v" });
      expect(container(updated(spec, "--container-label-rm", "k")).labels).to.deep.equal({});
    });

    it("removes a port by its target, of one protocol where it says so", () => {
      const targets = (spec: ServiceSpec) => task(spec).ports.map(({ target, protocol }) => `${target}/${protocol}`);
      expect(targets(updated(before, "--publish-rm", "80"))).to.deep.equal(["53/UDP", "53/TCP"]);
      expect(targets(updated(before, "--publish-rm", "53/udp"))).to.deep.equal(["80/TCP", "53/TCP"]);
      expect(targets(updated(before, "--publish-rm", "53"))).to.deep.equal(["80/TCP"]);
    });

    it("refuses a port's removal that cannot name one", () => {
      expect(refusal(() => updated(before, "--publish-rm", "8080:80")).code).to.equal(64);
    });

    it("publishes a port that is published the same way only once", () => {
      expect(task(updated(before, "--publish-add", "8080:80")).ports).to.deep.equal(task(before).ports);
      expect(task(updated(before, "--publish-add", "8081:80")).ports).to.have.length(4);
    });

    it("replaces a mount at the same target", () => {
      const spec = updated(before, "--mount-add", "b:/a:ro");
      expect(container(spec).mounts.map(({ source }) => source)).to.deep.equal(["b"]);
      expect(container(updated(spec, "--mount-rm", "/a")).mounts).to.deep.equal([]);
    });

    it("knows a constraint however it is spaced", () => {
      const spec = updated(before, "--constraint-add", "node.role==worker", "--constraint-add", "node.id==x");
      expect(task(spec).placement?.constraints).to.deep.equal(["node.role==worker", "node.id==x"]);
      expect(task(updated(spec, "--constraint-rm", "node.role == worker")).placement?.constraints).to.deep.equal([
        "node.id==x",
      ]);
    });

    it("changes one limit and keeps the others", () => {
      expect(task(updated(before, "--limit-memory", "1g")).resources?.limits).to.deep.equal({
        nanoCpus: 1_000_000_000,
        memoryBytes: 2 ** 30,
        generic: [],
      });
    });

    it("drops a log driver's options with the driver", () => {
      expect(task(updated(before, "--log-driver", "syslog")).log).to.deep.equal({ driver: "syslog", options: {} });
      expect(task(updated(before, "--log-opt", "max-file=2")).log?.options).to.deep.equal({
        "max-size": "1m",
        "max-file": "2",
      });
    });

    it("adds hosts and removes them by name", () => {
      const spec = updated(before, "--host-add", "cache:10.0.0.2");
      expect(container(spec).extraHosts).to.deep.equal(["db:10.0.0.1", "cache:10.0.0.2"]);
      expect(container(updated(spec, "--host-rm", "db")).extraHosts).to.deep.equal(["cache:10.0.0.2"]);
    });

    it("moves a capability from added to dropped", () => {
      expect(container(updated(before, "--cap-drop", "CAP_SYS_TIME"))).to.deep.include({
        capAdd: [],
        capDrop: ["CAP_SYS_TIME"],
      });
    });

    it("turns switches off again", () => {
      const on = updated(before, "--read-only", "--init", "--tty");
      expect(container(updated(on, "--no-read-only", "--no-init", "--no-tty"))).to.deep.include({
        readOnly: false,
        init: false,
        tty: false,
      });
    });

    it("changes a process's arguments and refuses an image for it", () => {
      const process = created("--runtime", "process", "run", "a");
      expect(updated(process, "--args", "b c").task?.process?.command).to.deep.equal(["run", "b", "c"]);
      expect(refusal(() => updated(process, "--image", "x")).message).to.match(/--image: a process has none/);
    });
  });
});
