import { expect } from "chai";
import { codec } from "../../../src/proto/load.ts";
import type { ContainerSpecInput } from "../../../src/proto/gen/ContainerSpec.ts";
import type { ProcessSpecInput } from "../../../src/proto/gen/ProcessSpec.ts";
import type { ServiceSpecInput } from "../../../src/proto/gen/ServiceSpec.ts";
import type { TaskSpecInput } from "../../../src/proto/gen/TaskSpec.ts";
import { normaliseServiceSpec } from "../../../src/model/defaults.ts";
import { validateClusterSpec, validateNodeSpec, validateServiceSpec } from "../../../src/model/validate.ts";
import { AppError } from "../../../src/util/errors.ts";

const MIB = 1024 * 1024;

const service = (part: ServiceSpecInput): ServiceSpecInput => ({
  name: "web",
  task: { container: { image: "a" } },
  ...part,
});
const task = (part: TaskSpecInput): ServiceSpecInput => service({ task: { container: { image: "a" }, ...part } });
const container = (part: ContainerSpecInput): ServiceSpecInput => task({ container: { image: "a", ...part } });
const process = (part: ProcessSpecInput): ServiceSpecInput =>
  service({ task: { process: { command: ["/bin/a"], ...part } } });
const volume = (target: string): object => ({ type: "VOLUME", source: "data", target });

function failureOf(spec: ServiceSpecInput): AppError | null {
  const type = codec("ServiceSpec");
  try {
    validateServiceSpec(type.decode(type.encode(spec)));
    return null;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

const ACCEPTED: Readonly<Record<string, ServiceSpecInput>> = {
  "the least": service({}),
  "a stack's name with an underscore": service({ name: "shop_web-2" }),
  "a name of 63 characters": service({ name: "a".repeat(63) }),
  "no replicas": service({ replicated: { replicas: 0 } }),
  "the most replicas": service({ replicated: { replicas: 10_000 } }),
  "the least memory and CPU": task({ resources: { limits: { memoryBytes: 4 * MIB, nanoCpus: 1_000_000 } } }),
  "a reservation equal to its limit": task({
    resources: { limits: { memoryBytes: 8 * MIB }, reservations: { memoryBytes: 8 * MIB } },
  }),
  "a reservation without a limit": task({ resources: { limits: {}, reservations: { nanoCpus: 2e9 } } }),
  "one port for two protocols": task({
    ports: [
      { target: 53, published: 53 },
      { target: 53, published: 53, protocol: "UDP" },
    ],
  }),
  "one port on two addresses": task({
    ports: [
      { target: 80, published: 80, hostIp: "10.0.0.1" },
      { target: 80, published: 80, hostIp: "fd00::1" },
    ],
  }),
  "several free ports": task({ ports: [{ target: 80 }, { target: 80 }] }),
  "all slots at once": service({
    update: { parallelism: 0, maxFailureRatio: 1, monitorMs: 0, canary: 3, canaryHealthyMs: 1 },
  }),
  "a rollback of its own": service({ rollback: { parallelism: 5, failureAction: "CONTINUE", order: "STOP_FIRST" } }),
  constraints: task({ placement: { constraints: ["node.labels.zone == a", "node.role!=manager"] } }),
  "an empty variable": container({ env: ["A=", "B=x=y"] }),
  "signals by name and number": container({ stopSignal: "sigquit" }),
  "a real-time signal": container({ stopSignal: "SIGRTMIN+3" }),
  "a signal's number": container({ stopSignal: "9" }),
  "no grace": container({ stopGraceMs: 0 }),
  mounts: container({
    mounts: [
      { type: "BIND", source: "/etc/app", target: "/etc/app", readOnly: true },
      { type: "VOLUME", target: "/cache" },
      { type: "TMPFS", target: "/run", tmpfsSizeBytes: 1024 },
    ],
  }),
  "a health check": container({ health: { test: ["CMD-SHELL", "curl -f localhost"], intervalMs: 1 } }),
  "the image's own health check, sooner": container({ health: { intervalMs: 100 } }),
  capabilities: container({ capAdd: ["NET_ADMIN", "cap_sys_ptrace"], capDrop: ["ALL"] }),
  "sysctls of the namespaces": container({ sysctls: { "net.core.somaxconn": "1024", "kernel.shmmax": "1" } }),
  "extra hosts": container({ extraHosts: ["db:10.0.0.5", "six:fd00::1", "up=host-gateway"] }),
  "a process with reservations": service({
    task: { process: { command: ["/bin/a", "-x"] }, resources: { reservations: { memoryBytes: 8 * MIB } } },
  }),
};

/** what, spec, path of the field, part of the message or next step */
const REFUSED: readonly (readonly [string, ServiceSpecInput, string, string])[] = [
  ["no name", service({ name: "" }), "spec.name", "is needed"],
  ["a long name", service({ name: "a".repeat(64) }), "spec.name", "at most 63"],
  ["a name with a dot", service({ name: "a.b" }), "spec.name", "not a valid name"],
  ["a name ending in a dash", service({ name: "a-" }), "spec.name", "first and last"],
  ["a label without a key", service({ labels: { "": "x" } }), "spec.labels.", "label key"],
  ["negative replicas", service({ replicated: { replicas: -1 } }), "spec.replicated.replicas", "from 0 to 10000"],
  ["too many replicas", service({ replicated: { replicas: 10_001 } }), "spec.replicated.replicas", "from 0 to 10000"],
  ["negative parallelism", service({ update: { parallelism: -1 } }), "spec.update.parallelism", "out of range"],
  [
    "a limit per node of what is one per node",
    service({ global: {}, task: { container: { image: "a" }, placement: { maxReplicasPerNode: 2 } } }),
    "spec.task.placement.maxReplicasPerNode",
    "no such limit",
  ],
  ["a negative delay between slots", service({ update: { delayMs: -1 } }), "spec.update.delayMs", "negative"],
  ["a monitor period in the wrong unit", service({ update: { monitorMs: 1e15 } }), "spec.update.monitorMs", "unit"],
  ["a ratio above 1", service({ update: { maxFailureRatio: 1.5 } }), "spec.update.maxFailureRatio", "from 0 to 1"],
  ["a short deadline", service({ update: { progressDeadlineMs: 999 } }), "spec.update.progressDeadlineMs", "1000 ms"],
  ["a negative canary", service({ update: { canary: -1 } }), "spec.update.canary", "out of range"],
  [
    "a healthy time of no canary",
    service({ update: { canaryHealthyMs: 5000 } }),
    "spec.update.canaryHealthyMs",
    "update.canary",
  ],
  [
    "a rollback that is rolled back",
    service({ rollback: { failureAction: "ROLLBACK" } }),
    "spec.rollback.failureAction",
    "PAUSE or CONTINUE",
  ],
  ["a canary of a rollback", service({ rollback: { canary: 1 } }), "spec.rollback.canary", "leave it out"],
  ["a bad rollback", service({ rollback: { parallelism: -1 } }), "spec.rollback.parallelism", "out of range"],
  ["no task", service({ task: null }), "spec.task", "is needed"],
  ["no runtime", service({ task: {} }), "spec.task", "neither"],
  [
    "little memory",
    task({ resources: { limits: { memoryBytes: 4 * MIB - 1 } } }),
    "spec.task.resources.limits.memoryBytes",
    "4 MiB",
  ],
  [
    "negative memory",
    task({ resources: { limits: { memoryBytes: -1 } } }),
    "spec.task.resources.limits.memoryBytes",
    "out of range",
  ],
  [
    "little CPU",
    task({ resources: { reservations: { nanoCpus: 999_999 } } }),
    "spec.task.resources.reservations.nanoCpus",
    "0.001",
  ],
  [
    "negative CPU",
    task({ resources: { limits: { nanoCpus: -1 } } }),
    "spec.task.resources.limits.nanoCpus",
    "out of range",
  ],
  [
    "a reservation above its limit",
    task({ resources: { limits: { memoryBytes: 8 * MIB }, reservations: { memoryBytes: 9 * MIB } } }),
    "spec.task.resources.reservations.memoryBytes",
    "more than the limit",
  ],
  ["a negative pids limit", task({ resources: { pidsLimit: -1 } }), "spec.task.resources.pidsLimit", "out of range"],
  ["a negative restart delay", task({ restart: { delayMs: -1 } }), "spec.task.restart.delayMs", "negative"],
  ["a negative back-off", task({ restart: { backoffMaxMs: -1 } }), "spec.task.restart.backoffMaxMs", "negative"],
  [
    "a restart window in the wrong unit",
    task({ restart: { windowMs: 4e12 } }),
    "spec.task.restart.windowMs",
    "longer than a year",
  ],
  ["negative attempts", task({ restart: { maxAttempts: -1 } }), "spec.task.restart.maxAttempts", "out of range"],
  [
    "a bad constraint",
    task({ placement: { constraints: ["node.role==manager", "zone=a"] } }),
    "spec.task.placement.constraints[1]",
    'key "zone" is unknown',
  ],
  [
    "negative per node",
    task({ placement: { maxReplicasPerNode: -1 } }),
    "spec.task.placement.maxReplicasPerNode",
    "out of range",
  ],
  ["port 0", task({ ports: [{ target: 0 }] }), "spec.task.ports[0].target", "from 1 to 65535"],
  ["a high port", task({ ports: [{ target: 1, published: 65_536 }] }), "spec.task.ports[0].published", "65535"],
  [
    "a port published twice",
    task({
      ports: [
        { target: 80, published: 80 },
        { target: 81, published: 80, hostIp: "10.0.0.1" },
      ],
    }),
    "spec.task.ports[1].published",
    "80/tcp is published twice",
  ],
  ["a bad address", task({ ports: [{ target: 1, hostIp: "10.0.0.256" }] }), "spec.task.ports[0].hostIp", "IP address"],
  ["a bad image", container({ image: "A" }), "spec.task.container.image", "capital"],
  ["a variable without a value", container({ env: ["A=1", "PATH"] }), "spec.task.container.env[1]", "NAME=value"],
  ["a variable without a name", container({ env: ["=1"] }), "spec.task.container.env[0]", "name the variable"],
  ["a zero byte", container({ args: ["a", "b\0c"] }), "spec.task.container.args[1]", "zero byte"],
  ["a relative directory", container({ dir: "app" }), "spec.task.container.dir", "absolute"],
  ["a bad host name", container({ hostname: "a b" }), "spec.task.container.hostname", "host name"],
  ["a relative target", container({ mounts: [volume("data")] }), "spec.task.container.mounts[0].target", "absolute"],
  ["a mount on /", container({ mounts: [volume("//")] }), "spec.task.container.mounts[0].target", "below /"],
  [
    "a target mounted twice",
    container({ mounts: [volume("/data"), volume("//data/")] }),
    "spec.task.container.mounts[1].target",
    "twice",
  ],
  [
    "a relative bind",
    container({ mounts: [{ type: "BIND", source: "etc", target: "/a" }] }),
    "spec.task.container.mounts[0].source",
    "VOLUME",
  ],
  [
    "a volume with a path",
    container({ mounts: [{ type: "VOLUME", source: "/x", target: "/a" }] }),
    "spec.task.container.mounts[0].source",
    "BIND",
  ],
  [
    "a tmpfs with a source",
    container({ mounts: [{ type: "TMPFS", source: "x", target: "/a" }] }),
    "spec.task.container.mounts[0].source",
    "no source",
  ],
  [
    "a sized volume",
    container({ mounts: [{ ...volume("/a"), tmpfsSizeBytes: 1 }] }),
    "spec.task.container.mounts[0].tmpfsSizeBytes",
    "only a TMPFS",
  ],
  [
    "a bind with a driver",
    container({ mounts: [{ type: "BIND", source: "/x", target: "/a", driver: "local" }] }),
    "spec.task.container.mounts[0].driver",
    "only a VOLUME",
  ],
  [
    "a tmpfs with driver options",
    container({ mounts: [{ type: "TMPFS", target: "/a", driverOptions: { size: "1" } }] }),
    "spec.task.container.mounts[0].driverOptions",
    "only a VOLUME",
  ],
  [
    "a driver with a blank",
    container({ mounts: [{ ...volume("/a"), driver: "a b" }] }),
    "spec.task.container.mounts[0].driver",
    "volume plugin",
  ],
  [
    "an own volume that is said to be local",
    container({ mounts: [{ ...volume("/a"), driver: "local", local: true }] }),
    "spec.task.container.mounts[0].local",
    "are so anyway",
  ],
  [
    "a volume both shared and local",
    container({ mounts: [{ ...volume("/a"), driver: "zfs", local: true, shared: true }] }),
    "spec.task.container.mounts[0].local",
    "contradicts",
  ],
  ["an unknown signal", container({ stopSignal: "SIGFOO" }), "spec.task.container.stopSignal", "not a signal"],
  ["signal 65", container({ stopSignal: "65" }), "spec.task.container.stopSignal", "1 to 64"],
  ["a negative grace", container({ stopGraceMs: -1 }), "spec.task.container.stopGraceMs", "negative"],
  [
    "an unknown health check",
    container({ health: { test: ["curl"] } }),
    "spec.task.container.health.test[0]",
    "CMD-SHELL",
  ],
  [
    "a health check without a command",
    container({ health: { test: ["CMD"] } }),
    "spec.task.container.health.test",
    "no command",
  ],
  [
    "a negative interval",
    container({ health: { intervalMs: -1 } }),
    "spec.task.container.health.intervalMs",
    "negative",
  ],
  ["negative retries", container({ health: { retries: -1 } }), "spec.task.container.health.retries", "out of range"],
  ["a bad capability", container({ capAdd: ["NET ADMIN"] }), "spec.task.container.capAdd[0]", "capability"],
  [
    "a sysctl of the node",
    container({ sysctls: { "vm.swappiness": "1" } }),
    "spec.task.container.sysctls.vm.swappiness",
    "namespaces",
  ],
  ["a bad extra host", container({ extraHosts: ["db"] }), "spec.task.container.extraHosts[0]", "name:address"],
  ["no program", process({ command: [] }), "spec.task.process.command", "program"],
  ["an empty program", process({ command: ["", "x"] }), "spec.task.process.command", "program"],
  ["a process's bad variable", process({ env: ["A"] }), "spec.task.process.env[0]", "NAME=value"],
  ["a process's relative directory", process({ dir: "x" }), "spec.task.process.dir", "absolute"],
];

describe("model/validate: services", () => {
  for (const [what, spec] of Object.entries(ACCEPTED)) {
    it(`accepts ${what}`, () => {
      expect(failureOf(spec)?.message).to.equal(undefined);
    });
  }

  for (const [what, spec, path, why] of REFUSED) {
    it(`refuses ${what}`, () => {
      const error = failureOf(spec);
      expect(error?.code).to.equal("invalid");
      expect(error?.details.path).to.equal(path);
      expect(`${error?.message}; ${error?.details.next}`).to.include(why);
      expect(error?.details.next, "says what to do next").to.be.a("string");
    });
  }

  it("refuses a request without a spec", () => {
    expect(() => validateServiceSpec(null)).to.throw(AppError, "spec: ");
  });

  it("accepts what it made complete, unchanged", () => {
    const type = codec("ServiceSpec");
    for (const [what, spec] of Object.entries(ACCEPTED)) {
      const once = normaliseServiceSpec(type.decode(type.encode(spec)));
      const stored = type.decode(type.encode(validateServiceSpec(once)));
      expect(stored, what).to.deep.equal(once);
      expect(normaliseServiceSpec(stored), what).to.deep.equal(stored);
    }
  });
});

describe("model/validate: nodes and the cluster", () => {
  const node = (part: object): (() => unknown) => {
    const type = codec("NodeSpec");
    return () => validateNodeSpec(type.decode(type.encode(part)));
  };
  const cluster = (part: object): (() => unknown) => {
    const type = codec("ClusterSpec");
    return () => validateClusterSpec(type.decode(type.encode(part)));
  };

  it("accepts host names with dots for nodes, and none", () => {
    expect(node({ name: "host-1.example", labels: { zone: "a" }, availability: "DRAIN" })).to.not.throw();
    expect(node({})).to.not.throw();
  });

  it("refuses bad names and labels of nodes by their path", () => {
    expect(node({ name: "a b" })).to.throw(AppError, "spec.name");
    expect(node({ labels: { "a b": "" } })).to.throw(AppError, "spec.labels.a b");
    expect(() => validateNodeSpec(null)).to.throw(AppError, "spec: ");
  });

  it("bounds the task history and checks the name of a cluster", () => {
    expect(cluster({ name: "prod", taskHistoryLimit: 0 })).to.not.throw();
    expect(cluster({ name: "prod" })).to.not.throw();
    expect(cluster({ taskHistoryLimit: -1 }), "all are kept").to.not.throw();
    expect(cluster({ taskHistoryLimit: -2 })).to.throw(AppError, "spec.taskHistoryLimit");
    expect(cluster({ taskHistoryLimit: 101 })).to.throw(AppError, "101 is out of range");
    expect(cluster({ name: "a b" })).to.throw(AppError, "spec.name");
  });
});
