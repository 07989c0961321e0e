import { expect } from "chai";
import { EXIT } from "../../../src/cli/exit.ts";
import { parseDevice, parseGpus, parsePreference } from "../../../src/cli/placement-flags.ts";
import { created, refusal, task, updated } from "../../support/cli-spec.ts";

describe("cli/placement-flags", () => {
  const flags: readonly (readonly [flag: string, value: string])[] = [
    ["--constraint", "node.labels.zone in (a, b)"],
    ["--constraint", "service!=web"],
    ["--placement-pref", "spread=node.labels.zone"],
    ["--placement-pref", "anti-affinity=service==batch,weight=80"],
    ["--strategy", "binpack"],
    ["--replicas-max-per-node", "2"],
    ["--reserve-memory", "64m"],
    ["--generic-resource", "gpu=2"],
    ["--generic-resource", "licence=1"],
    ["--device", "/dev/fuse"],
    ["--device", "/dev/ttyUSB0:/dev/serial:rw"],
    ["--device-cgroup-rule", "c 189:* rmw"],
    ["--gpus", "all"],
    ["--platform", "linux/x86_64"],
    ["--platform", "linux/arm64"],
  ];
  const changes: typeof flags = [
    ["--constraint-rm", "service != web"],
    ["--constraint-add", "node.labels.zone  in (a,b)"],
    ["--placement-pref-rm", "anti-affinity=service == batch"],
    ["--placement-pref-add", "spread=node.labels.rack"],
    ["--generic-resource-rm", "licence"],
    ["--generic-resource-add", "gpu=1"],
    ["--device-rm", "/dev/ttyUSB0"],
    ["--device-add", "/dev/kvm:/dev/fuse"],
    ["--device-cgroup-rule-rm", "c 189:* rmw"],
    ["--gpus", "none"],
    ["--strategy", "default"],
    ["--platform", "linux/riscv64"],
  ];
  const all = created(...flags.flat(), "app:1");

  it("says where tasks go and what they take, in Docker's words", () => {
    expect(task(all).placement).to.deep.equal({
      constraints: ["node.labels.zone in (a, b)", "service!=web"],
      maxReplicasPerNode: 2,
      platforms: [
        { os: "linux", architecture: "amd64" },
        { os: "linux", architecture: "arm64" },
      ],
      preferences: [
        { preference: "spread", spread: "node.labels.zone" },
        { preference: "affinity", affinity: { constraint: "service==batch", weight: -80 } },
      ],
      strategy: "BINPACK",
    });
    expect(task(all).resources?.reservations?.generic).to.deep.equal([
      { kind: "gpu", count: 2, names: [] },
      { kind: "licence", count: 1, names: [] },
    ]);
    expect(task(all).container?.devices).to.deep.equal([
      { source: "/dev/fuse", target: "/dev/fuse", permissions: "rwm" },
      { source: "/dev/ttyUSB0", target: "/dev/serial", permissions: "rw" },
    ]);
    expect(task(all).container?.deviceCgroupRules).to.deep.equal(["c 189:* rmw"]);
    expect(task(all).container?.gpus).to.deep.equal({ count: -1, deviceIds: [], capabilities: [], driver: "" });
  });

  it("changes one without the others, and knows a thing by any of its spellings", () => {
    const after = updated(all, ...changes.flat());
    expect(task(after).placement).to.deep.include({
      constraints: ["node.labels.zone  in (a,b)"],
      maxReplicasPerNode: 2,
      preferences: [
        { preference: "spread", spread: "node.labels.zone" },
        { preference: "spread", spread: "node.labels.rack" },
      ],
      strategy: "DEFAULT",
      platforms: [{ os: "linux", architecture: "riscv64" }],
    });
    expect(task(updated(after, "--platform", "any")).placement?.platforms).to.deep.equal([]);
    expect(task(after).resources?.reservations?.generic).to.deep.equal([{ kind: "gpu", count: 1, names: [] }]);
    expect(task(after).container?.devices).to.deep.equal([
      { source: "/dev/kvm", target: "/dev/fuse", permissions: "rwm" },
    ]);
    expect(task(after).container?.deviceCgroupRules).to.deep.equal([]);
    expect(task(after).container?.gpus).to.equal(null);
    expect(task(updated(all, "--replicas", "3")), "an unrelated change leaves all of it").to.deep.equal(task(all));
  });

  it("leaves a constraint that does not parse to the cluster", () => {
    expect(task(created("--constraint", "zone ~ a", "app:1")).placement?.constraints).to.deep.equal(["zone ~ a"]);
  });

  for (const [text, wanted] of [
    ["2", { count: 2 }],
    ["device=0", { deviceIds: ["0"] }],
    ['"device=0,GPU-3a",capabilities=utility', { deviceIds: ["0", "GPU-3a"], capabilities: ["utility"] }],
    ["count=all,driver=nvidia", { count: -1, driver: "nvidia" }],
  ] as const) {
    it(`reads --gpus ${text}`, () => {
      expect(parseGpus(text)).to.deep.equal({ count: 0, deviceIds: [], capabilities: [], driver: "", ...wanted });
    });
  }

  it("asks for rebalancing and takes that back, and leaves it as it is without the flag", () => {
    const spec = created("--rebalance", "app:1");
    expect([spec.rebalance, created("app:1").rebalance]).to.deep.equal([true, false]);
    expect(updated(spec, "--strategy", "spread").rebalance).to.equal(true);
    expect(updated(spec, "--no-rebalance").rebalance).to.equal(false);
  });

  it("reads devices with a mode alone", () => {
    expect(parseDevice("/dev/sda:r")).to.deep.equal({ source: "/dev/sda", target: "/dev/sda", permissions: "r" });
  });

  it("weighs an affinity 50 unless it is told", () => {
    expect(parsePreference("affinity=node.labels.disk == ssd").affinity).to.deep.equal({
      constraint: "node.labels.disk == ssd",
      weight: 50,
    });
  });

  const wrong: readonly [string, string[], RegExp][] = [
    ["a preference of no kind", ["--placement-pref", "pack=node.labels.a"], /begins with neither spread=/],
    ["a weight of 101", ["--placement-pref", "affinity=service==a,weight=101"], /weight 101 is not from 1 to 100/],
    ["a generic resource without a number", ["--generic-resource", "gpu"], /"gpu" is not KIND=COUNT/],
    ["a device with five parts", ["--device", "/a:/b:r:w:m"], /is not SOURCE\[:TARGET\]\[:rwm\]/],
    ["GPUs without a number", ["--gpus", "capabilities=utility"], /asks for no GPU/],
    ["a key of GPUs that is none", ["--gpus", "colour=red"], /unknown key "colour"/],
    ["a strategy that is none", ["--strategy", "random"], /--strategy/],
    ["a device of a process", ["--runtime", "process", "--device", "/dev/fuse"], /--device: a process has none/],
    ["GPUs of a process", ["--runtime", "process", "--gpus", "1"], /--gpus: a process has none/],
  ];
  for (const [what, words, message] of wrong) {
    it(`refuses ${what}`, () => {
      const found = refusal(() => created(...words, "app:1"));
      expect(found.code).to.equal(EXIT.usage);
      expect(found.message).to.match(message);
    });
  }
});
