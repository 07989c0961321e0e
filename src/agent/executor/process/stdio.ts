/** What a child has open when it starts. */
import { openSync, readdirSync, readFileSync } from "node:fs";

/** O_CLOEXEC of Linux. */
const CLOSE_ON_EXEC = 0o2_000_000;

/**
 * Nothing to read or write, also where this process has files open that children inherit: the library under `level`
 * opens its own so, and a task must not have the agent's database in its hands. Such a descriptor is /dev/null there.
 */
export function closedStdio(): ("ignore" | number)[] {
  const inherited = readdirSync("/proc/self/fd")
    .map(Number)
    .filter((fd) => fd > 2 && isInherited(fd));
  // No longer than it must be: the child needs that many descriptors more than are open here, within the same bound.
  const stdio: ("ignore" | number)[] = Array.from({ length: Math.max(2, ...inherited) + 1 }, () => "ignore");
  // Opened once for the process: one for each start would be one more to close.
  if (inherited.length > 0) devNull ??= openSync("/dev/null", "r+");
  for (const fd of inherited) stdio[fd] = devNull ?? "ignore";
  return stdio;
}

let devNull: number | null = null;

function isInherited(fd: number): boolean {
  try {
    const flags = /^flags:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "0";
    return (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0;
  } catch {
    return false; // Closed meanwhile: the listing's own.
  }
}
