import { expect } from "chai";
import { WARNINGS_MAX } from "../../../../src/manager/control/warnings.ts";
import type { Node, Task } from "../../../../src/model/index.ts";
import type { ServiceSpecInput } from "../../../../src/proto/gen/ServiceSpec.ts";
import type { TaskSpecInput } from "../../../../src/proto/gen/TaskSpec.ts";
import { ControlRig } from "../../../support/control/control-rig.ts";
import { aNode, aNodeSpec, aNodeStatus, aTask } from "../../../support/store/objects.ts";

const DB: TaskSpecInput = {
  container: {
    image: "db",
    mounts: [
      { type: "VOLUME", source: "db", target: "/db" },
      { type: "BIND", source: "/srv/log", target: "/log" },
      { type: "BIND", source: "/etc/db", target: "/etc/db", readOnly: true },
    ],
  },
};

/** A service whose slot n runs on node n. */
async function running(replicas: number, part: ServiceSpecInput): Promise<ControlRig> {
  const rig = new ControlRig();
  const spec = { name: "db", replicated: { replicas }, ...part };
  const { service } = await rig.call("Control.CreateService", { spec });
  const base = { serviceId: service?.id ?? "", serviceName: "db", revision: 1, desired: "RUNNING" } as const;
  const status = { state: "RUNNING", startedAtMs: 1, healthy: true, ready: true } as Task["status"];
  await rig.write((tx) => {
    for (let slot = 1; slot <= replicas; slot += 1) {
      tx.put("node", worker(`n${slot}`));
      tx.put("task", aTask({ id: `t${slot}`, slot, nodeId: `n${slot}`, status, ...base }));
    }
  });
  return rig;
}

function worker(id: string, part: Partial<Node> = {}): Node {
  return aNode({
    id,
    spec: aNodeSpec({ name: `name-${id}` }),
    status: aNodeStatus({ state: "READY", engineOk: true }),
    description: { runtimes: ["container", "process"] } as never,
    ...part,
  });
}

async function scaled(rig: ControlRig, replicas: number, requestId = ""): Promise<readonly string[]> {
  const { service } = await rig.call("Control.GetService", { id: "db" });
  const spec = { ...service?.spec, replicated: { replicas } };
  const version = requestId === "" ? (service?.meta?.version ?? 0) : 1;
  return (await rig.call("Control.UpdateService", { id: "db", version, spec, requestId })).warnings;
}

async function made(rig: ControlRig, id: string, availability: "PAUSE" | "DRAIN" | "ACTIVE", labels = {}) {
  const { node } = await rig.call("Control.GetNode", { id });
  const spec = { ...node?.spec, availability, labels };
  return (await rig.call("Control.UpdateNode", { id, version: node?.meta?.version ?? 0, spec })).warnings;
}

describe("manager/control: scaling and removing what has data", () => {
  it("says which slots' data stays on which nodes when it is scaled down, and nothing when up", async () => {
    const rig = await running(3, { task: DB });
    expect(await scaled(rig, 1)).to.deep.equal([
      "The volume db of db.2 on node name-n2 stays behind: scaled up again, db.2 may start elsewhere",
      "The directory /srv/log of db.2 on node name-n2 stays behind: scaled up again, db.2 may start elsewhere",
      "The volume db of db.3 on node name-n3 stays behind: scaled up again, db.3 may start elsewhere",
      "The directory /srv/log of db.3 on node name-n3 stays behind: scaled up again, db.3 may start elsewhere",
    ]);
    expect(await scaled(rig, 5)).to.deep.equal([]);
  });

  it("says it again to a repeated request", async () => {
    const rig = await running(2, { task: DB });
    const first = await scaled(rig, 1, "r1");
    expect(first).to.have.length(2);
    expect(await scaled(rig, 1, "r1")).to.deep.equal(first);
  });

  it("says nothing of tasks without data, and of a single one that nothing takes its place", async () => {
    expect(await scaled(await running(3, { task: { container: { image: "web" } } }), 1)).to.deep.equal([]);
    const rig = await running(1, { single: true, task: { container: { image: "web" } } });
    expect(await scaled(rig, 0)).to.deep.equal([
      "db.1 stops, and nothing takes its place although it is marked single",
    ]);
  });

  it("names no more than a screen holds, and counts the others", async () => {
    const warnings = await scaled(await running(14, { task: DB }), 1);
    expect(warnings).to.have.length(WARNINGS_MAX + 1);
    expect(warnings.at(-1)).to.equal("6 more like these are not listed");
  });

  it("says what a removed service leaves on nodes", async () => {
    const rig = await running(1, { task: DB });
    const { warnings } = await rig.call("Control.RemoveService", { id: "db" });
    expect(warnings).to.deep.equal([
      "The volume db of db.1 on node name-n1 stays behind",
      "The directory /srv/log of db.1 on node name-n1 stays behind",
    ]);
  });
});

describe("manager/control: the last node that takes tasks", () => {
  it("warns of draining and pausing it, not of the others, nor of a change that changes none of it", async () => {
    const rig = await running(2, { task: { container: { image: "web" } } });
    expect(await made(rig, "n1", "DRAIN")).to.deep.equal([]);
    expect(await made(rig, "n2", "DRAIN")).to.deep.equal([
      "No node is left that takes tasks: those here go on until the deadline of the drain, then they wait (shoal node activate name-n2)",
    ]);
    expect(await made(rig, "n2", "DRAIN", { zone: "a" })).to.deep.equal([]);
    expect(await made(rig, "n1", "ACTIVE")).to.deep.equal([]);
    expect(await made(rig, "n1", "PAUSE")).to.deep.equal([
      "No node is left that takes tasks: new ones wait (shoal node activate name-n1)",
    ]);
  });

  it("says whose data keeps it on a node that is drained", async () => {
    const rig = await running(2, { task: DB });
    expect(await made(rig, "n1", "DRAIN")).to.deep.equal([
      "The volume db of db.1 on node name-n1 keeps it there: it stops, and starts nowhere else (shoal node activate name-n1)",
      "The directory /srv/log of db.1 on node name-n1 keeps it there: it stops, and starts nowhere else (shoal node activate name-n1)",
    ]);
    expect(await made(rig, "n2", "PAUSE")).to.have.lengthOf(1);
  });

  it("does not count a node that answers but takes none: its engine is gone, its disk full, or it is silent", async () => {
    const rig = await running(1, { task: { container: { image: "web" } } });
    const others: readonly Partial<Node>[] = [
      { status: aNodeStatus({ state: "UNREACHABLE", engineOk: true }) },
      { description: { runtimes: ["container"], fullPaths: ["/var/lib/docker"] } as never },
      { status: aNodeStatus({ state: "READY", engineMessage: "connection refused" }) },
    ];
    for (const other of others) {
      await rig.write((tx) => tx.put("node", worker("n2", other)));
      const [warning = ""] = await made(rig, "n1", "PAUSE");
      expect(warning).to.include("No node is left that takes tasks");
      expect(await made(rig, "n1", "ACTIVE")).to.deep.equal([]);
    }
  });

  it("names the runtime where others still take tasks of another", async () => {
    const rig = await running(1, { task: { container: { image: "web" } } });
    await rig.write((tx) => tx.put("node", worker("n2", { description: { runtimes: ["process"] } as never })));
    const [warning = ""] = await made(rig, "n1", "PAUSE");
    expect(warning).to.include("takes tasks of the container runtime");
  });

  it("warns of its removal, and of the data that goes with it", async () => {
    const rig = await running(1, { task: DB });
    const { warnings } = await rig.call("Control.RemoveNode", { id: "n1", force: true });
    expect(warnings).to.deep.equal([
      "No node is left that takes tasks: they wait until one joins or is activated",
      "The volume db of db.1 on node name-n1 is out of reach: what starts in its place elsewhere begins without it",
      "The directory /srv/log of db.1 on node name-n1 is out of reach: what starts in its place elsewhere begins without it",
    ]);
  });
});
