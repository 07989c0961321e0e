import { expect } from "chai";
import { containerOptions, type ContainerOptions } from "../../../../src/agent/executor/container-spec.ts";
import type { ContainerSpec, TaskSpec } from "../../../../src/model/index.ts";
import { codec } from "../../../../src/proto/load.ts";
import { isAppError } from "../../../../src/util/errors.ts";
import { aTask } from "../../../suites/executor-harness.ts";

const OWNER = { clusterId: "c1", nodeId: "n1", nodeName: "worker1" };
const CONTAINER = { ...codec("ContainerSpec").decode(new Uint8Array()), image: "nginx:1.27" };

function options(container: Partial<ContainerSpec> = {}, spec: Partial<TaskSpec> = {}): ContainerOptions {
  const task = aTask("t1", (empty) => ({ ...empty, ...spec, container: { ...CONTAINER, ...container } }));
  return containerOptions(task, OWNER);
}

describe("agent/executor/container-spec", () => {
  it("says nothing the spec leaves out, but rotates logs and leaves restarts to the orchestrator", () => {
    expect(options()).to.deep.equal({
      Image: "nginx:1.27",
      Labels: {
        "shoal.cluster": "c1",
        "shoal.node": "n1",
        "shoal.service": "suite",
        "shoal.service-name": "suite",
        "shoal.slot": "1",
        "shoal.task": "t1",
        "shoal.task-name": "suite.1",
        "shoal.node-name": "worker1",
      },
      Env: ["SHOAL_SERVICE=suite", "SHOAL_TASK=suite.1", "SHOAL_SLOT=1", "SHOAL_NODE=worker1"],
      Tty: false,
      StopTimeout: 10,
      HostConfig: {
        RestartPolicy: { Name: "no" },
        LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "3" } },
        ReadonlyRootfs: false,
      },
    });
  });

  it("tells a task of a node's slot and of a job what it is", () => {
    const task = {
      ...aTask("t1", (empty) => ({ ...empty, container: CONTAINER })),
      slot: 0,
      pinnedNodeId: "n1",
      run: 7,
    };
    const { Env: env, Labels: labels } = containerOptions(task, OWNER);
    expect(env).to.include.members(["SHOAL_TASK=suite.n1", "SHOAL_SLOT=n1", "SHOAL_RUN=7"]);
    expect(labels).to.include({ "shoal.slot": "n1", "shoal.task-name": "suite.n1", "shoal.run": "7" });
  });

  const health = {
    test: ["CMD", "true"],
    intervalMs: 500,
    timeoutMs: 0,
    retries: 3,
    startPeriodMs: 2_000,
    startIntervalMs: 100,
  };
  const limits = { limits: { nanoCpus: 5e8, memoryBytes: 2 ** 26, generic: [] }, reservations: null, pidsLimit: 64 };
  const cases: readonly [string, ContainerOptions, (seen: ContainerOptions) => unknown, unknown][] = [
    ["command as the entrypoint", options({ command: ["/bin/a", "-b"] }), (o) => o.Entrypoint, ["/bin/a", "-b"]],
    ["args as the command", options({ args: ["x"] }), (o) => o.Cmd, ["x"]],
    ["env, after what it is told of itself", options({ env: ["A=1"] }), (o) => o.Env.at(-1), "A=1"],
    ["env that says otherwise", options({ env: ["SHOAL_NODE=x"] }), (o) => o.Env.slice(3), ["SHOAL_NODE=x"]],
    ["folder", options({ dir: "/srv" }), (o) => o.WorkingDir, "/srv"],
    ["user", options({ user: "1000:1000" }), (o) => o.User, "1000:1000"],
    ["hostname", options({ hostname: "web" }), (o) => o.Hostname, "web"],
    ["terminal", options({ tty: true }), (o) => o.Tty, true],
    ["stop signal", options({ stopSignal: "SIGINT" }), (o) => o.StopSignal, "SIGINT"],
    ["grace, rounded up to seconds", options({ stopGraceMs: 1_200 }), (o) => o.StopTimeout, 2],
    ["no grace", options({ stopGraceMs: 0 }), (o) => o.StopTimeout, 0],
    ["read-only root", options({ readOnly: true }), (o) => o.HostConfig.ReadonlyRootfs, true],
    ["init", options({ init: true }), (o) => o.HostConfig.Init, true],
    ["added capabilities", options({ capAdd: ["NET_ADMIN"] }), (o) => o.HostConfig.CapAdd, ["NET_ADMIN"]],
    ["dropped capabilities", options({ capDrop: ["ALL"] }), (o) => o.HostConfig.CapDrop, ["ALL"]],
    [
      "sysctls",
      options({ sysctls: { "net.core.somaxconn": "1024" } }),
      (o) => o.HostConfig.Sysctls,
      { "net.core.somaxconn": "1024" },
    ],
    ["extra hosts", options({ extraHosts: ["db:10.0.0.9"] }), (o) => o.HostConfig.ExtraHosts, ["db:10.0.0.9"]],
    [
      "devices, with what is left out",
      options({ devices: [{ source: "/dev/fuse", target: "", permissions: "" }] }),
      (o) => o.HostConfig.Devices,
      [{ PathOnHost: "/dev/fuse", PathInContainer: "/dev/fuse", CgroupPermissions: "rwm" }],
    ],
    [
      "rules of the device cgroup",
      options({ deviceCgroupRules: ["c 189:* rmw"] }),
      (o) => o.HostConfig.DeviceCgroupRules,
      ["c 189:* rmw"],
    ],
    [
      "all GPUs",
      options({ gpus: { count: -1, deviceIds: [], capabilities: ["utility", "gpu"], driver: "" } }),
      (o) => o.HostConfig.DeviceRequests,
      [{ Driver: "", Count: -1, DeviceIDs: [], Capabilities: [["gpu", "utility"]], Options: {} }],
    ],
    [
      "GPUs by id, of a driver",
      options({ gpus: { count: 0, deviceIds: ["GPU-3a"], capabilities: [], driver: "nvidia" } }),
      (o) => o.HostConfig.DeviceRequests,
      [{ Driver: "nvidia", Count: 0, DeviceIDs: ["GPU-3a"], Capabilities: [["gpu"]], Options: {} }],
    ],
    ["CPU limit", options({}, { resources: limits }), (o) => o.HostConfig.NanoCpus, 5e8],
    ["memory limit", options({}, { resources: limits }), (o) => o.HostConfig.Memory, 2 ** 26],
    ["process limit", options({}, { resources: limits }), (o) => o.HostConfig.PidsLimit, 64],
    [
      "health check in nanoseconds, zeros left out",
      options({ health }),
      (o) => o.Healthcheck,
      { Test: ["CMD", "true"], Interval: 5e8, Retries: 3, StartPeriod: 2e9, StartInterval: 1e8 },
    ],
    [
      "the image's health check turned off",
      options({
        health: { ...health, test: ["NONE"], intervalMs: 0, retries: 0, startPeriodMs: 0, startIntervalMs: 0 },
      }),
      (o) => o.Healthcheck,
      { Test: ["NONE"] },
    ],
    [
      "own rotation over the default",
      options({}, { log: { driver: "", options: { "max-size": "1m" } } }),
      (o) => o.HostConfig.LogConfig,
      { Type: "json-file", Config: { "max-size": "1m", "max-file": "3" } },
    ],
    [
      "another log driver as it is",
      options({}, { log: { driver: "syslog", options: { tag: "x" } } }),
      (o) => o.HostConfig.LogConfig,
      { Type: "syslog", Config: { tag: "x" } },
    ],
  ];
  for (const [what, seen, read, wanted] of cases) {
    it(`passes on ${what}`, () => {
      expect(read(seen)).to.deep.equal(wanted);
    });
  }

  it("lets no label of the spec stand in for ours", () => {
    const { Labels: labels } = options({ labels: { "shoal.node": "n2", team: "a" } });
    expect([labels["shoal.node"], labels["team"]]).to.deep.equal(["n1", "a"]);
  });

  it("publishes one target several times, and leaves port 0 to the engine", () => {
    const seen = options(
      {},
      {
        ports: [
          { target: 80, published: 8080, protocol: "TCP", hostIp: "127.0.0.1" },
          { target: 80, published: 0, protocol: "TCP", hostIp: "" },
          { target: 53, published: 53, protocol: "UDP", hostIp: "" },
        ],
      },
    );
    expect(seen.ExposedPorts).to.deep.equal({ "80/tcp": {}, "53/udp": {} });
    expect(seen.HostConfig.PortBindings).to.deep.equal({
      "80/tcp": [
        { HostIp: "127.0.0.1", HostPort: "8080" },
        { HostIp: "", HostPort: "" },
      ],
      "53/udp": [{ HostIp: "", HostPort: "53" }],
    });
  });

  it("mounts folders, volumes and memory", () => {
    const plain = { source: "", target: "/t", readOnly: false, tmpfsSizeBytes: 0, shared: false };
    const mount = { ...plain, driver: "", driverOptions: {}, local: false };
    const nfs = { type: "nfs", o: "addr=10.0.0.1,rw", device: ":/export" };
    const seen = options({
      mounts: [
        { ...mount, type: "BIND", source: "/data", readOnly: true },
        { ...mount, type: "VOLUME", source: "cache" },
        { ...mount, type: "VOLUME", source: "nfs", driverOptions: nfs },
        { ...mount, type: "VOLUME", source: "far", driver: "vieux/sshfs:1" },
        { ...mount, type: "TMPFS", source: "ignored", tmpfsSizeBytes: 1024 },
      ],
    });
    expect(seen.HostConfig.Mounts).to.deep.equal([
      { Type: "bind", Source: "/data", Target: "/t", ReadOnly: true },
      { Type: "volume", Source: "cache", Target: "/t", ReadOnly: false },
      {
        Type: "volume",
        Source: "nfs",
        Target: "/t",
        ReadOnly: false,
        VolumeOptions: { DriverConfig: { Name: "local", Options: nfs } },
      },
      {
        Type: "volume",
        Source: "far",
        Target: "/t",
        ReadOnly: false,
        VolumeOptions: { DriverConfig: { Name: "vieux/sshfs:1", Options: {} } },
      },
      { Type: "tmpfs", Source: "", Target: "/t", ReadOnly: false, TmpfsOptions: { SizeBytes: 1024 } },
    ]);
  });

  it("refuses a task that is no container, by the field's path", () => {
    const task = aTask("t1", (spec) => spec);
    try {
      containerOptions(task, OWNER);
    } catch (error) {
      if (!isAppError(error, "invalid")) throw error;
      return expect(error.details.path).to.equal("spec.task");
    }
    expect.fail("it was accepted");
  });
});
