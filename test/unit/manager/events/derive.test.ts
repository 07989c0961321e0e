import { expect } from "chai";
import { eventsOf } from "../../../../src/manager/events/derive.ts";
import { EVENT_TEXT_MAX } from "../../../../src/manager/events/event.ts";
import type {
  Event,
  NodeState,
  NodeStatus,
  Rollout,
  Task,
  TaskState,
  TaskStatus,
} from "../../../../src/model/index.ts";
import type { WriteTx } from "../../../../src/store/types.ts";
import { ControlRig } from "../../../support/control/control-rig.ts";
import {
  aCluster,
  aNode,
  aNodeSpec,
  aNodeStatus,
  aRollout,
  aRun,
  aService,
  aServiceSpec,
  aTask,
} from "../../../support/store/objects.ts";

class Teller {
  readonly rig = new ControlRig();
  #told: Event[] = [];

  constructor() {
    this.rig.store.onCommit((set) => this.#told.push(...eventsOf(set, this.rig.store.view())));
  }

  /** What one change is told as. */
  async events(change: (tx: WriteTx) => void): Promise<readonly Event[]> {
    this.#told = [];
    await this.rig.write(change);
    return this.#told;
  }

  /** `task running web.1 by node:n1: started (message)`. */
  async lines(change: (tx: WriteTx) => void): Promise<readonly string[]> {
    return (await this.events(change)).map(({ type, action, name, cause, message }) => {
      const more = message === "" ? "" : ` (${message})`;
      return `${type} ${action} ${name} by ${cause?.actor}: ${cause?.reason}${more}`;
    });
  }
}

const status = (state: TaskState, part: Partial<TaskStatus> = {}): TaskStatus => ({
  state,
  message: "",
  error: "",
  atMs: 0,
  agentEpoch: 1,
  sequence: 1,
  runtimeId: "",
  ports: [],
  startedAtMs: 0,
  finishedAtMs: 0,
  healthy: state === "RUNNING",
  ready: state === "RUNNING",
  checkMessage: "",
  single: false,
  ...part,
});

const web = (id: string, part: Partial<Task> = {}): Task =>
  aTask({
    id,
    serviceId: "s1",
    serviceName: "web",
    slot: 1,
    desired: "RUNNING",
    cause: { actor: "orchestrator", reason: "one of 1 replicas" },
    status: status("PENDING"),
    ...part,
  });
const on = (nodeId: string, state: TaskState, part: Partial<TaskStatus> = {}): Partial<Task> => ({
  nodeId,
  status: status(state, part),
});
const placedBy = (name: string): Partial<Task> => ({ cause: { actor: "scheduler", reason: `placed on node ${name}` } });

const node = (id: string, state: NodeState = "READY", message = ""): Parameters<typeof aNode>[0] => ({
  id,
  spec: aNodeSpec({ name: `name-${id}` }),
  status: aNodeStatus({ state, message, engineOk: true }),
});

describe("manager/events/derive", () => {
  it("tells a task's way from its making to its removal, each time with who and why", async () => {
    const teller = new Teller();
    await teller.events((tx) => tx.put("node", aNode(node("n1"))));
    const said = async (task: Task): Promise<readonly string[]> => await teller.lines((tx) => tx.put("task", task));
    expect(await said(web("t1"))).to.deep.equal(["task created web.1 by orchestrator: one of 1 replicas"]);
    expect(await said(web("t1", { ...on("n1", "ASSIGNED"), ...placedBy("name-n1") }))).to.deep.equal([
      "task placed web.1 by scheduler: placed on node name-n1",
    ]);
    expect(await said(web("t1", on("n1", "PREPARING", { message: "pulling" })))).to.deep.equal([]);
    expect(await said(web("t1", on("n1", "RUNNING", { message: "started" })))).to.deep.equal([
      "task running web.1 by node:n1: started",
    ]);
    expect(await said(web("t1", on("n1", "RUNNING", { healthy: false })))).to.deep.equal([
      "task unhealthy web.1 by node:n1: ",
    ]);
    const ill = { healthy: false, ready: false, checkMessage: "readiness: HTTP 503" };
    expect(await said(web("t1", on("n1", "RUNNING", ill)))).to.deep.equal([
      "task not-ready web.1 by node:n1: readiness: HTTP 503",
    ]);
    const failed = web("t1", on("n1", "FAILED", { message: "exited", error: "exit code 3", exitCode: 3 }));
    expect(await said(failed)).to.deep.equal(["task failed web.1 by node:n1: exited (exit code 3)"]);
    const cause = { actor: "user:ada", reason: "service removed" };
    expect(await said({ ...failed, desired: "REMOVE", cause })).to.deep.equal([]);
    expect(await teller.lines((tx) => tx.remove("task", "t1"))).to.deep.equal([
      "task removed web.1 by reaper: service removed",
    ]);
  });

  it("calls a failure an error, with its exit code, its node and its service", async () => {
    const teller = new Teller();
    await teller.events((tx) => {
      tx.put("node", aNode(node("n1")));
      tx.put("task", web("t1", on("n1", "RUNNING")));
    });
    const [failed] = await teller.events((tx) => tx.put("task", web("t1", on("n1", "FAILED", { exitCode: 137 }))));
    expect(failed).to.include({ level: "ERROR", exitCode: 137, id: "t1", serviceName: "web", nodeName: "name-n1" });
    expect(failed).to.include({ version: 2, n: 0, timeMs: teller.rig.store.view().timeMs });
  });

  it("calls it moved when the slot was on another node before, and says why it had to be", async () => {
    const teller = new Teller();
    await teller.events((tx) => {
      for (const id of ["n1", "n2"]) tx.put("node", aNode(node(id)));
      tx.put("task", web("t1", on("n1", "RUNNING")));
    });
    const replacement = web("t2", { replaces: "t1", cause: { actor: "orchestrator", reason: "node name-n1 is down" } });
    expect(await teller.lines((tx) => tx.put("task", replacement))).to.deep.equal([
      "task created web.1 by orchestrator: node name-n1 is down (stands in for task t1)",
    ]);
    const placed = { ...replacement, ...on("n2", "ASSIGNED"), ...placedBy("name-n2") };
    expect(await teller.lines((tx) => tx.put("task", placed))).to.deep.equal([
      "task moved web.1 by orchestrator: node name-n1 is down (from node name-n1 to name-n2)",
    ]);
    const third = web("t3", { slot: 2, ...placedBy("name-n1") });
    await teller.events((tx) => tx.put("task", third));
    expect(await teller.lines((tx) => tx.put("task", { ...third, nodeId: "n1" }))).to.deep.equal([
      "task placed web.2 by scheduler: placed on node name-n1",
    ]);
  });

  it("tells once that a task cannot be placed, however its reason changes", async () => {
    const teller = new Teller();
    await teller.events((tx) => tx.put("task", web("t1")));
    const waits = (pendingReason: string) => async (): Promise<readonly string[]> =>
      await teller.lines((tx) => tx.put("task", web("t1", { pendingReason })));
    expect(await waits("no node has room")()).to.deep.equal(["task pending web.1 by scheduler: no node has room"]);
    expect(await waits("1 node has no room")()).to.deep.equal([]);
  });

  it("tells what a user changes of a service, and nothing where only its progress is written", async () => {
    const teller = new Teller();
    const service = (revision: number, replicas: number): Parameters<typeof aService>[0] => ({
      id: "s1",
      revision,
      cause: { actor: "user:ada", reason: "service updated" },
      spec: aServiceSpec({ name: "web", mode: "replicated", replicated: { replicas } }),
    });
    const put = (revision: number, replicas: number) => (tx: WriteTx) =>
      tx.put("service", aService(service(revision, replicas)));
    expect(await teller.lines(put(1, 1))).to.deep.equal(["service created web by user:ada: service updated"]);
    expect(await teller.lines(put(1, 3))).to.deep.equal(["service scaled web by user:ada: service updated (1 to 3)"]);
    expect(await teller.lines(put(1, 3))).to.deep.equal([]);
    expect(await teller.lines(put(2, 3))).to.deep.equal([
      "service updated web by user:ada: service updated (revision 1 to 2)",
    ]);
    expect(await teller.lines(put(1, 3))).to.deep.equal([
      "service rolled-back web by user:ada: service updated (revision 2 to 1)",
    ]);
    const removal = (tx: WriteTx): void => {
      tx.by("user:bob");
      tx.remove("service", "s1");
    };
    expect(await teller.lines(removal)).to.deep.equal(["service removed web by user:bob: service removed"]);
  });

  it("tells who asked to have a service rebalanced, and when that is over", async () => {
    const teller = new Teller();
    const put = (rebalanceUntilMs: number, by: string) => (tx: WriteTx) => {
      if (by !== "") tx.by(by);
      tx.put("service", aService({ id: "s1", rebalanceUntilMs, spec: aServiceSpec({ name: "web" }) }));
    };
    await teller.events(put(0, ""));
    expect(await teller.lines(put(9, "user:bob"))).to.deep.equal([
      "service rebalancing web by user:bob: asked to spread its tasks",
    ]);
    expect(await teller.lines(put(0, ""))).to.deep.equal(["service rebalanced web by scheduler: "]);
  });

  it("tells how a rollout comes on: that it paused, went on, and where it went back to", async () => {
    const teller = new Teller();
    const cause = { actor: "user:ada", reason: "service updated" };
    const put = (revision: number, rollout: Partial<Rollout>) => (tx: WriteTx) =>
      tx.put(
        "service",
        aService({ id: "s1", revision, cause, rollout: aRollout(rollout), spec: aServiceSpec({ name: "web" }) }),
      );
    await teller.events((tx) =>
      tx.put("service", aService({ id: "s1", revision: 1, spec: aServiceSpec({ name: "web" }) })),
    );
    const forth = { from: 1, to: 2, startedAtMs: 5 };
    const back = { from: 2, to: 1, startedAtMs: 9, message: "1 of 3 tasks failed" };
    const told: string[] = [];
    for (const change of [
      put(2, { ...forth, state: "CANARY" }),
      put(2, { ...forth, state: "CANARY", updated: 1 }),
      put(2, { ...forth, state: "UPDATING" }),
      put(2, { ...forth, state: "PAUSED", message: "paused by user:ada" }),
      put(2, { ...forth, state: "UPDATING" }),
      put(1, { ...back, state: "ROLLING_BACK" }),
      put(1, { ...back, state: "ROLLED_BACK" }),
    ]) {
      const lines = await teller.lines(change);
      told.push(lines.join("; ").replaceAll(/^service /g, ""));
    }
    expect(told).to.deep.equal([
      "updated web by user:ada: service updated (revision 1 to 2)",
      "",
      "rollout-promoted web by orchestrator:  (revision 1 to 2)",
      "rollout-paused web by orchestrator: paused by user:ada (revision 1 to 2)",
      "rollout-resumed web by orchestrator:  (revision 1 to 2)",
      "rolling-back web by orchestrator: 1 of 3 tasks failed (revision 2 to 1)",
      "rolled-back web by orchestrator: 1 of 3 tasks failed (revision 2 to 1)",
    ]);
  });

  it("tells a node's states with their levels, and who drained or removed it", async () => {
    const teller = new Teller();
    const put = (state: NodeState, message: string) => (tx: WriteTx) =>
      tx.put("node", aNode({ ...node("n1", state, message), role: "WORKER" }));
    expect(await teller.lines(put("UNKNOWN", ""))).to.deep.equal([
      "node joined name-n1 by node:n1: joined as a worker",
    ]);
    const levels: string[] = [];
    for (const [state, message] of [
      ["READY", "connected"],
      ["UNREACHABLE", "silent for 3 s"],
      ["DOWN", "silent for 6 s"],
      ["READY", "connected"],
      ["LEFT", "said goodbye"],
    ] as const) {
      const [event] = await teller.events(put(state, message));
      levels.push(`${event?.action} ${event?.level} ${event?.cause?.actor} ${event?.cause?.reason}`);
    }
    expect(levels).to.deep.equal([
      "ready INFO monitor connected",
      "unreachable WARNING monitor silent for 3 s",
      "down ERROR monitor silent for 6 s",
      "back INFO monitor connected",
      "left INFO monitor said goodbye",
    ]);
    const drained = await teller.lines((tx) => {
      tx.by("user:ada");
      const spec = aNodeSpec({ name: "name-n1", availability: "DRAIN" });
      tx.put("node", aNode({ ...node("n1", "LEFT", "said goodbye"), spec }));
    });
    expect(drained).to.deep.equal([
      "node drained name-n1 by user:ada: availability active to drain",
      "node drain-completed name-n1 by orchestrator: no task is left on it",
    ]);
    const removal = (tx: WriteTx): void => {
      tx.by("user:ada");
      tx.remove("node", "n1");
    };
    expect(await teller.lines(removal)).to.deep.equal(["node removed name-n1 by user:ada: node removed"]);
  });

  it("tells an engine that is lost and back, of a node that is there all the time", async () => {
    const teller = new Teller();
    const put =
      (state: NodeState, engineOk: boolean, engineMessage = "") =>
      (tx: WriteTx) => {
        tx.put("node", aNode({ ...node("n1"), status: aNodeStatus({ state, engineOk, engineMessage }) }));
      };
    await teller.events(put("READY", true));
    const [lost] = await teller.events(put("READY", false, "connection refused"));
    expect([lost?.action, lost?.level, lost?.cause]).to.deep.equal([
      "engine-lost",
      "WARNING",
      { actor: "node:n1", reason: "connection refused" },
    ]);
    expect(await teller.lines(put("READY", false, "no such file"))).to.deep.equal([]);
    expect(await teller.lines(put("READY", true))).to.deep.equal([
      "node engine-back name-n1 by node:n1: the engine answers again",
    ]);
    expect((await teller.events(put("UNREACHABLE", false, "x"))).map(({ action }) => action)).to.deep.equal([
      "unreachable",
    ]);
    expect((await teller.events(put("READY", true))).map(({ action }) => action)).to.deep.equal(["back"]);
  });

  it("tells a mass silence once, with how many nodes it is, and not that it is over", async () => {
    const teller = new Teller();
    const put = (sinceMs: number, silent: number) => (tx: WriteTx) => {
      const massSilence = sinceMs === 0 ? null : { sinceMs, untilMs: sinceMs + 60_000, silent, nodes: 5 };
      tx.put("cluster", aCluster({ id: "c1", massSilence }));
    };
    await teller.events(put(0, 0));
    const [event, ...others] = await teller.events(put(1000, 3));
    expect(others).to.deep.equal([]);
    expect(event).to.include({ type: "cluster", action: "mass-silence", level: "ERROR" });
    expect(event?.cause).to.deep.equal({
      actor: "monitor",
      reason: "3 of 5 nodes fell silent at once: for a while nothing is replaced",
    });
    expect(await teller.lines(put(1000, 3))).to.deep.equal([]);
    expect(await teller.lines(put(99_000, 4))).to.have.length(1);
  });

  it("tells a disk that fills up, is full, and has room again, by its path", async () => {
    const teller = new Teller();
    const look = async (fillingPaths: string[], fullPaths: string[]): Promise<readonly string[]> => {
      const events = await teller.events((tx) =>
        tx.put("node", aNode({ ...node("n1"), description: { fillingPaths, fullPaths } as never })),
      );
      return events.map(({ action, level, cause }) => `${action} ${level} ${cause?.reason}`);
    };
    const docker = ["/var/lib/docker"];
    await look([], []);
    expect(await look(docker, [])).to.deep.equal([
      "disk-filling WARNING 90 % of /var/lib/docker is used, unused images are collected already",
    ]);
    expect(await look(docker, docker)).to.deep.equal(["disk-full ERROR 95 % of /var/lib/docker is used: no new tasks"]);
    expect(await look(docker, docker)).to.deep.equal([]);
    expect(await look(docker, [])).to.deep.equal(["disk-ok INFO there is room for new tasks in /var/lib/docker again"]);
    expect(await look([], [])).to.deep.equal(["disk-ok INFO there is room on the disk again"]);
    expect(await look(docker, docker), "both at once is told as the worse").to.have.length(1);
  });

  it("tells once that a drained node is empty, when its last task ended or there was none", async () => {
    const teller = new Teller();
    const drained = (id: string, part: Partial<NodeStatus> = {}) =>
      aNode({
        ...node(id),
        spec: aNodeSpec({ name: `name-${id}`, availability: "DRAIN" }),
        status: aNodeStatus({ state: "READY", engineOk: true, drainSinceMs: 5, ...part }),
      });
    const actions = async (change: (tx: WriteTx) => void): Promise<readonly string[]> =>
      (await teller.events(change)).filter(({ type }) => type === "node").map(({ action }) => action);
    await teller.events((tx) => {
      tx.put("node", aNode(node("n1")));
      tx.put("node", aNode(node("n2")));
      for (const [at, id] of ["t1", "t2", "t3"].entries())
        tx.put("task", web(id, { slot: at + 1, ...on("n1", "RUNNING") }));
    });
    expect(await actions((tx) => tx.put("node", drained("n2")))).to.deep.equal(["drained", "drain-completed"]);
    expect(await actions((tx) => tx.put("node", drained("n1")))).to.deep.equal(["drained"]);
    expect(await actions((tx) => tx.put("task", web("t1", on("n1", "SHUTDOWN"))))).to.deep.equal([]);
    const last = await teller.events((tx) => {
      tx.put("task", web("t2", { slot: 2, ...on("n1", "FAILED") }));
      tx.put("task", web("t3", { slot: 3, ...on("n1", "SHUTDOWN") }));
    });
    expect(last.map(({ type, action }) => `${type} ${action}`)).to.deep.equal([
      "task failed",
      "task stopped",
      "node drain-completed",
    ]);
    expect(last[2]?.cause).to.deep.equal({ actor: "orchestrator", reason: "no task is left on it" });
    expect(await actions((tx) => tx.remove("task", "t1"))).to.deep.equal([]);
  });

  it("tells once that the deadline of a drain passed", async () => {
    const teller = new Teller();
    const put = (drainOverdueMs: number) => (tx: WriteTx) => {
      const spec = aNodeSpec({ name: "name-n1", availability: "DRAIN" });
      const status = aNodeStatus({ state: "READY", engineOk: true, drainSinceMs: 5, drainOverdueMs });
      tx.put("node", aNode({ ...node("n1"), spec, status }));
    };
    await teller.events((tx) => {
      tx.put("task", web("t1", on("n1", "RUNNING")));
      put(0)(tx);
    });
    const [event, ...others] = await teller.events(put(600_005));
    expect(others).to.deep.equal([]);
    expect(event).to.include({ type: "node", action: "drain-overdue", level: "WARNING", name: "name-n1" });
    expect(await teller.lines(put(600_005))).to.deep.equal([]);
  });

  it("tells a leadership by the first entry that it makes", async () => {
    const teller = new Teller();
    await teller.events((tx) => {
      tx.put("cluster", aCluster({ id: "c1", spec: aCluster({ id: "c1" }).spec }));
      tx.put("node", aNode(node("m1")));
    });
    const [event, ...others] = await teller.events((tx) => tx.leads("m1"));
    expect(event).to.include({ type: "cluster", action: "leader-changed", nodeId: "m1", nodeName: "name-m1" });
    expect(event?.cause).to.deep.equal({ actor: "node:m1", reason: "leads since term 1" });
    expect(others).to.deep.equal([]);
  });

  it("tells how a job's run begins and ends, and nothing of what it has come to in between", async () => {
    const teller = new Teller();
    const run = { id: "s1/1", serviceId: "s1", serviceName: "backup", number: 1 };
    const cause = { actor: "cron", reason: "it was 02:30" };
    const put = (part: object) => (tx: WriteTx) => tx.put("run", aRun({ ...run, cause, state: "RUNNING", ...part }));
    expect(await teller.lines(put({}))).to.deep.equal(["run started backup run 1 by cron: it was 02:30"]);
    expect(await teller.lines(put({ completed: 1 }))).to.deep.equal([]);
    expect(await teller.lines(put({ state: "TIMED_OUT", message: "its deadline passed" }))).to.deep.equal([
      "run timed-out backup run 1 by orchestrator: its deadline passed",
    ]);
    expect(await teller.lines((tx) => tx.remove("run", "s1/1"))).to.deep.equal([]);
  });

  it("numbers the events of one change, and bounds their texts", async () => {
    const teller = new Teller();
    const events = await teller.events((tx) => {
      for (const id of ["t1", "t2"])
        tx.put("task", web(id, { cause: { actor: "restart", reason: "x".repeat(2_000) } }));
    });
    expect(events.map(({ version, n }) => [version, n])).to.deep.equal([
      [1, 0],
      [1, 1],
    ]);
    expect(events[0]?.cause?.reason).to.have.lengthOf(EVENT_TEXT_MAX);
  });
});
