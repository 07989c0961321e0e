/** Local administrators are who is in the group `shoal`, where a machine has one: as Docker's socket has `docker`. */
import { chown, readFile } from "node:fs/promises";

export const ADMIN_GROUP = "shoal";

/** @param groups text of /etc/group. @returns the group's number, null where there is none of that name */
export function groupId(groups: string, name: string): number | null {
  for (const line of groups.split("\n")) {
    const [found, , id = ""] = line.split(":");
    if (found === name && /^\d+$/.test(id)) return Number(id);
  }
  return null;
}

/**
 * Gives the socket to the group. Without the group, or the right to give it, it stays as private as it was made.
 * @returns whether it has been given
 */
export async function giveToAdmins(path: string, groupFile = "/etc/group"): Promise<boolean> {
  const groups = await readFile(groupFile, "utf8").catch(() => "");
  const id = groupId(groups, ADMIN_GROUP);
  if (id === null) return false;
  return await chown(path, process.getuid?.() ?? 0, id).then(
    () => true,
    () => false,
  );
}
