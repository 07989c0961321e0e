/**
 * A leader in simulated time: the real store over a log that commits after a moment, the real loops,
 * and agents that do what they are told as fast as a test says.
 */
import { protoStoreCodec } from "../../../src/manager/store-codec.ts";
import { Orchestrator } from "../../../src/manager/orchestrator/orchestrator.ts";
import { Reaper } from "../../../src/manager/orchestrator/reaper.ts";
import { Scheduler } from "../../../src/manager/scheduler/scheduler.ts";
import { applyReport } from "../../../src/manager/sessions/reports.ts";
import { newRun } from "../../../src/model/run.ts";
import { TASK_STATE_NUMBER, isTerminal, isWanted } from "../../../src/model/task-state.ts";
import type { Node, Rollout, Run, Service, Task, TaskSpec, TaskStatus } from "../../../src/model/index.ts";
import { goBack, newestRevision, putSpec } from "../../../src/store/rollouts.ts";
import { Store } from "../../../src/store/store.ts";
import type { ReadTx } from "../../../src/store/types.ts";
import { silentLogger, type LogFields, type Logger } from "../../../src/util/log.ts";
import { Sim } from "../sim-env.ts";
import type { SimEnv } from "../sim-env.ts";
import { FakeLog } from "../store/fake-log.ts";
import { aRevision } from "../store/objects.ts";
import { node } from "./objects.ts";
import type { NodePart } from "./objects.ts";

/** What the agent of a task's node does with it once told to run. */
export type Behaviour = {
  /** PREPARING for so long: its image is pulled. */
  readonly pullMs?: number;
  readonly startMs?: number;
  readonly stopMs?: number;
  /** Ends so long after it runs, with this exit code. */
  readonly exits?: { readonly afterMs: number; readonly code: number };
  /** Cannot be prepared. */
  readonly rejects?: string;
  /** Never gets from STARTING to RUNNING. */
  readonly hangs?: boolean;
  /** Runs, but is not ready before so long. */
  readonly unreadyMs?: number;
};

class CommittingLog extends FakeLog {
  onPropose: () => void = () => undefined;

  override propose(payload: Uint8Array): { readonly index: number; readonly term: number } {
    const at = super.propose(payload);
    this.onPropose();
    return at;
  }
}

const COMMIT_MS = 2;

export class World {
  readonly sim: Sim;
  readonly env: SimEnv;
  readonly store: Store;
  readonly log = new CommittingLog();
  /** What the loops logged as an error. */
  readonly errors: LogFields[] = [];
  behave: (task: Task, spec: TaskSpec) => Behaviour = () => ({});
  /** Nodes whose agents do nothing and say nothing. */
  readonly deadAgents = new Set<string>();
  #loops: { start(): void; stop(): Promise<void> }[] = [];
  readonly #acting = new Set<string>();

  constructor(seed = 1) {
    this.sim = new Sim(seed);
    this.env = this.sim.env("leader");
    this.store = new Store({ env: this.env, codec: protoStoreCodec }, { freezeRows: true });
    this.store.setProposer(this.log);
    this.log.onPropose = () => void this.sim.schedule(COMMIT_MS, () => this.store.apply(this.log.take()));
    this.store.leadershipGained(this.log.term);
    this.store.onCommit((set) => {
      for (const { table, after } of set.changes) if (table === "task" && after !== undefined) this.#act(after.id);
    });
    this.startLoops();
  }

  startLoops(): void {
    const log: Logger = { ...silentLogger, error: (_message, fields = {}) => void this.errors.push(fields) };
    const deps = { store: this.store, env: this.env, log };
    this.#loops = [new Orchestrator(deps), new Scheduler(deps), new Reaper(deps)];
    for (const loop of this.#loops) loop.start();
  }

  async stopLoops(): Promise<void> {
    await Promise.all(this.#loops.map((loop) => loop.stop()));
  }

  /** Another manager leads: everything the loops knew is lost, the store is not. */
  async changeLeader(): Promise<void> {
    await this.stopLoops();
    await this.until(() => this.log.inFlight.length === 0, "what was proposed is committed");
    this.store.leadershipLost();
    this.log.term += 1;
    this.store.leadershipGained(this.log.term);
    this.startLoops();
  }

  get tx(): ReadTx {
    return this.store.speculative();
  }

  tasks(serviceId = "web"): readonly Task[] {
    return this.tx.find("task", "service", serviceId);
  }

  wanted(serviceId = "web"): readonly Task[] {
    return this.tasks(serviceId).filter((task) => isWanted(task) && !isTerminal(task.status!.state));
  }

  running(serviceId = "web"): readonly Task[] {
    return this.wanted(serviceId).filter((task) => task.desired === "RUNNING" && task.status!.state === "RUNNING");
  }

  /** Of a job, from the first to the newest. */
  runs(serviceId = "web"): readonly Run[] {
    return this.tx.find("run", "service", serviceId).toSorted((a, b) => a.number - b.number);
  }

  slot(slot: number, serviceId = "web"): readonly Task[] {
    return this.tasks(serviceId).filter((task) => task.slot === slot);
  }

  addNodes(...ids: string[]): void {
    for (const id of ids) this.putNode(node(id));
  }

  putNode(object: Node): void {
    void this.store.update((tx) => tx.put("node", object));
  }

  changeNode(id: string, part: NodePart): void {
    const before = this.tx.get("node", id)!;
    const after = node(id, part);
    const sinceMs = part.state === undefined ? before.status!.sinceMs : this.env.wallNow();
    this.putNode({
      ...before,
      spec: {
        ...before.spec!,
        ...(part.availability && { availability: part.availability }),
        ...(part.labels && { labels: part.labels }),
      },
      status: {
        ...before.status!,
        ...(part.state && { state: after.status!.state }),
        ...(part.agentEpoch && { agentEpoch: part.agentEpoch }),
        sinceMs,
      },
    });
  }

  removeNode(id: string): void {
    void this.store.update((tx) => tx.remove("node", id));
  }

  /** The host is lost: its agent is silent, and after a while the node counts as down. */
  loseNode(id: string): void {
    this.deadAgents.add(id);
    this.changeNode(id, { state: "DOWN" });
  }

  returnNode(id: string): void {
    this.deadAgents.delete(id);
    this.changeNode(id, { state: "READY" });
    for (const task of this.tx.find("task", "node", id)) this.#act(task.id);
  }

  /** Creates the service, or updates it: another spec is another revision, and is rolled out. */
  putService(object: Service): void {
    void this.store.update((tx) => {
      const before = tx.get("service", object.id);
      const { spec, cause } = object;
      if (before === undefined) {
        // A service that comes again under a removed one's id must not change a revision in use.
        const number = newestRevision(tx, object.id) + 1;
        const id = `${object.id}/${number}`;
        tx.put("service", { ...object, revision: number, specVersion: tx.version, scheduledFromMs: tx.timeMs });
        tx.put("revision", aRevision({ id, serviceId: object.id, number, spec: spec!.task }));
        return;
      }
      const isNewRevision = JSON.stringify(before.spec!.task) !== JSON.stringify(spec!.task);
      putSpec(tx, before, { spec: spec!, cause, isNewRevision });
    });
  }

  /** Somebody goes back by hand. */
  rollBack(to: number, id = "web"): void {
    void this.store.update((tx) => {
      const cause = { actor: "user:ada", reason: "rolled back" };
      goBack(tx, tx.get("service", id)!, { to, cause, message: "by hand", outcome: "ROLLED_BACK" });
    });
  }

  /** A word of somebody to the rollout. */
  steer(change: (rollout: Rollout, nowMs: number) => Rollout, id = "web"): void {
    void this.store.update((tx) => {
      const before = tx.get("service", id)!;
      tx.put("service", { ...before, rollout: change(before.rollout!, tx.timeMs) });
    });
  }

  rollout(id = "web"): Rollout {
    return this.tx.get("service", id)!.rollout!;
  }

  /** As Control does. */
  runNow(id = "web"): void {
    void this.store.update((tx) => {
      const runs = tx.find("run", "service", id);
      const cause = { actor: "user:ada", reason: "run by hand" };
      tx.put("run", newRun({ service: tx.get("service", id)!, runs, cause, scheduledAtMs: 0, nowMs: tx.timeMs }));
    });
  }

  removeService(id = "web"): void {
    void this.store.update((tx) => tx.remove("service", id));
  }

  report(taskId: string, part: Partial<TaskStatus> & { state: TaskStatus["state"] }): void {
    void this.store.update((tx) => {
      const task = tx.get("task", taskId);
      if (task === undefined || TASK_STATE_NUMBER[part.state] < TASK_STATE_NUMBER[task.status!.state]) return;
      const wallMs = this.env.wallNow();
      const status = {
        ...task.status!,
        single: task.single,
        ...(part.state === "RUNNING"
          ? { startedAtMs: wallMs, healthy: true, ready: true }
          : { healthy: false, ready: false }),
        ...(isTerminal(part.state) ? { finishedAtMs: wallMs } : {}),
        agentEpoch: tx.get("node", task.nodeId)?.status?.agentEpoch ?? 1,
        ...part,
        sequence: task.status!.sequence + 1,
      };
      applyReport(tx, { nodeId: task.nodeId, report: { taskId, status } });
    });
  }

  /** The container of a task is killed. */
  fail(taskId: string, exitCode = 1): void {
    this.report(taskId, { state: "FAILED", exitCode });
  }

  async until(isDone: () => boolean, what: string, timeoutMs = 120_000): Promise<void> {
    await this.sim.runUntil(isDone, { timeoutMs, what });
  }

  async run(ms: number): Promise<void> {
    await this.sim.run(ms);
  }

  /** The agent looks at one of its tasks and takes the next step. */
  #act(taskId: string): void {
    const task = this.store.view().get("task", taskId);
    if (task === undefined || task.nodeId === "" || this.deadAgents.has(task.nodeId)) return;
    const state = task.status!.state;
    if (isTerminal(state) || this.#acting.has(`${taskId}/${task.desired}/${state}`)) return;
    this.#acting.add(`${taskId}/${task.desired}/${state}`);
    const spec = this.store.view().get("revision", `${task.serviceId}/${task.revision}`)?.spec;
    // Without it no agent is told of the task.
    if (spec) this.#step(task, this.behave(task, spec));
  }

  #step(task: Task, behaviour: Behaviour): void {
    const { pullMs = 0, startMs = 20, stopMs = 10, exits, rejects, hangs, unreadyMs = 0 } = behaviour;
    const state = task.status!.state;
    if (!isWanted(task)) this.#later(task, stopMs, { state: "SHUTDOWN" });
    else if (state === "ASSIGNED" && pullMs > 0) this.#later(task, 1, { state: "PREPARING" });
    else if (state === "ASSIGNED" || state === "PREPARING") {
      const ms = Math.max(1, pullMs);
      if (rejects === undefined) this.#later(task, ms, { state: "READY" });
      else this.#later(task, ms, { state: "REJECTED", error: rejects });
    } else if (state === "READY" && task.desired !== "READY") {
      if (hangs === true) this.#later(task, startMs, { state: "STARTING" });
      else this.#later(task, startMs, { state: "RUNNING", ready: unreadyMs === 0 });
    } else if (state === "RUNNING" && !task.status!.ready && unreadyMs > 0) {
      this.#later(task, unreadyMs, { state: "RUNNING" });
    } else if (state === "RUNNING" && exits !== undefined) {
      this.#later(task, exits.afterMs, { state: exits.code === 0 ? "COMPLETE" : "FAILED", exitCode: exits.code });
    }
  }

  #later(task: Task, ms: number, status: Partial<TaskStatus> & { state: TaskStatus["state"] }): void {
    this.sim.schedule(ms, () => {
      this.#acting.delete(`${task.id}/${task.desired}/${task.status!.state}`);
      const now = this.tx.get("task", task.id);
      // The order may have changed meanwhile; a dead agent carries out none.
      if (now === undefined || this.deadAgents.has(task.nodeId) || isTerminal(now.status!.state)) return;
      if (isWanted(task) !== isWanted(now)) return;
      this.report(task.id, status);
    });
  }
}
