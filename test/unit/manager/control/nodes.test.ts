import { expect } from "chai";
import { MUTATION_WAIT_MS } from "../../../../src/manager/control/requests.ts";
import type { Node } from "../../../../src/model/index.ts";
import { ControlRig } from "../../../support/control/control-rig.ts";
import { aCluster, aNode, aTask } from "../../../support/store/objects.ts";

type State = NonNullable<Node["status"]>["state"];

async function withNode(id: string, state: State, part: Partial<Node> = {}): Promise<ControlRig> {
  const rig = new ControlRig();
  await addNode(rig, id, state, part);
  return rig;
}

async function addNode(rig: ControlRig, id: string, state: State, part: Partial<Node> = {}): Promise<void> {
  const spec = {
    name: `name-${id}`,
    labels: {},
    availability: "ACTIVE",
    drainDeadlineMs: 0,
    drainParallelism: 0,
  } as const;
  await rig.write((tx) => tx.put("node", aNode({ id, spec, status: { state } as never, ...part })));
}

describe("manager/control/nodes", () => {
  it("updates labels, availability and name at the version read", async () => {
    const rig = await withNode("n1", "READY");
    const { node } = await rig.call("Control.GetNode", { id: "name-n1" });
    const version = node?.meta?.version ?? 0;
    const spec = {
      name: "front",
      labels: { zone: "a" },
      availability: "DRAIN",
      drainDeadlineMs: 0,
      drainParallelism: 0,
    } as const;
    const { node: updated } = await rig.call("Control.UpdateNode", { id: "n1", version, spec });
    expect(updated?.spec).to.deep.equal(spec);
    expect(rig.store.view().find("node", "name", "front")).to.have.length(1);
    const error = await rig.failure("Control.UpdateNode", { id: "n1", version, spec });
    expect(error.message).to.include("update out of sequence");
  });

  it("refuses a name another node has", async () => {
    const rig = await withNode("n1", "READY");
    await addNode(rig, "n2", "READY");
    const version = rig.store.view().get("node", "n2")?.meta?.version ?? 0;
    const error = await rig.failure("Control.UpdateNode", { id: "n2", version, spec: { name: "name-n1" } });
    expect(error.code).to.equal("exists");
  });

  it("refuses to remove a node that is up, unless forced", async () => {
    const rig = await withNode("n1", "READY");
    const error = await rig.failure("Control.RemoveNode", { id: "n1" });
    expect(error.code).to.equal("precondition");
    expect(error.message).to.include("it is up");
    await rig.call("Control.RemoveNode", { id: "n1", force: true });
    expect(rig.store.view().count("node")).to.equal(0);
  });

  it("refuses to remove a node that is only silent, unless forced, where its tasks may run", async () => {
    const rig = await withNode("n1", "UNREACHABLE");
    const status = { state: "RUNNING" } as never;
    await rig.write((tx) => tx.put("task", aTask({ id: "t1", nodeId: "n1", desired: "RUNNING", status })));
    const error = await rig.failure("Control.RemoveNode", { id: "n1" });
    expect(error.message).to.include("may still run its tasks");
    expect(error.details.next).to.include("by force");
    await addNode(rig, "n2", "UNREACHABLE");
    await rig.call("Control.RemoveNode", { id: "n2" });
    await rig.call("Control.RemoveNode", { id: "n1", force: true });
    expect(rig.store.view().count("node")).to.equal(0);
  });

  it("takes no manager that is up out of the quorum by --force alone where too few would be left", async () => {
    const rig = await withNode("m2", "READY", { role: "MANAGER" });
    await addNode(rig, "m3", "DOWN", { role: "MANAGER" });
    rig.replica.active = ["m2"];
    const error = await rig.failure("Control.RemoveNode", { id: "m2", force: true });
    expect(error.code).to.equal("precondition");
    expect(error.message).to.include("name-m3 does not answer: the quorum would be lost");
    expect(error.details.next).to.include("--lose-quorum");
    expect(rig.replica.removed).to.deep.equal([]);
    const up = await rig.failure("Control.RemoveNode", { id: "m2", loseQuorum: true });
    expect(up.message).to.include("it is up");
    const { warnings } = await rig.call("Control.RemoveNode", { id: "m2", force: true, loseQuorum: true });
    expect(warnings[0]).to.include("The quorum is lost");
  });

  it("ends the unfinished tasks of a removed node as orphaned, and no others", async () => {
    const rig = await withNode("n1", "DOWN");
    await rig.write((tx) => {
      tx.put("task", aTask({ id: "t1", nodeId: "n1", desired: "RUNNING", status: { state: "RUNNING" } as never }));
      tx.put("task", aTask({ id: "t2", nodeId: "n1", desired: "SHUTDOWN", status: { state: "FAILED" } as never }));
      tx.put("task", aTask({ id: "t3", nodeId: "n1", desired: "REMOVE", status: { state: "RUNNING" } as never }));
      tx.put("task", aTask({ id: "t4", nodeId: "n2", desired: "RUNNING", status: { state: "RUNNING" } as never }));
    });
    await rig.call("Control.RemoveNode", { id: "n1" });
    const tasks = [...rig.store.view().all("task")].map(({ id, desired, status }) => [id, desired, status?.state]);
    expect(tasks).to.deep.equal([
      ["t1", "SHUTDOWN", "ORPHANED"],
      ["t2", "SHUTDOWN", "FAILED"],
      ["t3", "REMOVE", "ORPHANED"],
      ["t4", "RUNNING", "RUNNING"],
    ]);
  });

  it("takes a manager out of the quorum before its object goes", async () => {
    const rig = await withNode("m2", "DOWN", { role: "MANAGER" });
    await rig.call("Control.RemoveNode", { id: "m2" });
    expect(rig.replica.removed).to.deep.equal(["m2"]);
    expect(rig.store.view().get("node", "m2")).to.equal(undefined);
  });

  it("leaves a manager that is up in the quorum when the removal is refused", async () => {
    const rig = await withNode("m2", "READY", { role: "MANAGER" });
    expect((await rig.failure("Control.RemoveNode", { id: "m2" })).code).to.equal("precondition");
    expect(rig.replica.removed).to.deep.equal([]);
  });

  for (const [key, verb] of [
    ["Control.RemoveNode", "remove"],
    ["Control.SetNodeRole", "demote"],
  ] as const) {
    it(`hands leadership over before it lets the leader ${verb} itself: the next leader does it`, async () => {
      const rig = await withNode("m1", "DOWN", { role: "MANAGER" });
      const error = await rig.failure(key, { id: "m1", force: true });
      expect(error.code).to.equal("not-leader");
      expect(rig.replica.transfers).to.equal(1);
      expect(rig.replica.removed).to.deep.equal([]);
      expect(rig.store.view().get("node", "m1")?.role).to.equal("MANAGER");
    });

    it(`refuses to ${verb} the only manager`, async () => {
      const rig = await withNode("m1", "DOWN", { role: "MANAGER" });
      rig.replica.config = { members: rig.replica.config.members.slice(0, 1) };
      const error = await rig.failure(key, { id: "m1", force: true });
      expect(error.code).to.equal("precondition");
      expect(error.message).to.include("it is the only one");
      expect(error.details.next).to.include("shoal node promote");
    });

    it(`refuses to ${verb} a manager when those left would have no quorum, and says who is silent`, async () => {
      const rig = await withNode("m2", "DOWN", { role: "MANAGER" });
      await addNode(rig, "m3", "READY", { role: "MANAGER" });
      rig.replica.active = ["m2"];
      const error = await rig.failure(key, { id: "m2" });
      expect(error.code).to.equal("precondition");
      expect(error.message).to.include("of the 2 managers left, 2 must answer and name-m3 does not answer");
      expect(error.details.next).to.include("bring back or remove that one first");
      expect(rig.replica.removed).to.deep.equal([]);
      const { warnings } = await rig.call(key, { id: "m2", loseQuorum: true });
      expect(rig.replica.removed).to.deep.equal(["m2"]);
      expect(warnings).to.have.length(1);
      expect(warnings[0]).to.match(/^The quorum is lost: .*name-m3 does not answer/);
    });

    it(`says that the quorum is lost also when it cannot be confirmed for it, to ${verb}`, async () => {
      const rig = await withNode("m2", "DOWN", { role: "MANAGER" });
      await addNode(rig, "m3", "READY", { role: "MANAGER" });
      rig.replica.active = ["m2"];
      rig.replica.removeMember = () => new Promise(() => undefined);
      const failure = rig.failure(key, { id: "m2", loseQuorum: true });
      await Promise.resolve();
      rig.env.advance(MUTATION_WAIT_MS);
      const { code, message } = await failure;
      expect(code).to.equal("unknown-outcome");
      expect(message).to.match(/may still take effect\. The quorum is lost: .*name-m3 does not answer/);
    });

    it(`lets a silent manager be ${verb}d while the others answer`, async () => {
      const rig = await withNode("m3", "DOWN", { role: "MANAGER" });
      rig.replica.active = ["m2"];
      await rig.call(key, { id: "m3" });
      expect(rig.replica.removed).to.deep.equal(["m3"]);
    });
  }

  it("promotes and demotes in the store, once, and refuses more managers than a cluster can use", async () => {
    const rig = await withNode("n1", "READY", { address: "n1:7377" });
    const request = { requestId: "p", id: "n1", role: "MANAGER" } as const;
    expect((await rig.call("Control.SetNodeRole", request)).node?.role).to.equal("MANAGER");
    expect((await rig.call("Control.SetNodeRole", { ...request, requestId: "q" })).node?.role).to.equal("MANAGER");
    expect((await rig.call("Control.SetNodeRole", { id: "n1", role: "WORKER" })).node?.role).to.equal("WORKER");
    expect(rig.replica.removed).to.deep.equal([]);
    for (let at = 1; at <= 7; at++) await addNode(rig, `m${at}`, "READY", { role: "MANAGER" });
    const error = await rig.failure("Control.SetNodeRole", { id: "n1", role: "MANAGER" });
    expect(error.code).to.equal("exhausted");
  });

  it("remembers the ids of removed nodes in the cluster, the oldest of too many no more", async () => {
    const rig = await withNode("n1", "DOWN");
    const removedNodeIds = Array.from({ length: 512 }, (_, at) => `old${at}`);
    await rig.write((tx) => tx.put("cluster", { ...aCluster({ id: "c1" }), removedNodeIds }));
    await rig.call("Control.RemoveNode", { id: "n1" });
    const [cluster] = rig.store.view().all("cluster");
    expect(cluster?.removedNodeIds).to.deep.equal([...removedNodeIds.slice(1), "n1"]);
  });

  it("answers a repeated removal from its record", async () => {
    const rig = await withNode("m2", "DOWN", { role: "MANAGER" });
    const request = { requestId: "r1", id: "m2" };
    expect(await rig.call("Control.RemoveNode", request)).to.deep.equal({ id: "m2", warnings: [] });
    expect(await rig.call("Control.RemoveNode", request)).to.deep.equal({ id: "m2", warnings: [] });
    expect(rig.replica.removed).to.deep.equal(["m2"]);
  });

  it("takes no other manager out of the quorum when a request id is used again", async () => {
    const rig = await withNode("m2", "DOWN", { role: "MANAGER" });
    await addNode(rig, "m3", "DOWN", { role: "MANAGER" });
    await rig.call("Control.RemoveNode", { requestId: "r1", id: "m2" });
    const error = await rig.failure("Control.RemoveNode", { requestId: "r1", id: "m3" });
    expect(error.code).to.equal("conflict");
    expect(rig.replica.removed).to.deep.equal(["m2"]);
  });

  it("tells the reachability of managers, and none for workers", async () => {
    const rig = await withNode("m1", "READY", { role: "MANAGER" });
    await addNode(rig, "m2", "READY", { role: "MANAGER" });
    await addNode(rig, "m3", "READY", { role: "MANAGER" });
    await addNode(rig, "n1", "READY");
    rig.replica.active = ["m2"];
    const { nodes } = await rig.call("Control.ListNodes", {});
    expect(nodes.map(({ node, manager }) => [node?.id, manager?.reachability])).to.deep.equal([
      ["m1", "LEADER"],
      ["m2", "REACHABLE"],
      ["m3", "UNREACHABLE"],
      ["n1", undefined],
    ]);
  });

  it("without a leader calls those reachable to whom its own stream is open", async () => {
    const rig = await withNode("m1", "READY", { role: "MANAGER" });
    await addNode(rig, "m2", "READY", { role: "MANAGER" });
    await addNode(rig, "m3", "READY", { role: "MANAGER" });
    await rig.write((tx) => tx.put("cluster", aCluster({ id: "c1" })));
    rig.replica.active = ["m3"];
    rig.replica.loseLeader();
    const { nodes } = await rig.call("Control.ListNodes", { consistency: "STALE" });
    expect(nodes.map(({ manager }) => manager?.reachability)).to.deep.equal(["REACHABLE", "UNREACHABLE", "REACHABLE"]);
    const cluster = await rig.call("Control.GetCluster", { consistency: "STALE" });
    expect(cluster).to.include({ leaderId: "", managersReachable: 2 });
  });

  it("filters by role, availability, state and label", async () => {
    const rig = await withNode("m1", "READY", { role: "MANAGER" });
    await addNode(rig, "n1", "DOWN", {
      spec: { name: "x", labels: { zone: "a" }, availability: "DRAIN", drainDeadlineMs: 0, drainParallelism: 0 },
    });
    const list = async (filter: string): Promise<string[]> =>
      (await rig.call("Control.ListNodes", { filters: [filter] })).nodes.map(({ node }) => node?.id ?? "");
    expect(await list("role=manager")).to.deep.equal(["m1"]);
    expect(await list("availability=drain")).to.deep.equal(["n1"]);
    expect(await list("state=down")).to.deep.equal(["n1"]);
    expect(await list("label=zone=a")).to.deep.equal(["n1"]);
    expect((await rig.failure("Control.ListNodes", { filters: ["state=gone"] })).details.next).to.include(
      "unreachable",
    );
  });
});

describe("manager/control/tasks", () => {
  it("answers a task with its spec and lists them by slot, the newest attempt first", async () => {
    const rig = new ControlRig();
    const { service } = await rig.call("Control.CreateService", {
      spec: { name: "web", task: { container: { image: "nginx" } } },
    });
    const serviceId = service?.id ?? "";
    const part = { serviceId, serviceName: "web", revision: 1 };
    await rig.write((tx) => tx.put("task", aTask({ id: "old", slot: 1, desired: "SHUTDOWN", ...part })));
    rig.env.advance(1_000);
    await rig.write((tx) => {
      tx.put("task", aTask({ id: "new", slot: 1, nodeId: "n1", desired: "RUNNING", ...part }));
      tx.put("task", aTask({ id: "ten", slot: 10, desired: "RUNNING", ...part }));
      tx.put("task", aTask({ id: "two", slot: 2, desired: "RUNNING", ...part }));
      tx.put(
        "node",
        aNode({
          id: "n1",
          spec: { name: "alpha", labels: {}, availability: "ACTIVE", drainDeadlineMs: 0, drainParallelism: 0 },
        }),
      );
    });
    const { tasks, labels } = await rig.call("Control.ListTasks", {});
    expect(tasks.map(({ id }) => id)).to.deep.equal(["new", "old", "two", "ten"]);
    expect(labels).to.deep.equal({ [`${serviceId}/1`]: "nginx" });
    expect((await rig.call("Control.GetTask", { id: "web.1" })).task?.id).to.equal("new");
    expect((await rig.call("Control.GetTask", { id: "new" })).spec?.container?.image).to.equal("nginx");
    const list = async (...filters: string[]): Promise<string[]> =>
      (await rig.call("Control.ListTasks", { filters })).tasks.map(({ id }) => id);
    expect(await list("service=web", "desired-state=running")).to.deep.equal(["new", "two", "ten"]);
    expect(await list(`service=${serviceId}`, "name=web.1")).to.deep.equal(["new", "old", "ten"]);
    expect(await list("node=alpha")).to.deep.equal(["new"]);
    expect(await list("node=n1")).to.deep.equal(["new"]);
    expect(await list("state=new", "id=two")).to.deep.equal(["two"]);
  });

  it("quotes only the start of a reference nobody could mean", async () => {
    const rig = await withNode("n1", "READY");
    const { message } = await rig.failure("Control.GetNode", { id: "x".repeat(100_000) });
    expect(message).to.match(/^There is no node "x+…"$/);
    expect(message.length).to.be.lessThan(120);
  });
});
