// What a conformance run of an executor needs from the thing below it, and small helpers to wait by events.
import type {
  Executor,
  ExecutorOwner,
  ExecutorTask,
  LogLine,
  LogQuery,
  RuntimeState,
} from "../../src/agent/executor/executor.ts";
import type { HealthCheck, TaskSpec } from "../../src/model/index.ts";
import { codec } from "../../src/proto/load.ts";

/** What a task does; each harness says how. */
export type Behaviour =
  /** Runs until it is told to stop, and then obeys with `obeyedCode`. */
  | { readonly kind: "serve" }
  /** Runs and ignores its stop signal. */
  | { readonly kind: "stubborn" }
  | { readonly kind: "exit"; readonly code: number; readonly afterMs: number }
  /** Prints lines and exits with 0. A number is a pause in ms. */
  | { readonly kind: "print"; readonly output: readonly (number | { stream: "stdout" | "stderr"; text: string })[] }
  /** Writes as fast as it may, at least 10 MB/s, 30 MB in all. */
  | { readonly kind: "flood" }
  /** Runs, and is healthy soon after the start, until `loseHealth`. */
  | { readonly kind: "checked" }
  /** Serves HTTP on port 8080, of a process the one it is told: /ready is there, nothing else is. */
  | { readonly kind: "web" };

export type TaskOptions = { readonly ports?: readonly number[]; readonly graceMs?: number };

export type Harness = {
  readonly owner: ExecutorOwner;
  /** A started executor over the same runtime; each one is a restart of the agent, or another agent. */
  readonly executor: (owner: ExecutorOwner) => Promise<Executor>;
  readonly task: (id: string, behaviour: Behaviour, options?: TaskOptions) => ExecutorTask;
  readonly obeyedCode: number;
  /** Resolves once a started "serve" or "stubborn" has set up what it does with a signal. */
  readonly isReady: (executor: Executor, taskId: string) => Promise<void>;
  /** SIGKILL behind the executor's back. */
  readonly killOutside: (state: RuntimeState) => Promise<void>;
  readonly loseHealth: (state: RuntimeState) => Promise<void>;
  /** A task that cannot be prepared on this node, and what its refusal must name. */
  readonly missing: (id: string) => { task: ExecutorTask; names: string };
  /** Takes the engine away from executors, and gives it back. */
  readonly outage: (kind: "hung" | "cut" | "none") => void;
  readonly dispose: () => Promise<void>;
};

/** What there is nothing to test of: no engine that could be away, a fake that has no images or cuts no lines. */
export type Lack = "outage" | "missing" | "long lines";

export const STARTUP_MS = 20_000;

/** Waits for a state as the agent does: one first look, and one at each event or change of health. */
export async function until(
  executor: Executor,
  taskId: string,
  predicate: (state: RuntimeState | null) => boolean,
  ms = STARTUP_MS,
): Promise<RuntimeState | null> {
  const signal = new AbortController().signal;
  return await new Promise((resolve, reject) => {
    let last = "not seen";
    const timer = setTimeout(() => finish(() => reject(new Error(`task ${taskId} is still ${last}`))), ms);
    const offs = [
      executor.onTaskEvent((id) => {
        if (id === taskId) look();
      }),
      executor.onChange(() => look()),
    ];
    const finish = (then: () => void): void => {
      clearTimeout(timer);
      for (const off of offs) off();
      then();
    };
    const look = (): void => {
      executor.inspect(taskId, signal).then(
        (state) => {
          last = JSON.stringify(state);
          if (predicate(state)) finish(() => resolve(state));
        },
        (error: unknown) => {
          last = String(error);
        },
      );
    };
    look();
  });
}

export async function untilExited(executor: Executor, taskId: string, ms?: number): Promise<RuntimeState> {
  const state = await until(executor, taskId, (seen) => seen?.state === "exited", ms);
  if (state === null) throw new Error("exited is a state");
  return state;
}

export async function untilHealth(executor: Executor, isOk: boolean, ms = STARTUP_MS): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const look = (): void => {
      if (executor.health().ok !== isOk) return;
      clearTimeout(timer);
      off();
      resolve();
    };
    const timer = setTimeout(() => {
      off();
      reject(new Error(`the engine's health is still ${JSON.stringify(executor.health())}`));
    }, ms);
    const off = executor.onChange(look);
    look();
  });
}

/** Reads to the end. */
export async function readLogs(executor: Executor, taskId: string, query: Partial<LogQuery> = {}): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  const source = executor.logs(taskId, { follow: false, tail: null, sinceMs: 0, ...query });
  return await new Promise((resolve, reject) => {
    source.attach({
      onLine: (line) => lines.push(line),
      onEnd: (error) => (error === null ? resolve(lines) : reject(error)),
    });
  });
}

/** For real tasks: "serve" and "stubborn" say when they are. */
export async function firstLine(executor: Executor, taskId: string): Promise<void> {
  const source = executor.logs(taskId, { follow: true, tail: null, sinceMs: 0 });
  await new Promise<void>((resolve, reject) => {
    source.attach({ onLine: () => resolve(), onEnd: (error) => reject(error ?? new Error("it ended without a line")) });
  });
  source.cancel();
}

export function texts(lines: readonly LogLine[]): string[] {
  return lines.map(({ data }) => Buffer.from(data).toString());
}

const EMPTY = new Uint8Array();

/** A task as the agent hands it over, with everything unset. */
export function aTask(id: string, change: (spec: TaskSpec) => TaskSpec): ExecutorTask {
  const spec = change(codec("TaskSpec").decode(EMPTY));
  return { id, serviceId: "suite", serviceName: "suite", slot: 1, pinnedNodeId: "", run: 0, spec };
}

/** `sh` doing what a behaviour says; for harnesses whose tasks are real. */
export function script(behaviour: Behaviour, healthFile: string): string {
  const forever = "while :; do sleep 0.05; done";
  switch (behaviour.kind) {
    case "serve":
      return `trap 'exit 3' TERM; echo ready; ${forever}`;
    case "stubborn":
      return `trap '' TERM; echo ready; ${forever}`;
    case "exit":
      return `sleep ${behaviour.afterMs / 1000}; exit ${behaviour.code}`;
    case "print":
      return behaviour.output.map(printed).join("; ");
    case "flood":
      return `yes ${"y".repeat(99)} | head -c 30000000; ${forever}`;
    case "checked":
      return `trap 'exit 3' TERM; touch ${healthFile}; ${forever}`;
    case "web":
      return "mkdir -p /tmp/www && echo yes > /tmp/www/ready && exec httpd -f -p 8080 -h /tmp/www";
  }
}

function printed(output: number | { stream: "stdout" | "stderr"; text: string }): string {
  if (typeof output === "number") return `sleep ${output / 1000}`;
  return `echo '${output.text}'${output.stream === "stderr" ? " >&2" : ""}`;
}

export function checkedBy(healthFile: string): HealthCheck {
  const test = ["CMD-SHELL", `test -e ${healthFile}`];
  return { test, intervalMs: 200, timeoutMs: 5_000, retries: 2, startPeriodMs: 10_000, startIntervalMs: 0 };
}
