import { expect } from "chai";
import { normaliseClusterSpec, normaliseServiceSpec } from "../../../src/model/defaults.ts";
import type { ServiceSpec } from "../../../src/model/index.ts";
import { refuseConflicts } from "../../../src/model/validate-conflicts.ts";
import { validateClusterSpec, validateNodeSpec, validateServiceSpec } from "../../../src/model/validate.ts";
import { codec } from "../../../src/proto/load.ts";
import type { ClusterSpecInput } from "../../../src/proto/gen/ClusterSpec.ts";
import type { NodeSpecInput } from "../../../src/proto/gen/NodeSpec.ts";
import type { RestartPolicyInput } from "../../../src/proto/gen/RestartPolicy.ts";
import type { ServiceSpecInput } from "../../../src/proto/gen/ServiceSpec.ts";
import type { TaskSpecInput } from "../../../src/proto/gen/TaskSpec.ts";
import { AppError } from "../../../src/util/errors.ts";

const tcp = { port: 80 };
const SHARED: TaskSpecInput = {
  container: { image: "a", mounts: [{ type: "VOLUME", source: "db", target: "/db", shared: true }] },
};
const LOCAL: TaskSpecInput = { container: { image: "a", mounts: [{ type: "VOLUME", source: "db", target: "/db" }] } };

const service = (part: ServiceSpecInput): ServiceSpecInput => ({
  name: "web",
  task: { container: { image: "a" } },
  ...part,
});
const task = (part: TaskSpecInput): ServiceSpecInput => service({ task: { container: { image: "a" }, ...part } });
const restart = (part: RestartPolicyInput): ServiceSpecInput => task({ restart: part });
const policy = (part: object): ServiceSpecInput => service({ replicatedJob: { policy: part } });
const process = (health: object): ServiceSpecInput => service({ task: { process: { command: ["a"], health } } });

/** As the manager does: each part, then what is filled in, then the whole beside what the service is. */
function accepted(spec: ServiceSpecInput, before: ServiceSpec | null = null): ServiceSpec {
  const type = codec("ServiceSpec");
  const complete = normaliseServiceSpec(validateServiceSpec(type.decode(type.encode(spec))));
  refuseConflicts(complete, before);
  return complete;
}

function failureOf(act: () => unknown): AppError {
  try {
    act();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  return expect.fail("it was accepted");
}

/** what, spec, path of the field, part of the message or next step */
const REFUSED: readonly (readonly [string, ServiceSpecInput, string, string])[] = [
  [
    "a single task that is replaced before it has stopped",
    service({ single: true, nodeLoss: { replaceAfterMs: 29_999 } }),
    "spec.nodeLoss.replaceAfterMs",
    "at least 30000 ms",
  ],
  [
    "the same of a writer of a shared mount",
    service({ task: SHARED, nodeLoss: { replaceAfterMs: 6000 } }),
    "spec.nodeLoss.replaceAfterMs",
    "shared volume db",
  ],
  [
    "a choice between two of which one has stopped",
    service({ single: true, nodeLoss: { onReturn: "KEEP_REPLACEMENT" } }),
    "spec.nodeLoss.onReturn",
    "leave it out",
  ],
  [
    "a replacement of what stays with its data",
    service({ task: LOCAL, nodeLoss: { replaceAfterMs: 60_000 } }),
    "spec.nodeLoss",
    "volume db",
  ],
  [
    "runs that overlap though they write to a shared mount",
    service({ cron: { schedule: "* * * * *", overlap: "ALLOW", replicated: {} }, task: SHARED }),
    "spec.cron.overlap",
    "shared volume db",
  ],
  [
    "a rebalancing of what has its data on its node",
    service({ rebalance: true, task: LOCAL }),
    "spec.rebalance",
    "volume db",
  ],
  [
    "attempts of no restart",
    restart({ condition: "NONE", maxAttempts: 1 }),
    "spec.task.restart.maxAttempts",
    "is NONE",
  ],
  ["a window of no restart", restart({ condition: "NONE", windowMs: 1 }), "spec.task.restart.windowMs", "is NONE"],
  ["a window without attempts", restart({ windowMs: 1 }), "spec.task.restart.windowMs", "maxAttempts"],
  [
    "a back-off that ends before the delay",
    restart({ delayMs: 2000, backoffMaxMs: 1999 }),
    "spec.task.restart.backoffMaxMs",
    "at least 2000 ms",
  ],
  [
    "a task's time as long as the whole run's",
    policy({ taskTimeoutMs: 5000, deadlineMs: 5000 }),
    "spec.replicatedJob.policy.taskTimeoutMs",
    "deadline of the whole run, 5000 ms",
  ],
  [
    "the same on a schedule, on every node",
    service({ cron: { schedule: "@daily", global: { policy: { taskTimeoutMs: 2, deadlineMs: 1 } } } }),
    "spec.cron.global.policy.taskTimeoutMs",
    "deadlineMs",
  ],
  [
    "a startup check first made when the rollout has failed",
    { ...task({ checks: { startup: { tcp, initialDelayMs: 60_000 } } }), update: { progressDeadlineMs: 60_000 } },
    "spec.task.checks.startup.initialDelayMs",
    "progress deadline of 60000 ms",
  ],
  [
    "a readiness check later than the default deadline",
    task({ checks: { readiness: { tcp, initialDelayMs: 600_000 } } }),
    "spec.task.checks.readiness.initialDelayMs",
    "update.progressDeadlineMs",
  ],
  [
    "one that only the way back would not wait for",
    { ...task({ checks: { readiness: { tcp, initialDelayMs: 5000 } } }), rollback: { progressDeadlineMs: 4000 } },
    "spec.task.checks.readiness.initialDelayMs",
    "deadline of 4000 ms",
  ],
  ["an interval of no check", process({ intervalMs: 1000 }), "spec.task.process.health.intervalMs", "its own test"],
  [
    "retries of a check that is off",
    process({ test: ["NONE"], retries: 2 }),
    "spec.task.process.health.retries",
    "NONE",
  ],
  [
    "an interval within no start period",
    process({ test: ["CMD", "a"], startIntervalMs: 1000 }),
    "spec.task.process.health.startIntervalMs",
    "startPeriodMs",
  ],
  [
    "a capability added and dropped",
    task({ container: { image: "a", capAdd: ["NET_ADMIN"], capDrop: ["MKNOD", "cap_net_admin"] } }),
    "spec.task.container.capDrop[1]",
    "added as well",
  ],
  [
    "a canary of more tasks than there are",
    service({ replicated: { replicas: 2 }, update: { canary: 3 } }),
    "spec.update.canary",
    "use 0 to 2",
  ],
];

const ACCEPTED: Readonly<Record<string, ServiceSpecInput>> = {
  "a single task replaced when it has stopped": service({ single: true, nodeLoss: { replaceAfterMs: 30_000 } }),
  "node loss that says nothing, of local data": service({ task: LOCAL, nodeLoss: {} }),
  "a back-off of nothing but the delay": restart({ delayMs: 2000, backoffMaxMs: 0 }),
  "a delay longer than the default back-off": restart({ delayMs: 900_000 }),
  "no restart": restart({ condition: "NONE" }),
  "a window of attempts": restart({ maxAttempts: 1, windowMs: 1 }),
  "a task's time just under the run's": policy({ taskTimeoutMs: 4999, deadlineMs: 5000 }),
  "a task's time alone": policy({ taskTimeoutMs: 5000 }),
  "a late liveness check": task({ checks: { liveness: { tcp, initialDelayMs: 900_000 } } }),
  "a late startup check of a job": {
    ...policy({}),
    task: { container: { image: "a" }, checks: { startup: { tcp, initialDelayMs: 900_000 } } },
  },
  "the pace of the image's own check": task({
    container: { image: "a", health: { intervalMs: 1000, startIntervalMs: 1 } },
  }),
  "all capabilities but one": task({ container: { image: "a", capAdd: ["ALL"], capDrop: ["MKNOD"] } }),
  "a canary of all there are": service({ replicated: { replicas: 2 }, update: { canary: 2 } }),
  "a canary before there are any": service({ replicated: { replicas: 0 }, update: { canary: 2 } }),
  "a canary on every node": service({ global: {}, update: { canary: 5 } }),
};

describe("model/validate-conflicts", () => {
  for (const [what, spec, path, why] of REFUSED) {
    it(`refuses ${what}`, () => {
      const error = failureOf(() => accepted(spec));
      expect(error.code).to.equal("invalid");
      expect(error.details.path).to.equal(path);
      expect(`${error.message}; ${error.details.next}`).to.include(why);
      expect(error.details.next, "says what to do next").to.be.a("string");
    });
  }

  for (const [what, spec] of Object.entries(ACCEPTED)) {
    it(`accepts ${what}, and what it made complete again`, () => {
      const complete = accepted(spec);
      expect(accepted(complete)).to.deep.equal(complete);
    });
  }

  it("refuses nobody's scale down for the canary of a rollout, only a canary that is new", () => {
    const spec = { ...service({ update: { canary: 2 } }), replicated: { replicas: 3 } };
    const before = accepted(spec);
    const scaled = accepted({ ...spec, replicated: { replicas: 1 } }, before);
    expect(failureOf(() => accepted({ ...scaled, update: { canary: 3 } }, scaled)).details.path).to.equal(
      "spec.update.canary",
    );
    expect(accepted({ ...scaled, labels: { a: "b" } }, scaled).labels).to.deep.equal({ a: "b" });
  });

  it("holds a conflict that is there already, as after a rollback, against no other change, and a second one yet", () => {
    const back = accepted(service({ task: LOCAL }));
    const before = { ...back, nodeLoss: { replaceAfterMs: 9000, onReturn: "KEEP_ORIGINAL" as const } };
    expect(accepted({ ...before, replicated: { replicas: 5 } }, before).replicated?.replicas).to.equal(5);
    const cron = accepted(service({ cron: { schedule: "* * * * *", overlap: "ALLOW", replicated: {} } }));
    const overlapping = { ...cron, task: accepted(service({ task: SHARED })).task };
    expect(accepted({ ...overlapping, labels: { a: "b" } }, overlapping).labels).to.deep.equal({ a: "b" });
    const late = { ...LOCAL, checks: { readiness: { tcp, initialDelayMs: 900_000 } } };
    expect(failureOf(() => accepted({ ...before, task: late }, before)).details.path).to.equal(
      "spec.task.checks.readiness.initialDelayMs",
    );
  });
});

describe("model/validate: ranges of nodes and the cluster", () => {
  const node = (part: NodeSpecInput): (() => unknown) => {
    const type = codec("NodeSpec");
    return () => validateNodeSpec(type.decode(type.encode(part)));
  };
  const cluster = (part: ClusterSpecInput): ReturnType<typeof validateClusterSpec> => {
    const type = codec("ClusterSpec");
    return normaliseClusterSpec(validateClusterSpec(type.decode(type.encode(part))));
  };

  it("bounds what is asked of a drain", () => {
    expect(node({ drainDeadlineMs: 0, drainParallelism: 0 })).to.not.throw();
    expect(node({ drainDeadlineMs: 365 * 24 * 3_600_000, drainParallelism: 1000 })).to.not.throw();
    for (const [part, path, why] of [
      [{ drainDeadlineMs: -1 }, "spec.drainDeadlineMs", "negative"],
      [{ drainDeadlineMs: 4e12 }, "spec.drainDeadlineMs", "longer than a year"],
      [{ drainParallelism: -1 }, "spec.drainParallelism", "from 0 to 1000"],
      [{ drainParallelism: 1001 }, "spec.drainParallelism", "from 0 to 1000"],
    ] as const) {
      const error = failureOf(node(part));
      expect(error.details.path).to.equal(path);
      expect(`${error.message}; ${error.details.next}`).to.include(why);
    }
  });

  it("bounds the silences after which the cluster replaces tasks", () => {
    for (const field of ["replaceAfterMs", "replaceClosedAfterMs"] as const) {
      for (const [ms, why] of [
        [2999, "at least 3000 ms"],
        [-1, "negative"],
        [4e12, "longer than a year"],
      ] as const) {
        const error = failureOf(() => cluster({ [field]: ms }));
        expect(error.details.path).to.equal(`spec.${field}`);
        expect(`${error.message}; ${error.details.next}`).to.include(why);
      }
    }
    expect(cluster({ replaceAfterMs: 3000, replaceClosedAfterMs: 3000 }).replaceClosedAfterMs).to.equal(3000);
  });

  it("gives no node whose host lives up before one that may be dead", () => {
    expect(cluster({ replaceAfterMs: 60_000 })).to.include({ replaceAfterMs: 60_000, replaceClosedAfterMs: 60_000 });
    expect(cluster({})).to.include({ replaceAfterMs: 6000, replaceClosedAfterMs: 30_000 });
    for (const part of [{ replaceAfterMs: 60_000, replaceClosedAfterMs: 59_999 }, { replaceClosedAfterMs: 5999 }]) {
      const error = failureOf(() => cluster(part));
      expect(error.details.path).to.equal("spec.replaceClosedAfterMs");
      expect(error.details.next).to.match(/^use at least (60000|6000) ms/);
    }
  });

  it("bounds how many events are kept, and how long", () => {
    const hour = 3_600_000;
    expect(cluster({})).to.include({ eventsKept: 100_000, eventsKeptMs: 7 * 24 * hour });
    expect(cluster({ eventsKept: 1000, eventsKeptMs: hour })).to.include({ eventsKept: 1000, eventsKeptMs: hour });
    for (const [part, path, why] of [
      [{ eventsKept: 999 }, "spec.eventsKept", "from 1000 to 1000000"],
      [{ eventsKept: 1_000_001 }, "spec.eventsKept", "from 1000 to 1000000"],
      [{ eventsKeptMs: hour - 1 }, "spec.eventsKeptMs", "from 3600000"],
      [{ eventsKeptMs: 367 * 24 * hour }, "spec.eventsKeptMs", "from 3600000"],
    ] as const) {
      const error = failureOf(() => cluster(part));
      expect(error.details.path).to.equal(path);
      expect(`${error.message}; ${error.details.next}`).to.include(why);
    }
  });
});
