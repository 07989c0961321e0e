/** Names one run of the machine (or of the container this node runs in). */
import { readFile } from "node:fs/promises";

/**
 * The kernel's boot id, and when process 1 started: in a container that is what changes when the
 * container is started again, and with it all plain processes are gone. Empty where the system
 * does not say.
 */
export async function readBootId(): Promise<string> {
  try {
    const [boot, stat] = await Promise.all([
      readFile("/proc/sys/kernel/random/boot_id", "utf8"),
      readFile("/proc/1/stat", "utf8"),
    ]);
    return `${boot.trim()}/${startTicks(stat)}`;
  } catch {
    return "";
  }
}

/** Field 22 of proc(5) stat; the name in field 2 may hold spaces and parentheses. */
export function startTicks(stat: string): string {
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}
