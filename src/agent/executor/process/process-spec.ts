/** What a task must look like to run as a plain process, and what it is started with. Pure. */
import type { PortStatus, ProcessSpec } from "../../../model/index.ts";
import { refuseContainerOnly } from "../../../model/process-limits.ts";
import { invalid } from "../../../util/errors.ts";
import type { ExecutorOwner, ExecutorTask } from "../executor.ts";
import { identityEnv } from "../task-identity.ts";

/** Marks a task's processes; every child inherits it. */
export const TASK_VARIABLE = "SHOAL_TASK_ID";
export const STOP_GRACE_MS = 10_000;

/** Of the agent's own environment, which may hold secrets, a task gets only these. */
const INHERITED = ["PATH", "HOME", "LANG", "TZ"] as const;
const PATH_DEFAULT = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** @throws AppError invalid, naming the field, for everything only a container can have */
export function processOf({ spec }: ExecutorTask): ProcessSpec {
  const { process } = spec;
  if (process === undefined || process === null) {
    throw invalid("spec.task.container", "this node has no container engine", "run it where one is, or as a process");
  }
  if (process.command.length === 0 || process.command[0] === "") {
    throw invalid("spec.task.process.command", "a program is needed", "name a program and its arguments");
  }
  refuseContainerOnly(spec, "spec.task");
  if (process.dir !== "" && !process.dir.startsWith("/")) {
    throw invalid("spec.task.process.dir", `"${process.dir}" is not an absolute path`, "start it with /");
  }
  return process;
}

/** @param own the agent's environment */
export function processEnv(
  task: ExecutorTask,
  spec: ProcessSpec,
  {
    owner,
    ports,
    own,
  }: { owner: ExecutorOwner; ports: readonly PortStatus[]; own: Readonly<Record<string, string | undefined>> },
): Record<string, string> {
  const env: Record<string, string> = { PATH: PATH_DEFAULT };
  for (const name of INHERITED) {
    const value = own[name];
    if (value !== undefined) env[name] = value;
  }
  Object.assign(env, identityEnv(task, owner));
  for (const { target, published } of ports) env[`SHOAL_PORT_${target}`] = String(published);
  for (const entry of spec.env) {
    const at = entry.indexOf("=");
    if (at > 0) env[entry.slice(0, at)] = entry.slice(at + 1);
  }
  env[TASK_VARIABLE] = task.id;
  return env;
}

/** `TERM`, `SIGTERM`, `sigterm` or `15`. @throws AppError invalid */
export function signalNumber(text: string, known: Readonly<Record<string, number>>, path: string): number {
  if (text === "") return known["SIGTERM"] ?? 15;
  const upper = text.toUpperCase();
  const named = known[upper.startsWith("SIG") ? upper : `SIG${upper}`];
  if (named !== undefined) return named;
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= 64) return number;
  throw invalid(path, `"${text}" is not a signal`, "write it like SIGTERM or 15");
}
