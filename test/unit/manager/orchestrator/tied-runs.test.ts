/** What holds a task to its node, or forbids two at once, holds from run to run of a job. */
import { expect } from "chai";
import { explain } from "../../../../src/manager/scheduler/explain.ts";
import type { Mount, NodeStatus, ServiceSpec, Task, TaskSpec } from "../../../../src/model/index.ts";
import { refuseConflicts } from "../../../../src/model/validate-conflicts.ts";
import { validateServiceSpec } from "../../../../src/model/validate.ts";
import { cron, globalJob, job, service, spec, type SpecPart } from "../../../support/loops/objects.ts";
import { World } from "../../../support/loops/world.ts";

const MINUTE = 60_000;

function mounting(mount: Partial<Mount> = {}, part: SpecPart = {}): TaskSpec {
  const task = spec({ restart: { condition: "NONE" }, ...part });
  const [volume] = spec({ volume: "db" }).container!.mounts;
  return { ...task, container: { ...task.container!, mounts: [{ ...volume!, ...mount }] } };
}

describe("manager/orchestrator: runs of a job that are tied", () => {
  let world: World;
  beforeEach(() => {
    world = new World();
    world.addNodes("n1", "n2", "n3");
    world.behave = () => ({ exits: { afterMs: 1000, code: 0 } });
  });
  afterEach(async () => {
    await world.stopLoops();
  });

  const submit = (mode: Partial<ServiceSpec>, part: { task?: TaskSpec; single?: boolean } = {}): void =>
    world.putService(service("web", { mode, task: mounting(), ...part }));
  const ofRun = (number: number): readonly Task[] => world.tasks().filter(({ run }) => run === number);
  const nodeOf = (number: number): string => ofRun(number).at(-1)?.nodeId ?? "";
  const states = (): string[] => world.runs().map(({ state }) => state);
  const reasons = (): string =>
    explain(world.tx, "web")
      .reasons.map(({ message }) => message)
      .join("\n");
  const untilRun = (number: number, state: string): Promise<void> =>
    world.until(() => world.runs().find((run) => run.number === number)?.state === state, `run ${number} ${state}`);
  function onlyOn(...ids: string[]): void {
    for (const id of ["n1", "n2", "n3"]) world.changeNode(id, { availability: ids.includes(id) ? "ACTIVE" : "PAUSE" });
  }
  function setStatus(id: string, part: Partial<NodeStatus>): void {
    const node = world.tx.get("node", id)!;
    world.putNode({ ...node, status: { ...node.status!, ...part, sinceMs: world.env.wallNow() } });
  }

  describe("to a volume of a node", () => {
    it("start where the run before had it, and nowhere else, and why says so", async () => {
      submit(cron());
      await untilRun(1, "SUCCEEDED");
      const home = nodeOf(1);
      onlyOn(...["n1", "n2", "n3"].filter((id) => id !== home));
      await untilRun(2, "RUNNING");
      await world.run(10_000);
      expect(nodeOf(2), "it waits for its node").to.equal("");
      expect(reasons()).to.match(new RegExp(`its volume db is on node ${home}: it is started nowhere else`));
      onlyOn(home);
      await untilRun(2, "SUCCEEDED");
      expect(nodeOf(2)).to.equal(home);
    });

    it("remember it beyond every history, also when what they do is changed", async () => {
      submit(cron({}, { total: 2, concurrent: 1, runsSucceededKept: 1 }));
      await untilRun(1, "SUCCEEDED");
      const homes = ofRun(1).map(({ nodeId }) => nodeId);
      for (let number = 2; number <= 4; number += 1) await untilRun(number, "SUCCEEDED");
      submit(job({ total: 2, concurrent: 1 }));
      // Nothing of it ever ran where it may not, and so it is the last one before that tells.
      world.behave = () => ({ rejects: "no such image" });
      submit(job({ total: 2, concurrent: 1 }), { task: mounting({}, { image: "none:1" }) });
      await world.until(() => states().at(-1) === "FAILED", "it failed");
      world.behave = () => ({ exits: { afterMs: 1000, code: 0 } });
      submit(job({ total: 2, concurrent: 1 }), { task: mounting({}, { image: "web:3" }) });
      await world.until(() => states().at(-1) === "SUCCEEDED", "it succeeded");
      await world.run(1000);
      expect(world.tasks().map(({ nodeId }) => nodeId)).to.deep.equal(homes);
    });

    it("leave nothing of slots that are not wanted any more, nor of mounts that are not", async () => {
      submit(job({ total: 2 }));
      await untilRun(1, "SUCCEEDED");
      submit(job({ total: 1 }), { task: mounting({}, { forceUpdate: 1 }) });
      await untilRun(2, "SUCCEEDED");
      await world.run(1000);
      expect(world.tasks().map(({ run, slot }) => [run, slot])).to.deep.equal([[2, 1]]);
      submit(job({ total: 1 }), { task: spec() });
      await untilRun(3, "SUCCEEDED");
      await world.run(1000);
      expect(world.tasks().map(({ run }) => run)).to.deep.equal([3]);
    });

    it("go elsewhere when the node is removed", async () => {
      submit(cron());
      await untilRun(1, "SUCCEEDED");
      const home = nodeOf(1);
      world.removeNode(home);
      await untilRun(2, "SUCCEEDED");
      expect(nodeOf(2)).to.not.equal(home);
    });

    it("wait for the first of them to have a node where several are open", async () => {
      onlyOn();
      world.behave = () => ({ exits: { afterMs: 10 * MINUTE, code: 0 } });
      submit(cron({ overlap: "ALLOW" }));
      await world.run(3 * MINUTE + 10_000);
      expect(world.tasks().map(({ run }) => run)).to.deep.equal([1]);
      expect(reasons()).to.match(/run 3 waits until run 1 has a node: its volume db will be there/);
      onlyOn("n1", "n2", "n3");
      await world.until(() => world.tasks().filter(({ nodeId }) => nodeId !== "").length === 3, "all have one");
      expect(new Set(world.tasks().map(({ nodeId }) => nodeId)).size).to.equal(1);
    });
  });

  describe("to run alone", () => {
    const shared = mounting({ shared: true });
    /** Watches every change: how many of one slot ran at once, at most. */
    function watchMost(): { most: number } {
      const seen = { most: 0 };
      world.store.onSpeculative(() => {
        const running = new Map<string, number>();
        for (const task of world.tasks()) {
          if (task.status?.state !== "RUNNING" && task.status?.state !== "STARTING") continue;
          const key = task.slot > 0 ? String(task.slot) : task.nodeId;
          running.set(key, (running.get(key) ?? 0) + 1);
        }
        seen.most = Math.max(seen.most, ...running.values());
      });
      return seen;
    }

    for (const [what, task, single] of [
      ["that write to a shared mount", shared, false],
      ["that are single", spec(), true],
    ] as const) {
      it(`wait for what the run they replace still does, those ${what}`, async () => {
        const seen = watchMost();
        world.behave = () => ({ stopMs: 20_000 });
        submit(cron({ overlap: "REPLACE" }), { task, single });
        await untilRun(2, "RUNNING");
        await world.run(10_000);
        expect(ofRun(2).map(({ desired }) => desired)).to.deep.equal(["READY"]);
        expect(reasons()).to.match(/never runs twice, for .*: task \w+ on node n\d may still run/);
        await world.until(() => ofRun(2)[0]?.status?.state === "RUNNING", "it runs");
        await untilRun(4, "RUNNING");
        await world.run(30_000);
        expect(seen.most).to.equal(1);
        expect(ofRun(4)[0]?.status?.state).to.equal("RUNNING");
      });
    }

    it("wait for the tasks of a run that its deadline ended", async () => {
      const seen = watchMost();
      world.behave = () => ({ stopMs: 90_000 });
      submit(cron({}, { deadlineMs: 30_000 }), { task: shared });
      await untilRun(2, "RUNNING");
      await world.run(1000);
      expect(ofRun(2)[0]?.desired).to.equal("READY");
      await world.run(5 * MINUTE);
      expect(seen.most).to.equal(1);
      expect(states()).to.include("RUNNING");
    });

    it("wait when the job is changed, on every node for its own", async () => {
      const seen = watchMost();
      world.behave = ({ revision }) => ({
        stopMs: 5000,
        ...(revision === 1 ? {} : { exits: { afterMs: 500, code: 0 } }),
      });
      submit(globalJob(), { task: shared });
      await world.until(() => ofRun(1).filter(({ status }) => status?.state === "RUNNING").length === 3, "all run");
      submit(globalJob(), { task: mounting({ shared: true }, { image: "web:2" }) });
      await world.run(1000);
      expect(ofRun(2).map(({ desired }) => desired)).to.deep.equal(["READY", "READY", "READY"]);
      await untilRun(2, "SUCCEEDED");
      expect(seen.most).to.equal(1);
    });

    it("wait as long as a silent node may run one, and no longer", async () => {
      world.behave = () => ({});
      submit(cron({ overlap: "REPLACE" }), { task: shared });
      await world.until(() => ofRun(1)[0]?.status?.state === "RUNNING", "it runs");
      const [first] = ofRun(1);
      world.deadAgents.add(first!.nodeId);
      setStatus(first!.nodeId, { state: "DOWN", silence: { ms: 90_000, closed: true } });
      await untilRun(2, "RUNNING");
      await world.run(30_000);
      expect(
        ofRun(2).map(({ desired }) => desired),
        "its agent alone may be dead",
      ).to.deep.equal(["READY"]);
      setStatus(first!.nodeId, { silence: { ms: 30_000, closed: false } });
      await world.until(() => ofRun(2)[0]?.status?.state === "RUNNING", "it runs elsewhere");
    });

    it("take turns, the first first, when several are open because they could overlap once", async () => {
      world.behave = () => ({ exits: { afterMs: 100_000, code: 0 }, stopMs: 1000 });
      submit(cron({ overlap: "ALLOW" }), { task: spec({ restart: { condition: "ON_FAILURE", delayMs: 5000 } }) });
      await untilRun(2, "RUNNING");
      await world.run(1000);
      submit(cron({ overlap: "SKIP" }), {
        task: spec({ restart: { condition: "ON_FAILURE", delayMs: 5000 } }),
        single: true,
      });
      for (const { id } of world.wanted()) world.fail(id);
      await world.run(20_000);
      const last = (number: number): string => ofRun(number).at(-1)?.status?.state ?? "";
      expect([last(1), last(2)]).to.deep.equal(["RUNNING", "READY"]);
      expect(reasons()).to.match(/never runs twice, for it is marked single: task \w+ on node n\d may still run/);
      await world.until(() => states()[0] === "SUCCEEDED" && last(2) === "RUNNING", "the second's turn", 200_000);
    });

    it("are never allowed to overlap, which is refused at once", () => {
      const check = (part: Parameters<typeof service>[1]): (() => unknown) => {
        const { spec: whole } = service("web", part);
        return () => refuseConflicts(validateServiceSpec(whole), null);
      };
      const allow = cron({ overlap: "ALLOW" });
      expect(check({ mode: allow, task: mounting() })).to.not.throw();
      expect(check({ mode: allow, task: shared })).to.throw(/spec\.cron\.overlap: .*writes to the shared volume db/);
      expect(check({ mode: allow, single: true })).to.throw(/spec\.cron\.overlap: .*marked single/);
      expect(check({ mode: cron(), single: true })).to.not.throw();
      expect(check({ mode: job({ total: 3, concurrent: 1 }), single: true })).to.not.throw();
      expect(check({ mode: job({ total: 3 }), single: true })).to.throw(/spec\.single: .*one task at once/);
      expect(check({ mode: globalJob(), single: true })).to.throw(/spec\.single: .*every node/);
    });
  });
});
