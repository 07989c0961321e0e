/** Finding objects the way people name them: by id, by name, by the unique start of an id. */
import { shown } from "../../model/checks.ts";
import type { Node, Service, Task } from "../../model/index.ts";
import { findTaskNamed } from "../../store/task-names.ts";
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

/** Also by its slot's name, `web.2`. */
export function findTask(tx: ReadTx, ref: string, path = "id"): Task {
  checkRef(ref, "task", path);
  return tx.get("task", ref) ?? findTaskNamed(tx, ref) ?? byPrefix(tx.all("task"), { ref, kind: "task", path });
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
