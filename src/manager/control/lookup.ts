/** Finding objects the way people name them: by id, by name, by the unique start of an id. */
import { shown } from "../../model/checks.ts";
import type { Node, Service, Task } from "../../model/index.ts";
import { isWanted } from "../../model/task-state.ts";
import type { ReadTx } from "../../store/types.ts";
import { AppError, invalid } from "../../util/errors.ts";

/** Candidates named in the answer to an ambiguous name. */
const NAMED_MAX = 5;
type Kind = "service" | "node" | "task";

export function findService(tx: ReadTx, ref: string, path = "id"): Service {
  checkRef(ref, "service", path);
  const known =
    tx.get("service", ref) ?? only(tx.find("service", "name", ref.toLowerCase()), { ref, kind: "service", path });
  return known ?? byPrefix(tx.all("service"), { ref, kind: "service", path });
}

export function findNode(tx: ReadTx, ref: string, path = "id"): Node {
  checkRef(ref, "node", path);
  const known = tx.get("node", ref) ?? only(tx.find("node", "name", ref.toLowerCase()), { ref, kind: "node", path });
  return known ?? byPrefix(tx.all("node"), { ref, kind: "node", path });
}

/** Also by `service.slot`: the attempt that is wanted, else the newest. */
export function findTask(tx: ReadTx, ref: string, path = "id"): Task {
  checkRef(ref, "task", path);
  return tx.get("task", ref) ?? findTaskOfSlot(tx, ref) ?? byPrefix(tx.all("task"), { ref, kind: "task", path });
}

/** `web.2`: undefined if there is none. */
export function findTaskOfSlot(tx: ReadTx, ref: string): Task | undefined {
  const dot = ref.lastIndexOf(".");
  if (dot <= 0) return undefined;
  const [service] = tx.find("service", "name", ref.slice(0, dot).toLowerCase());
  if (service === undefined) return undefined;
  const attempts = [...tx.find("task", "slot", `${service.id}/${ref.slice(dot + 1)}`)];
  attempts.sort((a, b) => Number(isWanted(b)) - Number(isWanted(a)) || createdAt(b) - createdAt(a));
  return attempts[0];
}

function createdAt(task: Task): number {
  return task.meta?.createdAtMs ?? 0;
}

type Asked = { readonly ref: string; readonly kind: Kind; readonly path: string };

function byPrefix<Row extends { readonly id: string }>(rows: Iterable<Row>, asked: Asked): Row {
  const matches: Row[] = [];
  for (const row of rows) {
    if (!row.id.startsWith(asked.ref)) continue;
    matches.push(row);
    if (matches.length > NAMED_MAX) break;
  }
  const found = only(matches, asked);
  if (found !== undefined) return found;
  throw new AppError("not-found", `There is no ${asked.kind} "${shown(asked.ref)}"`, {
    path: asked.path,
    next: `list them with: shoal ${asked.kind} ls`,
  });
}

function only<Row extends { readonly id: string }>(
  matches: readonly Row[],
  { ref, kind, path }: Asked,
): Row | undefined {
  if (matches.length <= 1) return matches[0];
  const ids = matches.slice(0, NAMED_MAX).map(({ id }) => id);
  const more = matches.length > NAMED_MAX ? " and more" : "";
  throw invalid(path, `"${ref}" could be any of several ${kind}s: ${ids.join(", ")}${more}`, "use the whole id");
}

function checkRef(ref: string, kind: Kind, path: string): void {
  if (ref === "") throw invalid(path, `a ${kind} is needed`, `give its id or name (shoal ${kind} ls)`);
}
