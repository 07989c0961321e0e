import { expect } from "chai";
import { normaliseServiceSpec } from "../../../src/model/defaults.ts";
import { validateClusterSpec, validateServiceSpec } from "../../../src/model/validate.ts";
import type { ServiceSpec } from "../../../src/model/index.ts";
import type { ContainerSpecInput } from "../../../src/proto/gen/ContainerSpec.ts";
import type { PlacementInput } from "../../../src/proto/gen/Placement.ts";
import type { ServiceSpecInput } from "../../../src/proto/gen/ServiceSpec.ts";
import type { TaskSpecInput } from "../../../src/proto/gen/TaskSpec.ts";
import { codec } from "../../../src/proto/load.ts";
import { AppError } from "../../../src/util/errors.ts";
import { clusterSpec } from "../../support/loops/objects.ts";

const task = (part: TaskSpecInput, mode: ServiceSpecInput = {}): ServiceSpecInput => ({
  name: "web",
  task: { container: { image: "a" }, ...part },
  ...mode,
});
const placed = (placement: PlacementInput, mode: ServiceSpecInput = {}): ServiceSpecInput => task({ placement }, mode);
const container = (part: ContainerSpecInput): ServiceSpecInput => task({ container: { image: "a", ...part } });
const gpus = (generic: object[]): ServiceSpecInput => task({ resources: { reservations: { generic } } });
const reserved = { resources: { reservations: { memoryBytes: 2 ** 30 } } };

function complete(spec: ServiceSpecInput): ServiceSpec {
  const type = codec("ServiceSpec");
  return type.decode(type.encode(spec));
}

function failureOf(spec: ServiceSpecInput): AppError | null {
  try {
    validateServiceSpec(complete(spec));
    return null;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

const ACCEPTED: Readonly<Record<string, ServiceSpecInput>> = {
  "every kind of constraint": placed({
    constraints: ["node.labels.a in (x, y)", "node.labels.b >= 3", "engine.labels.c !exists", "service != web"],
  }),
  "a spread in two levels": placed({ preferences: [{ spread: "node.labels.zone" }, { spread: "engine.labels.rack" }] }),
  affinities: placed({
    preferences: [
      { affinity: { constraint: "service == db", weight: 100 } },
      { affinity: { constraint: "node.labels.slow exists", weight: -100 } },
    ],
  }),
  "packing by a reservation": task({ ...reserved, placement: { strategy: "BINPACK" } }),
  "packing by a generic resource": task({
    resources: { reservations: { generic: [{ kind: "gpu", count: 1 }] } },
    placement: { strategy: "BINPACK" },
  }),
  "a constraint on nodes of a global service": placed({ constraints: ["node.role == worker"] }, { global: {} }),
  "devices at two targets": container({
    devices: [{ source: "/dev/fuse" }, { source: "/dev/fuse", target: "/dev/fuse2", permissions: "rm" }],
    deviceCgroupRules: ["c 189:* rmw", "a *:* r"],
  }),
  "all GPUs": container({ gpus: { count: -1, capabilities: ["utility", "compute"], driver: "nvidia" } }),
  "GPUs by id": container({ gpus: { deviceIds: ["0", "GPU-3a23c669-1f69"] } }),
};

const everyNode = "a service with one task on every node";
const REFUSED: readonly (readonly [what: string, spec: ServiceSpecInput, path: string, why: string])[] = [
  [
    "a preference for nothing",
    placed({ preferences: [{}] }),
    "spec.task.placement.preferences[0]",
    "spread or affinity",
  ],
  [
    "a spread by something that no node has",
    placed({ preferences: [{ spread: "zone" }] }),
    "spec.task.placement.preferences[0].spread",
    "node.labels.zone",
  ],
  [
    "a spread by a service",
    placed({ preferences: [{ spread: "service" }] }),
    "spec.task.placement.preferences[0].spread",
    "no key",
  ],
  [
    "a CPU limit of a process",
    { name: "web", task: { process: { command: ["a"] }, resources: { limits: { nanoCpus: 1e9 } } } },
    "spec.task.resources.limits.nanoCpus",
    "cannot be limited",
  ],
  [
    "a log driver of a process",
    { name: "web", task: { process: { command: ["a"] }, log: { driver: "syslog" } } },
    "spec.task.log",
    "files of the agent",
  ],
  [
    "one level twice",
    placed({ preferences: [{ spread: "node.labels.a" }, { spread: "node.labels.a" }] }),
    "spec.task.placement.preferences[1].spread",
    "twice",
  ],
  [
    "an affinity that does not parse",
    placed({ preferences: [{ affinity: { constraint: "service = db" } }] }),
    "spec.task.placement.preferences[0].affinity.constraint",
    "character 9",
  ],
  [
    "a weight beyond 100",
    placed({ preferences: [{ affinity: { constraint: "service == db", weight: 101 } }] }),
    "spec.task.placement.preferences[0].affinity.weight",
    "-100 to 100",
  ],
  [
    "too many preferences",
    placed({ preferences: Array.from({ length: 17 }, (_, at) => ({ spread: `node.labels.l${at}` })) }),
    "spec.task.placement.preferences",
    "at most 16",
  ],
  ["packing without a reservation", placed({ strategy: "BINPACK" }), "spec.task.placement.strategy", "reserve CPU"],
  [
    "a limit on tasks of a global service's node",
    placed({ maxReplicasPerNode: 1 }, { global: {} }),
    "spec.task.placement.maxReplicasPerNode",
    everyNode,
  ],
  [
    "a global service's preference",
    placed({ preferences: [{ spread: "node.labels.a" }] }, { global: {} }),
    "spec.task.placement.preferences",
    everyNode,
  ],
  [
    "a global job's strategy",
    task({ ...reserved, placement: { strategy: "SPREAD" } }, { globalJob: {} }),
    "spec.task.placement.strategy",
    everyNode,
  ],
  [
    "a global service that follows another",
    placed({ constraints: ["node.role == worker", "service == db"] }, { global: {} }),
    "spec.task.placement.constraints[1]",
    everyNode,
  ],
  [
    "a generic resource without a kind",
    gpus([{ count: 1 }]),
    "spec.task.resources.reservations.generic[0].kind",
    "gpu=2",
  ],
  [
    "no generic resource of a kind",
    gpus([{ kind: "gpu" }]),
    "spec.task.resources.reservations.generic[0].count",
    "from 1",
  ],
  [
    "a generic resource by name",
    gpus([{ kind: "gpu", names: ["g1"] }]),
    "spec.task.resources.reservations.generic[0].names",
    "scheduler's choice",
  ],
  [
    "one generic resource twice",
    gpus([
      { kind: "gpu", count: 1 },
      { kind: "gpu", count: 2 },
    ]),
    "spec.task.resources.reservations.generic[1].kind",
    "twice",
  ],
  [
    "a limit of a generic resource",
    task({ resources: { limits: { generic: [{ kind: "gpu", count: 1 }] } } }),
    "spec.task.resources.limits.generic",
    "reserve",
  ],
  [
    "a relative device",
    container({ devices: [{ source: "fuse" }] }),
    "spec.task.container.devices[0].source",
    "/dev/fuse",
  ],
  [
    "a device at a relative target",
    container({ devices: [{ source: "/dev/fuse", target: "fuse" }] }),
    "spec.task.container.devices[0].target",
    "absolute",
  ],
  [
    "unknown permissions",
    container({ devices: [{ source: "/dev/fuse", permissions: "rx" }] }),
    "spec.task.container.devices[0].permissions",
    "r, w and m",
  ],
  [
    "a permission twice",
    container({ devices: [{ source: "/dev/fuse", permissions: "rr" }] }),
    "spec.task.container.devices[0].permissions",
    "at most once",
  ],
  [
    "two devices at one target",
    container({ devices: [{ source: "/dev/a", target: "/dev/x" }, { source: "/dev/x" }] }),
    "spec.task.container.devices[1].target",
    "twice",
  ],
  [
    "a broken device rule",
    container({ deviceCgroupRules: ["c 1:3"] }),
    "spec.task.container.deviceCgroupRules[0]",
    "c 189:* rmw",
  ],
  ["a request for no GPU", container({ gpus: {} }), "spec.task.container.gpus.count", "-1 for all"],
  ["less than all GPUs", container({ gpus: { count: -2 } }), "spec.task.container.gpus.count", "from -1"],
  [
    "a number of GPUs and ids",
    container({ gpus: { count: 1, deviceIds: ["0"] } }),
    "spec.task.container.gpus.count",
    "keep count or deviceIds",
  ],
  [
    "an empty capability",
    container({ gpus: { count: 1, capabilities: [""] } }),
    "spec.task.container.gpus.capabilities[0]",
    "letters",
  ],
];

describe("model/validate: placement and devices", () => {
  for (const [what, spec] of Object.entries(ACCEPTED)) {
    it(`accepts ${what}`, () => {
      expect(failureOf(spec)?.message).to.equal(undefined);
    });
  }

  for (const [what, spec, path, why] of REFUSED) {
    it(`refuses ${what}`, () => {
      const error = failureOf(spec);
      expect([error?.code, error?.details.path]).to.deep.equal(["invalid", path]);
      expect(`${error?.message}; ${error?.details.next}`).to.include(why);
    });
  }

  it("writes out what is left to defaults", () => {
    const { container: made, placement } = normaliseServiceSpec(
      complete(
        task({
          container: { image: "a", devices: [{ source: "/dev/fuse" }] },
          placement: { preferences: [{ affinity: { constraint: "service == db" } }, { spread: "node.labels.a" }] },
        }),
      ),
    ).task!;
    expect(made!.devices).to.deep.equal([{ source: "/dev/fuse", target: "/dev/fuse", permissions: "rwm" }]);
    expect(placement!.preferences.map(({ affinity, spread }) => affinity?.weight ?? spread)).to.deep.equal([
      50,
      "node.labels.a",
    ]);
  });

  it("refuses a strategy of the cluster that is none", () => {
    expect(() => validateClusterSpec(clusterSpec({ strategy: "RANDOM" as "SPREAD" }))).to.throw(
      AppError,
      "spec.strategy",
    );
  });
});
