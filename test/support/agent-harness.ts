/** One node's worker on a fake engine and a disk in memory, in simulated time: it can crash and come back. */
import { Reporter } from "../../src/agent/reporter.ts";
import { TaskDb } from "../../src/agent/task-db.ts";
import { Worker } from "../../src/agent/worker.ts";
import type { AssignmentSet, TaskReport } from "../../src/model/index.ts";
import type { NodeIdentity } from "../../src/pki/types.ts";
import { silentLogger } from "../../src/util/log.ts";
import { FakeEngine, FakeExecutor } from "./fake-executor.ts";
import { MemoryDisk } from "./memory-kv.ts";
import { Sim, type SimEnv } from "./sim-env.ts";

export const IDENTITY: NodeIdentity = { clusterId: "cluster1", nodeId: "node1", role: "worker" };

/** What one run of an agent's process has. */
export class WorkerRun {
  readonly env: SimEnv;
  readonly executor: FakeExecutor;
  readonly db: TaskDb;
  readonly reporter: Reporter;
  readonly worker: Worker;
  /** Everything reported, in order. */
  readonly reports: TaskReport[] = [];

  constructor(env: SimEnv, engine: FakeEngine, disk: MemoryDisk) {
    this.env = env;
    this.executor = new FakeExecutor(env, engine);
    this.db = new TaskDb({ env, log: silentLogger, kvFactory: disk.factory(env) });
    this.reporter = new Reporter(env);
    this.worker = new Worker({ env, log: silentLogger, executor: this.executor, db: this.db, reporter: this.reporter });
    this.reporter.attach((reports) => {
      this.reports.push(...reports);
      return true;
    });
  }

  state(taskId: string): string | undefined {
    return this.worker.statusOf(taskId)?.state;
  }

  statesReported(taskId: string): string[] {
    return this.reports.filter((report) => report.taskId === taskId).map(({ status }) => status?.state ?? "");
  }
}

export class WorkerHarness {
  readonly sim: Sim;
  readonly engine: FakeEngine;
  readonly disk = new MemoryDisk();
  run: WorkerRun;
  #starts = 0;

  constructor(seed = 1, behaviour: ConstructorParameters<typeof FakeEngine>[1] = {}) {
    this.sim = new Sim(seed);
    this.engine = new FakeEngine(this.sim.env("engine"), behaviour);
    this.run = this.#newRun();
  }

  #newRun(): WorkerRun {
    this.#starts += 1;
    return new WorkerRun(this.sim.env(`agent${this.#starts}`), this.engine, this.disk);
  }

  get worker(): Worker {
    return this.run.worker;
  }

  async start(bootId = "boot1"): Promise<void> {
    await this.sim.resolve(this.worker.start(IDENTITY, { nodeName: "node-1", bootId }), {
      timeoutMs: 1000,
      what: "start",
    });
  }

  /** A set that came by a session of which its state knows, unless another one is named. */
  apply(set: AssignmentSet, sessionId = set.sessionId): void {
    this.worker.apply(set, sessionId);
  }

  /** SIGKILL of the agent: the engine and its containers go on. */
  crash(kind: "process" | "power" = "process"): void {
    this.run.env.kill();
    this.run.executor.crash();
    this.disk.crash({ kind });
    if (kind === "power") this.engine.powerCut();
  }

  async restart(bootId = "boot1"): Promise<void> {
    this.run = this.#newRun();
    await this.start(bootId);
  }

  async until(taskId: string, state: string, timeoutMs = 10_000): Promise<void> {
    await this.sim.runUntil(() => this.run.state(taskId) === state, { timeoutMs, what: `${taskId} in ${state}` });
  }

  async stop(): Promise<void> {
    await this.sim.resolve(this.worker.stop(), { timeoutMs: 60_000, what: "worker stops" });
    await this.sim.resolve(this.run.db.stop(), { timeoutMs: 60_000, what: "database stops" });
  }
}
