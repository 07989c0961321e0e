// The `shoal` command as scripts and end-to-end tests use it: with --format json, one object a line, and a deadline.
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { run, runOk } from "./run.ts";
import type { RunOptions, RunResult } from "./run.ts";

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
export const SHOAL_BIN = resolve(ROOT, "bin/shoal.mjs");

/** Ports of a cluster on one machine: base, base+100, base+200 are the managers' gRPC, one above each is HTTP. */
export function managerPorts(base: number): { readonly grpc: number; readonly http: number }[] {
  return [0, 100, 200].map((offset) => ({ grpc: base + offset, http: base + offset + 1 }));
}

export type NodeJson = {
  readonly id: string;
  readonly role: string;
  readonly address: string;
  readonly spec: { readonly name: string; readonly availability: string } | null;
  readonly status: { readonly state: string; readonly engineOk: boolean } | null;
  readonly description: { readonly hostname: string; readonly runtimes: readonly string[] } | null;
  /** Of a manager: LEADER, REACHABLE, UNREACHABLE, LEARNER. NONE of a worker. */
  readonly manager: string;
};

export type TaskJson = {
  readonly id: string;
  readonly serviceName: string;
  readonly slot: number;
  readonly nodeId: string;
  readonly desired: string;
  readonly pendingReason: string;
  readonly node: string;
  readonly status: {
    readonly state: string;
    readonly error: string;
    readonly message: string;
    readonly runtimeId: string;
    readonly startedAtMs: number;
    readonly healthy: boolean;
    readonly ready: boolean;
    readonly checkMessage: string;
    readonly ports: readonly { readonly target: number; readonly published: number }[];
  } | null;
};

export type RunJson = {
  readonly number: number;
  readonly state: string;
  readonly scheduledAtMs: number;
  readonly wanted: number;
  readonly completed: number;
  readonly failures: number;
  readonly exitCode?: number;
};

export type ServiceJson = {
  readonly id: string;
  readonly spec: { readonly name: string } | null;
  readonly running: number;
  readonly desired: number;
};

const CALL_MS = 30_000;

export class ShoalCli {
  readonly context: string;
  readonly #globals: readonly string[];
  readonly #env: NodeJS.ProcessEnv;

  /** @param hosts talk to these instead of the context's managers: `unix:/path`, or host:port,… */
  constructor({
    context,
    hosts,
    env,
  }: {
    readonly context: string;
    readonly hosts?: string;
    readonly env?: NodeJS.ProcessEnv;
  }) {
    this.context = context;
    this.#env = env ?? process.env;
    this.#globals = hosts === undefined ? ["--context", context] : ["--host", hosts];
  }

  async run(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return await run(this.#command(args), { timeoutMs: CALL_MS, env: this.#env, ...options });
  }

  /** What the command prints; other than code 0 is an error with its words. */
  async text(args: readonly string[], options: RunOptions = {}): Promise<string> {
    return await runOk(this.#command(args), { timeoutMs: CALL_MS, env: this.#env, ...options });
  }

  async nodes(): Promise<NodeJson[]> {
    return await this.#objects<NodeJson>(["node", "ls"]);
  }

  async services(): Promise<ServiceJson[]> {
    return await this.#objects<ServiceJson>(["service", "ls"]);
  }

  async tasks(service: string): Promise<TaskJson[]> {
    return await this.#objects<TaskJson>(["service", "ps", service]);
  }

  /** Of a job, the newest first. */
  async runs(service: string): Promise<RunJson[]> {
    return await this.#objects<RunJson>(["service", "runs", service]);
  }

  async clusterId(): Promise<string> {
    const [answer] = await this.#objects<{ cluster?: { id: string }; id?: string }>(["cluster", "info"]);
    const id = answer?.cluster?.id ?? answer?.id;
    if (id === undefined) throw new Error("shoal cluster info names no cluster");
    return id;
  }

  async #objects<T>(args: readonly string[]): Promise<T[]> {
    const text = await this.text([...args, "--format", "json"]);
    return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as T]));
  }

  #command(args: readonly string[]): string[] {
    return [process.execPath, SHOAL_BIN, ...this.#globals, ...args];
  }
}
