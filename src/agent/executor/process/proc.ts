/** Who is alive, by /proc. A pid alone names nobody: it is reused. */
import { readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";

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

export async function readStat(pid: number): Promise<Stat | null> {
  try {
    return parseStat(await readFile(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return null;
  }
}

/** A zombie has ended; it only waits for its parent. */
export async function isAlive({ pid, start, boot }: Identity, currentBoot: string): Promise<boolean> {
  if (boot !== currentBoot) return false;
  const stat = await readStat(pid);
  return stat !== null && stat.start === start && stat.state !== "Z" && stat.state !== "X";
}

/**
 * Processes of a session that outlived its leader and carry `mark` in their environment. The mark guards against a
 * session id that was reused. Read synchronously: /proc is memory, and some hundred reads through the thread pool
 * would take ten times as long.
 */
export function sessionMembers(session: number, mark: string): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    const stat = parseStat(readNow(`/proc/${pid}/stat`));
    const isMember = stat?.session === session && stat.state !== "Z";
    return isMember && readNow(`/proc/${pid}/environ`).split("\0").includes(mark);
  });
}

/** Empty for a process that is gone. */
function readNow(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
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
