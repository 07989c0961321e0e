import { expect } from "chai";
import { explain } from "../../../../src/manager/scheduler/explain.ts";
import type { Mount, NodeStatus, Task, TaskSpec } from "../../../../src/model/index.ts";
import { tiesOf } from "../../../../src/model/ties.ts";
import { validateServiceSpec } from "../../../../src/model/validate.ts";
import { cron, service, spec } from "../../../support/loops/objects.ts";
import { World } from "../../../support/loops/world.ts";

const VOLUME: Mount = {
  type: "VOLUME",
  source: "db",
  target: "/data",
  readOnly: false,
  tmpfsSizeBytes: 0,
  shared: false,
  driver: "",
  driverOptions: {},
  local: false,
};

function mounting(...mounts: Partial<Mount>[]): TaskSpec {
  const task = spec();
  return { ...task, container: { ...task.container!, mounts: mounts.map((mount) => ({ ...VOLUME, ...mount })) } };
}

describe("model/ties", () => {
  const ties = (mount: Partial<Mount>, single = false): unknown => tiesOf({ single, task: mounting(mount) });

  it("ties a task to its node by a named volume or a writable bind, unless that is shared", () => {
    expect(ties({})).to.deep.equal({ single: "", local: "volume db" });
    expect(ties({ readOnly: true })).to.deep.include({ local: "volume db" });
    expect(ties({ type: "BIND", source: "/srv" })).to.deep.include({ local: "directory /srv" });
    const free = [
      { source: "" },
      { type: "BIND", source: "/etc/x", readOnly: true },
      { type: "TMPFS", source: "" },
      { shared: true, readOnly: true },
    ] as const;
    for (const mount of free) expect(ties(mount), JSON.stringify(mount)).to.deep.equal({ single: "", local: "" });
  });

  it("forbids two at once for a service marked single, and for writers of a shared mount", () => {
    expect(ties({ shared: true })).to.deep.equal({ single: "it writes to the shared volume db", local: "" });
    expect(ties({ source: "" }, true)).to.deep.equal({ single: "it is marked single", local: "" });
  });

  it("takes what a plugin keeps for shared, unless it is said to be on the node, and the engine's own driver never", () => {
    const shared = { single: "it writes to the shared volume db", local: "" };
    expect(ties({ driver: "vieux/sshfs:1" })).to.deep.equal(shared);
    expect(ties({ driver: "vieux/sshfs:1", readOnly: true })).to.deep.equal({ single: "", local: "" });
    expect(ties({ driver: "vieux/sshfs:1", source: "" })).to.deep.equal({ single: "", local: "" });
    expect(ties({ driver: "zfs", local: true })).to.deep.equal({ single: "", local: "volume db" });
    const nfs = { driver: "local", driverOptions: { type: "nfs", device: ":/x" } };
    expect(ties(nfs)).to.deep.equal({ single: "", local: "volume db" });
    expect(ties({ ...nfs, shared: true })).to.deep.equal(shared);
  });

  it("refuses what contradicts it at once, by its path", () => {
    const check = (part: Parameters<typeof service>[1]): (() => unknown) => {
      const { spec: whole } = service("web", part);
      return () => validateServiceSpec(whole);
    };
    expect(check({ single: true })).to.not.throw();
    expect(check({ single: true, replicas: 2 })).to.throw(/spec\.single: .*one replica/);
    expect(check({ single: true, mode: { mode: "global", global: {} } })).to.throw(/spec\.single: .*global/);
    expect(check({ task: mounting({ source: "", shared: true }) })).to.throw(/mounts\[0\]\.shared/);
  });
});

describe("manager/orchestrator: tasks tied to their node", () => {
  let world: World;
  beforeEach(() => {
    world = new World();
    world.addNodes("n1", "n2", "n3");
  });
  afterEach(async () => {
    await world.stopLoops();
  });

  const runs = (): Task | undefined => world.running()[0];
  const nodeId = (): string => runs()?.nodeId ?? "";
  async function deployed(part: Parameters<typeof service>[1]): Promise<Task> {
    world.putService(service("web", part));
    await world.until(() => world.running().length === 1, "it runs");
    return runs()!;
  }
  function setStatus(id: string, part: Partial<NodeStatus>): void {
    const node = world.tx.get("node", id)!;
    world.putNode({ ...node, status: { ...node.status!, ...part, sinceMs: world.env.wallNow() } });
  }
  function silence(id: string, ms: number, closed = false): void {
    world.deadAgents.add(id);
    setStatus(id, { state: ms >= (closed ? 30_000 : 6000) ? "DOWN" : "UNREACHABLE", silence: { ms, closed } });
  }
  const reasons = (id = "web"): string =>
    explain(world.tx, id)
      .reasons.map(({ message }) => message)
      .join("\n");

  describe("with local data", () => {
    it("stays where it is while its node is down, however long, and why says so", async () => {
      const task = await deployed({ task: mounting({}) });
      silence(task.nodeId, 6000);
      await world.run(3_600_000);
      expect(world.tasks()).to.have.length(1);
      expect(reasons()).to.match(new RegExp(`its volume db is on node ${task.nodeId}: it is started nowhere else`));
    });

    it("starts again on the same node when it failed, was updated, or its node was drained", async () => {
      const home = (await deployed({ task: mounting({}) })).nodeId;
      for (let round = 0; round < 3; round += 1) {
        world.fail(runs()!.id);
        await world.until(() => nodeId() === home, "it runs again at home");
      }
      world.putService(service("web", { task: { ...mounting({}), forceUpdate: 1 } }));
      await world.until(() => runs()?.revision === 2, "updated");
      expect(nodeId()).to.equal(home);
      world.changeNode(home, { availability: "DRAIN" });
      await world.run(60_000);
      expect(world.running()).to.have.length(0);
      expect(reasons()).to.match(/volume db is on node .*\n.*drained/);
      world.changeNode(home, { availability: "ACTIVE" });
      await world.until(() => nodeId() === home, "it runs at home");
    });

    it("stays with the data of its own revision, whatever the newest one has: in an older run of a schedule", async () => {
      const restart = { ...spec().restart!, condition: "ON_FAILURE" as const };
      const mode = cron({ schedule: "* * * * *" });
      world.putService(service("web", { mode, task: { ...mounting({}), restart } }));
      const atWork = (): Task | undefined => world.wanted().find(({ status }) => status?.state === "RUNNING");
      await world.until(() => atWork() !== undefined, "its first run is at work");
      const { nodeId: home, id } = atWork()!;
      world.putService(service("web", { mode, task: { ...spec(), restart } }));
      world.changeNode(home, { availability: "PAUSE" });
      world.fail(id);
      await world.run(10_000);
      expect(world.wanted().map(({ pinnedNodeId, nodeId }) => [pinnedNodeId, nodeId])).to.deep.equal([[home, ""]]);
    });

    it("moves when the mount is declared shared, when its node is removed, and when it was scaled to nothing", async () => {
      const task = await deployed({ task: mounting({}) });
      silence(task.nodeId, 6000);
      await world.run(10_000);
      world.removeNode(task.nodeId);
      await world.until(() => nodeId() !== "" && nodeId() !== task.nodeId, "its node is removed");
      const second = nodeId();
      world.putService(service("web", { replicas: 0, task: mounting({}) }));
      await world.until(() => world.tasks().length === 0, "scaled to nothing");
      world.changeNode(second, { availability: "PAUSE" });
      world.putService(service("web", { task: mounting({}) }));
      await world.until(() => world.running().length === 1, "it starts afresh");
      const third = nodeId();
      expect(new Set([task.nodeId, second, third]).size).to.equal(3);
    });

    it("goes back to its data when a revision without it was tried elsewhere", async () => {
      const home = (await deployed({ task: mounting({}) })).nodeId;
      world.changeNode(home, { availability: "PAUSE" });
      world.putService(service("web", { task: spec({ image: "app:2" }) }));
      await world.until(() => nodeId() !== home && nodeId() !== "", "it runs without its data");
      world.putService(service("web", { task: mounting({}) }));
      await world.run(10_000);
      expect(world.wanted().map(({ pinnedNodeId }) => pinnedNodeId)).to.include(home);
      world.changeNode(home, { availability: "ACTIVE" });
      await world.until(() => nodeId() === home, "it runs at home");
    });

    it("has nothing to lose before it ever ran", async () => {
      world.behave = (task) => (task.nodeId === "n1" ? { rejects: "no such image" } : {});
      for (const id of ["n2", "n3"]) world.changeNode(id, { availability: "PAUSE" });
      world.putService(service("web", { task: mounting({}) }));
      await world.until(() => world.tasks().some(({ status }) => status?.state === "REJECTED"), "refused by n1");
      world.changeNode("n1", { availability: "PAUSE" });
      world.changeNode("n2", { availability: "ACTIVE" });
      await world.until(() => nodeId() === "n2", "it runs elsewhere");
    });
  });

  describe("that never run twice", () => {
    it("are told so, also when it is said of the service later", async () => {
      await deployed({});
      expect(runs()!.single).to.equal(false);
      world.putService(service("web", { single: true }));
      await world.until(() => runs()!.single, "it is told");
      expect(world.tasks()).to.have.length(1);
    });

    it("are started elsewhere only when their node was silent for 30 s", async () => {
      const { nodeId: first } = await deployed({ single: true });
      silence(first, 6000);
      await world.run(60_000);
      expect(world.tasks()).to.have.length(1);
      expect(reasons()).to.match(/never runs twice, for it is marked single; .*silent for 30s/);
      silence(first, 30_000);
      await world.until(() => world.running().some((task) => task.nodeId !== first), "it runs elsewhere");
    });

    it("are over on the node that was silent before they start elsewhere, and stay where they are when it is back", async () => {
      const original = await deployed({ single: true });
      silence(original.nodeId, 30_000);
      await world.until(() => world.running().some(({ id }) => id !== original.id), "it runs elsewhere");
      const standIn = world.running().find(({ id }) => id !== original.id)!;
      // A host that was rebooted is told this first of all.
      expect(world.tx.get("task", original.id)?.desired).to.equal("SHUTDOWN");
      world.returnNode(original.nodeId);
      await world.run(60_000);
      expect(world.running().map(({ id }) => id)).to.deep.equal([standIn.id]);
    });

    it("keep the one that serves if two run, also if they are called single only then", async () => {
      const original = await deployed({});
      world.loseNode(original.nodeId);
      await world.until(() => world.running().some(({ id }) => id !== original.id), "a stand-in runs");
      const standIn = world.running().find(({ id }) => id !== original.id)!;
      world.putService(service("web", { single: true }));
      await world.run(1000);
      world.returnNode(original.nodeId);
      await world.run(60_000);
      expect(world.running().map(({ id }) => id)).to.deep.equal([standIn.id]);
    });

    for (const [what, status] of [
      ["its connection was closed: its agent may be dead", { silence: { ms: 90_000, closed: true } }],
      ["its engine did not answer: its agent may not have stopped it", { engineOk: false, engineMessage: "gone" }],
    ] as const) {
      it(`are started nowhere else when ${what}`, async () => {
        const { nodeId: first } = await deployed({ single: true });
        silence(first, 30_000);
        setStatus(first, status);
        await world.run(600_000);
        expect(world.running().every((task) => task.nodeId === first)).to.equal(true);
      });
    }

    it("start on another node only once they have stopped on a drained one", async () => {
      const twice: boolean[] = [];
      const { nodeId: first } = await deployed({ single: true });
      world.behave = () => ({ stopMs: 90_000 });
      world.changeNode(first, { availability: "DRAIN" });
      await world.until(() => world.running().length === 0, "it is told to stop");
      for (let at = 0; at < 100 && nodeId() === ""; at += 1) {
        await world.run(1000);
        twice.push(world.tasks().filter(({ status }) => status?.state === "RUNNING").length > 1);
      }
      await world.until(() => nodeId() !== "" && nodeId() !== first, "it runs elsewhere");
      expect(twice).to.have.length.above(85);
      expect(twice).to.not.include(true);
    });

    it("wait 30 s for a node that said goodbye and did not report their end", async () => {
      const { nodeId: first } = await deployed({ single: true });
      world.deadAgents.add(first);
      setStatus(first, { state: "LEFT" });
      await world.run(29_000);
      expect(world.tasks().map(({ desired }) => desired)).to.deep.equal(["SHUTDOWN", "READY"]);
      expect(reasons(world.tasks()[1]!.id)).to.match(/may still run/);
      await world.until(() => nodeId() !== "", "it runs elsewhere", 3000);
    });

    it("stop first in an update and a quick scale to nothing and back, whatever the order says", async () => {
      world.behave = () => ({ stopMs: 5000 });
      await deployed({ single: true, order: "START_FIRST" });
      const most = async (ms: number): Promise<number> => {
        let max = 0;
        for (let at = 0; at < ms; at += 100) {
          await world.run(100);
          max = Math.max(max, world.tasks().filter(({ status }) => status?.state === "RUNNING").length);
        }
        return max;
      };
      world.putService(service("web", { single: true, order: "START_FIRST", task: spec({ image: "app:2" }) }));
      expect(await most(8000)).to.equal(1);
      expect(runs()?.revision).to.equal(2);
      world.putService(service("web", { single: true, replicas: 0, task: spec({ image: "app:2" }) }));
      await world.run(500);
      world.putService(service("web", { single: true, task: spec({ image: "app:2" }) }));
      expect(await most(8000)).to.equal(1);
      expect(world.running()).to.have.length(1);
    });
  });
});
