/** `shoal debug raft` and `shoal debug store`: a manager's data, looked at while its daemon is stopped. */
import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { Session } from "../cli/command.ts";
import { usage } from "../cli/exit.ts";
import { table } from "../cli/output.ts";
import { inspectLog, type InspectedLog } from "../manager/replica/log-inspect.ts";
import type { RestoredState } from "../manager/restored.ts";
import { protoStoreCodec } from "../manager/store-codec.ts";
import { PROTOCOLS } from "../model/protocol.ts";
import type { Row } from "../store/actions.ts";
import { isTableName, TABLE_NAMES } from "../store/schema.ts";
import { Store } from "../store/store.ts";
import type { ReadTx, TableName } from "../store/types.ts";
import { AppError } from "../util/errors.ts";
import { realEnv } from "../util/real-env.ts";
import { formatBytes } from "../util/units.ts";
import { entryJson, memberText, redactedRow, rowName, rowText, type EntryJson } from "./debug-text.ts";
import { withCopy } from "./read-only-copy.ts";
import { readBackup } from "./restore.ts";

export type DebugRaftFlags = { readonly from?: string; readonly to?: string };

export async function debugRaft({ out }: Session, flags: DebugRaftFlags, [dir = ""]: readonly string[]): Promise<void> {
  const dataDir = resolve(dir);
  const from = indexOf(flags.from, "--from") ?? 0;
  const to = indexOf(flags.to, "--to") ?? Infinity;
  const log = await withCopy(dataDir, async (kvFactory) => {
    return await inspectLog({ env: realEnv, kvFactory }, { dataDir, onPiece: () => undefined });
  });
  const entries = log.entries.filter(({ index }) => index >= from && index <= to);
  const shown = entries.map((entry) => entryJson(entry, protoStoreCodec));
  if (out.isJson) for (const object of raftJson(log, shown)) out.json(object);
  else for (const line of raftText(dataDir, log, shown)) out.line(line);
  const failure = log.failure ?? log.snapshotFailure;
  if (failure !== null) throw failure;
}

function indexOf(text: string | undefined, flag: string): number | null {
  if (text === undefined) return null;
  if (!/^\d{1,15}$/.test(text)) throw usage(`${flag}: "${text}" is not an index`, `write it like ${flag} 1200`);
  return Number(text);
}

function raftJson(log: InspectedLog, entries: readonly EntryJson[]): object[] {
  const { identity, hardState, snapshot, point, failure, snapshotFailure } = log;
  const { index = null, next = "" } = (failure ?? snapshotFailure)?.details ?? {};
  const problem = (failure ?? snapshotFailure)?.message ?? "";
  return [
    ...(identity === null ? [] : [{ kind: "identity", ...identity }]),
    ...(hardState === null ? [] : [{ kind: "hard-state", ...hardState }]),
    ...(snapshot === null ? [] : [{ kind: "snapshot", ...snapshot.meta, chunks: snapshot.chunks }]),
    ...entries,
    {
      kind: "verified",
      ok: problem === "",
      firstIndex: point.index + 1,
      lastIndex: log.entries.at(-1)?.index ?? point.index,
      lastTerm: log.entries.at(-1)?.term ?? point.term,
      ...(problem === "" ? {} : { problem, index: index === null ? null : Number(index), next }),
    },
  ];
}

export function raftText(dataDir: string, log: InspectedLog, entries: readonly EntryJson[]): string[] {
  const { identity, hardState, snapshot, point, failure, snapshotFailure } = log;
  const last = log.entries.at(-1) ?? point;
  const lines = [`Directory:   ${dataDir}`];
  if (identity !== null) lines.push(`Node:        ${identity.nodeId} of cluster ${identity.clusterId}`);
  if (hardState !== null) {
    const { term, vote, commit, writes } = hardState;
    lines.push(`Hard state:  term ${term}, voted for ${vote ?? "nobody"}, commit ${commit}, ${writes} writes`);
  }
  if (snapshot === null) lines.push("Snapshot:    none");
  else {
    const { index, term, sizeBytes, config } = snapshot.meta;
    lines.push(`Snapshot:    index ${index}, term ${term}, ${formatBytes(sizeBytes)} in ${snapshot.chunks} chunks`);
    for (const member of config.members) lines.push(`             ${memberText(member)}`);
  }
  lines.push(`Last entry:  index ${last.index}, term ${last.term}`, "");
  lines.push(...table(entries, COLUMNS), "");
  const what = log.entries.length === 0 ? "the log has no entries" : `entries ${point.index + 1} to ${last.index}`;
  if (failure === null)
    lines.push(`Verified:    ${what}${snapshot === null || snapshotFailure ? "" : ", and the snapshot"}`);
  return lines;
}

const COLUMNS = [
  { title: "INDEX", value: ({ index }: EntryJson) => String(index) },
  { title: "TERM", value: ({ term }: EntryJson) => String(term) },
  { title: "KIND", value: ({ type }: EntryJson) => type },
  { title: "BYTES", value: ({ bytes }: EntryJson) => String(bytes) },
  { title: "WHAT", value: ({ changes }: EntryJson) => changes.join("; ") },
];

export async function debugStore({ out }: Session, _: object, words: readonly string[]): Promise<void> {
  const [place = "", table_ = "", id = ""] = words;
  if (table_ !== "" && !isTableName(table_)) {
    throw usage(`"${table_}" is not a table`, `there are ${TABLE_NAMES.join(", ")}`);
  }
  const { tx, failure } = await readState(resolve(place));
  if (table_ === "" || !isTableName(table_)) {
    const counts = TABLE_NAMES.map((name) => ({ table: name, rows: tx.count(name) }));
    if (out.isJson)
      out.json({ version: tx.version, timeMs: tx.timeMs, ...Object.fromEntries(counts.map((c) => [c.table, c.rows])) });
    else {
      out.line(`Version ${tx.version}, cluster time ${new Date(tx.timeMs).toISOString()}`);
      for (const { table: name, rows } of counts) out.line(`  ${name.padEnd(10)}${rows}`);
    }
  } else if (id === "") {
    for (const row of rowsOf(tx, table_)) {
      if (out.isJson) out.json(redactedRow(row));
      else out.line(`${row.object.meta?.version ?? 0}  ${rowText(row)}`);
    }
  } else out.inspect(redactedRow(oneRow(tx, { place, name: table_, id })));
  if (failure !== null) throw failure;
}

function rowsOf(tx: ReadTx, name: TableName): Row[] {
  // Rows of a table are of its kind; the union hides that from TypeScript.
  return [...tx.all(name)].map((object) => ({ table: name, object }) as Row);
}

type Wanted = { readonly place: string; readonly name: TableName; readonly id: string };

/** By id, by name, or by an id's unique beginning. */
function oneRow(tx: ReadTx, { place, name, id }: Wanted): Row {
  const rows = rowsOf(tx, name);
  const exact = rows.find((row) => row.object.id === id || rowName(row) === id);
  const matches = exact === undefined ? rows.filter(({ object }) => object.id.startsWith(id)) : [exact];
  const [row] = matches;
  if (row !== undefined && matches.length === 1) return row;
  const what = matches.length === 0 ? "no" : "more than one";
  const next = `list them, without an id: shoal debug store ${place} ${name}`;
  throw new AppError("not-found", `There is ${what} ${name} "${id}"`, { path: "id", next });
}

/** Of a data directory, as far as its log is sound; or of a backup. */
async function readState(place: string): Promise<{ readonly tx: ReadTx; readonly failure: AppError | null }> {
  if (statSync(place, { throwIfNoEntry: false })?.isFile() === true) {
    const state: RestoredState = await readBackup(realEnv, place);
    return { tx: state.store.view(), failure: null };
  }
  if (!existsSync(place)) {
    const next = "give a manager's data directory, or a file that shoal backup wrote";
    throw new AppError("not-found", `There is no ${place}`, { path: "dir", next });
  }
  const pieces: Uint8Array[] = [];
  const log = await withCopy(place, async (kvFactory) => {
    return await inspectLog({ env: realEnv, kvFactory }, { dataDir: place, onPiece: (piece) => pieces.push(piece) });
  });
  if (log.snapshotFailure !== null) throw log.snapshotFailure;
  return { tx: replayed(log, pieces).view(), failure: log.failure };
}

function replayed({ snapshot, entries }: InspectedLog, pieces: readonly Uint8Array[]): Store {
  const store = new Store({ env: realEnv, codec: protoStoreCodec }, { protocolMax: PROTOCOLS.max });
  const from = snapshot?.meta.index ?? 0;
  if (snapshot !== null) {
    const restore = store.beginRestore(from);
    for (const piece of pieces) {
      restore.add(piece);
      while (restore.step());
    }
    restore.replace();
  }
  for (const { index, term, kind, payload } of entries) {
    if (index <= from) continue;
    if (kind === "normal") store.apply({ index, term, payload });
    else store.advance(index);
  }
  return store;
}
