/** Who is alive, by /proc. A pid alone names nobody: it is reused. */
import { readFile } from "node:fs/promises";
import { AppError } from "../../../util/errors.ts";
import { fileProblem, isAbsent } from "../../../util/file-problem.ts";

/** A process for good: pid, start time in clock ticks since boot, and the boot. */
export type Identity = { readonly pid: number; readonly start: string; readonly boot: string };

/** What a shim writes: `PID START BOOT`. Null for anything else. */
export function parseIdentity(text: string): Identity | null {
  const match = /^(\d+) (\d+) (\S+)\s*$/.exec(text);
  if (match === null) return null;
  const [, pid = "", start = "", boot = ""] = match;
  return { pid: Number(pid), start, boot };
}

export type Stat = { readonly state: string; readonly group: number; readonly session: number; readonly start: string };

/** proc(5) stat. The name in field 2 may hold spaces and parentheses, so the last parenthesis counts. */
export function parseStat(text: string): Stat | null {
  const close = text.lastIndexOf(")");
  if (close === -1) return null;
  const fields = text.slice(close + 2).split(" ");
  const [state = "", , group = "", session = ""] = fields;
  const start = fields[19] ?? "";
  return start === "" ? null : { state, group: Number(group), session: Number(session), start };
}

export async function readBoot(): Promise<string> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
}

/** Null for a process that is gone. @throws AppError unavailable when /proc cannot be read */
export async function readStat(pid: number): Promise<Stat | null> {
  try {
    return parseStat(await readFile(`/proc/${pid}/stat`, "utf8"));
  } catch (error) {
    if (isGone(error)) return null;
    throw new AppError("unavailable", `Cannot look at process ${pid}: ${fileProblem(error)}`, {}, error);
  }
}

/** A zombie has ended; it only waits for its parent. */
export async function isAlive({ pid, start, boot }: Identity, currentBoot: string): Promise<boolean> {
  if (boot !== currentBoot) return false;
  const stat = await readStat(pid);
  return stat !== null && stat.start === start && stat.state !== "Z" && stat.state !== "X";
}

/** A process that ended between two looks, or during one. */
export function isGone(error: unknown): boolean {
  return isAbsent(error) || (error instanceof Error && "code" in error && error.code === "ESRCH");
}

/** False if there was nothing to signal. */
export function sendSignal(pid: number, signal: number): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}
