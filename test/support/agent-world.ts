/** One node's agent on a fake engine, with three fake managers to talk to, in simulated time. */
import { Agent, type AgentStop } from "../../src/agent/agent.ts";
import type { Dialer } from "../../src/proto/rpc.ts";
import { Router } from "../../src/proto/router.ts";
import type { DiskProbe } from "../../src/util/disk-space.ts";
import { silentLogger } from "../../src/util/log.ts";
import { anAssignment, completeSet } from "./agent-fixtures.ts";
import { IDENTITY } from "./agent-harness.ts";
import { FakeEngine, FakeExecutor } from "./fake-executor.ts";
import { FakeManager } from "./fake-manager.ts";
import { MemoryDisk } from "./memory-kv.ts";
import { MemoryNetwork, type MemoryNode } from "./memory-rpc.ts";
import { Sim, type SimEnv } from "./sim-env.ts";

export class AgentWorld {
  readonly sim: Sim;
  readonly network: MemoryNetwork;
  readonly engine: FakeEngine;
  readonly disk = new MemoryDisk();
  readonly managers: FakeManager[];
  agent: Agent;
  env: SimEnv;
  node: MemoryNode;
  executor: FakeExecutor;
  /** Addresses dialled, in order. */
  readonly dialled: string[] = [];
  /** Of the disk it writes to. */
  freeShare = 0.5;
  /** By which managers reach it. */
  readonly #address: string;
  #starts = 0;

  constructor(seed = 1, { address = "worker1:7377" } = {}) {
    this.#address = address;
    this.sim = new Sim(seed);
    this.network = new MemoryNetwork(this.sim.env("network"));
    this.engine = new FakeEngine(this.sim.env("engine"));
    this.managers = ["m1", "m2", "m3"].map((name) => new FakeManager(this.sim, this.network, name));
    for (const manager of this.managers) {
      manager.managers = this.addresses;
      manager.first = completeSet([anAssignment("t1")], { version: 5 });
    }
    ({ agent: this.agent, env: this.env, node: this.node, executor: this.executor } = this.#make());
  }

  get addresses(): string[] {
    return this.managers.map(({ address }) => address);
  }

  #make(seeds = this.addresses): { agent: Agent; env: SimEnv; node: MemoryNode; executor: FakeExecutor } {
    this.#starts += 1;
    const env = this.sim.env(`agent${this.#starts}`);
    const node = this.network.node("worker1", { env, identity: { kind: "node", ...IDENTITY } });
    const router = new Router(silentLogger);
    node.listen("worker1:7377", router);
    const executor = new FakeExecutor(env, this.engine);
    const dialer: Dialer = {
      dial: (address, options) => {
        this.dialled.push(address);
        return node.dial(address, options);
      },
    };
    const probeOf = (): DiskProbe => async () => ({ freeBytes: this.freeShare * 1000, totalBytes: 1000 });
    const agent = new Agent(
      {
        env,
        log: silentLogger,
        dialer,
        router,
        executor,
        kvFactory: this.disk.factory(env),
        identity: IDENTITY,
        probeOf,
      },
      {
        address: this.#address,
        nodeName: "worker-1",
        managers: seeds,
        version: "0.1.0",
        bootId: "boot1",
        dataDir: "/var/lib/shoal",
      },
    );
    return { agent, env, node, executor };
  }

  async start(): Promise<void> {
    await this.sim.resolve(this.agent.start(), { timeoutMs: 1000, what: "agent starts" });
  }

  crash(): void {
    this.env.kill();
    this.executor.crash();
    this.node.kill();
    this.disk.crash({ kind: "process" });
  }

  async restart(seeds?: string[]): Promise<void> {
    // A process that ended in order is gone too.
    this.node.kill();
    Object.assign(this, this.#make(seeds));
    await this.start();
  }

  /** The manager that holds the session now. */
  holder(): FakeManager {
    const { manager } = this.agent.status();
    const found = this.managers.find(({ address }) => address === manager);
    if (found === undefined) throw new Error("No session");
    return found;
  }

  async untilSession(timeoutMs = 10_000): Promise<FakeManager> {
    const isOpen = (): boolean => this.agent.status().manager !== "";
    await this.sim.runUntil(isOpen, { timeoutMs, what: "session" });
    return this.holder();
  }

  async untilRunning(): Promise<void> {
    const isRunning = (): boolean => this.agent.worker.statusOf("t1")?.state === "RUNNING";
    await this.sim.runUntil(isRunning, { timeoutMs: 5000, what: "t1 running" });
  }

  async stop(how: AgentStop): Promise<void> {
    await this.sim.resolve(this.agent.stop(how), { timeoutMs: 60_000, what: "agent stops" });
  }
}
