/**
 * The Watch service: a position in the store's ring for each stream. It reads on only while the
 * caller keeps up, so a slow caller costs its position and nothing else, and one too slow is told
 * `compacted`.
 */
import { toStoreObject } from "../../store/actions.ts";
import type { Change, ReadTx, StoreApi, TableName, Tables } from "../../store/types.ts";
import type { WatchHub, Watcher } from "../../store/watch.ts";
import type {
  WatchMessageInput,
  _shoal_v1_WatchMessage_ChangeInput as ChangeInput,
} from "../../proto/gen/WatchMessage.ts";
import type { StoreObjectInput } from "../../proto/gen/StoreObject.ts";
import type { WatchRequest } from "../../proto/gen/WatchRequest.ts";
import type { Router, ServerStream } from "../../proto/router.ts";
import type { Env, Timer } from "../../util/env.ts";
import { AppError, invalid } from "../../util/errors.ts";
import {
  FILTER_KEYS,
  nodeFilter,
  parseFilters,
  runFilter,
  serviceFilter,
  taskFilter,
  type Filter,
  type ParsedFilters,
} from "./filters.ts";
import { withoutSecrets } from "./redact.ts";

export const WATCHERS_MAX = 1_000;
/** A watch with nothing to tell tells its version this often, so that it can resume from near the end. */
export const PROGRESS_MS = 30_000;
/** Objects in one message of the initial state. A service has up to 500 KiB, other objects a few. */
const INITIAL_BATCH = 100;
const KINDS = ["service", "task", "node", "run", "cluster"] as const;
type Kind = (typeof KINDS)[number];

export type WatchStore = StoreApi & { readonly watches: WatchHub };
export type WatchDeps = { readonly store: WatchStore; readonly env: Env };

/** @returns what ends every stream. */
export function registerWatch(router: Router, deps: WatchDeps): () => void {
  const open = new Set<WatchStream>();
  router.stream("Watch.Watch", (stream) => {
    let watch: WatchStream | undefined;
    stream.attach({
      onMessage: (request) => {
        if (watch !== undefined) return;
        try {
          if (open.size >= WATCHERS_MAX) throw tooMany();
          if (deps.store.view().version === 0) throw notCaughtUp();
          watch = new WatchStream(deps, stream, request);
          open.add(watch);
          watch.pump();
        } catch (error) {
          stream.cancel(AppError.from(error));
        }
      },
      onDrain: () => watch?.resume(),
      onClose: () => {
        watch?.close();
        if (watch !== undefined) open.delete(watch);
      },
    });
  });
  return () => {
    for (const watch of open)
      watch.end(new AppError("unavailable", "This manager stops", { next: "watch at another manager" }));
    open.clear();
  };
}

function tooMany(): AppError {
  return new AppError("exhausted", `${WATCHERS_MAX} watches are open on this manager`, {
    next: "end some, or ask another manager",
  });
}

/** A state of nothing at version 0 would pass for the cluster's, and nobody could resume from it. */
function notCaughtUp(): AppError {
  return new AppError("unavailable", "This manager has not caught up with the cluster yet", {
    next: "watch at another manager",
  });
}

class WatchStream {
  readonly #env: Env;
  readonly #stream: ServerStream<"Watch.Watch">;
  readonly #watcher: Watcher;
  /** Messages to send before any change: bounded by the state, of which they hold references. */
  readonly #initial: Iterator<WatchMessageInput>;
  #isPaused = false;
  #isDone = false;
  #isPumpDue = false;
  #sentVersion: number;
  #progress: Timer;

  constructor({ store, env }: WatchDeps, stream: ServerStream<"Watch.Watch">, request: WatchRequest) {
    const accepts = compileKinds(request);
    const tx = store.view();
    this.#env = env;
    this.#stream = stream;
    this.#sentVersion = request.resumeFrom === 0 ? tx.version : request.resumeFrom;
    this.#initial = initialMessages(tx, this.#sentVersion, request.initial ? accepts : null);
    this.#watcher = store.watches.watch({
      resumeFrom: this.#sentVersion,
      filter: (change) => isAccepted(change, accepts, store.view()),
      onReady: () => this.#pumpSoon(),
    });
    this.#progress = this.#armProgress();
  }

  resume(): void {
    this.#isPaused = false;
    this.pump();
  }

  /** Sends while there is something and the caller keeps up. */
  pump(): void {
    while (!this.#isPaused && !this.#isDone) {
      const initial = this.#initial.next();
      if (initial.done !== true) {
        this.#send(initial.value);
        continue;
      }
      const set = this.#watcher.next();
      if (set === undefined) return;
      if (set === "compacted") {
        this.#send({ version: this.#watcher.version, compacted: true });
        this.close();
        this.#stream.end();
        return;
      }
      this.#send({ version: set.version, changes: set.changes.map(toMessage) });
    }
  }

  end(error: AppError): void {
    this.close();
    this.#stream.cancel(error);
  }

  close(): void {
    this.#isDone = true;
    this.#progress.cancel();
    this.#watcher.close();
  }

  /** Not inside the apply that woke us: encoding for every watcher must not hold up the log. */
  #pumpSoon(): void {
    if (this.#isPumpDue) return;
    this.#isPumpDue = true;
    this.#env.defer(() => {
      this.#isPumpDue = false;
      this.pump();
    });
  }

  #send(message: WatchMessageInput): void {
    this.#sentVersion = Math.max(this.#sentVersion, Number(message.version ?? 0));
    if (!this.#stream.write(message)) this.#isPaused = true;
  }

  #armProgress(): Timer {
    return this.#env.setTimer(PROGRESS_MS, () => {
      if (this.#isDone) return;
      this.pump();
      if (!this.#isPaused && !this.#isDone && this.#watcher.version > this.#sentVersion) {
        this.#send({ version: this.#watcher.version });
      }
      this.#progress = this.#armProgress();
    });
  }
}

type Accepts = { readonly [K in Kind]: (row: Tables[K], tx: ReadTx) => boolean };
type FilteredKind = keyof typeof FILTER_KEYS;

const never = (): boolean => false;

function compileKinds({ kinds, filters, initial, resumeFrom }: WatchRequest): Accepts {
  if (initial && resumeFrom > 0)
    throw invalid("resumeFrom", "is given beside initial, which begins anew", "give one of the two");
  for (const [at, kind] of kinds.entries()) {
    if (!KINDS.some((known) => known === kind)) {
      throw invalid(`kinds[${at}]`, `unknown kind "${kind}"`, `use ${KINDS.join(", ")}, or none for all of them`);
    }
  }
  const wants = (kind: Kind): boolean => kinds.length === 0 || kinds.includes(kind);
  const keys = (["service", "task", "node", "run"] as const).filter(wants).flatMap((kind) => FILTER_KEYS[kind]);
  const parsed = parseFilters(filters, [...new Set(keys)]);
  const refusals: AppError[] = [];
  let isUnderstood = false;
  // `state=running` is nothing that a node can be in: it asks for the kinds that can.
  const compile = <Row>(kind: FilteredKind, filter: (parsed: ParsedFilters) => Filter<Row>): Filter<Row> => {
    const hasKeys = [...parsed.keys()].every((key) => FILTER_KEYS[kind].includes(key));
    if (!wants(kind) || !hasKeys) return never;
    try {
      const accepts = filter(parsed);
      isUnderstood = true;
      return accepts;
    } catch (error) {
      refusals.push(AppError.from(error));
      return never;
    }
  };
  const accepts: Accepts = {
    service: compile("service", serviceFilter),
    task: compile("task", taskFilter),
    node: compile("node", nodeFilter),
    run: compile("run", runFilter),
    // A cluster has no filter; asking for something narrower leaves it out.
    cluster: wants("cluster") && parsed.size === 0 ? () => true : never,
  };
  const [refusal] = refusals;
  if (refusal !== undefined && !isUnderstood) throw refusal;
  return accepts;
}

/** A row that begins or ceases to match is told as well: else a caller would keep it for good. */
function isAccepted(change: Change, accepts: Accepts, tx: ReadTx): boolean {
  switch (change.table) {
    case "service":
      return either(change, (row) => accepts.service(row, tx));
    case "task":
      return either(change, (row) => accepts.task(row, tx));
    case "node":
      return either(change, (row) => accepts.node(row, tx));
    case "run":
      return either(change, (row) => accepts.run(row, tx));
    case "cluster":
      return either(change, (row) => accepts.cluster(row, tx));
    case "revision":
    case "request":
      return false;
  }
}

function either<Row>(
  { before, after }: { before: Row | undefined; after: Row | undefined },
  accepts: (row: Row) => boolean,
): boolean {
  return (after !== undefined && accepts(after)) || (before !== undefined && accepts(before));
}

/** `established`; then, if asked for, the state as it is now and an empty message as its end. */
function* initialMessages(tx: ReadTx, version: number, accepts: Accepts | null): Generator<WatchMessageInput> {
  // Rows are immutable, so the list is a consistent copy; it is made before the first yield.
  const objects = accepts === null ? [] : matchingObjects(tx, accepts);
  yield { version, established: true };
  if (accepts === null) return;
  let changes: ChangeInput[] = [];
  for (const object of objects) {
    changes.push({ action: "CREATED", object });
    if (changes.length < INITIAL_BATCH && object.service === undefined) continue;
    yield { version, changes };
    changes = [];
  }
  if (changes.length > 0) yield { version, changes };
  yield { version };
}

function matchingObjects(tx: ReadTx, accepts: Accepts): StoreObjectInput[] {
  const objects: StoreObjectInput[] = [];
  const add = <K extends Kind>(kind: K, wanted: (row: Tables[K], tx: ReadTx) => boolean): void => {
    for (const row of tx.all(kind)) if (wanted(row, tx)) objects.push(toPublic(kind, row));
  };
  add("cluster", accepts.cluster);
  add("node", accepts.node);
  add("service", accepts.service);
  add("task", accepts.task);
  add("run", accepts.run);
  return objects;
}

function toMessage(change: Change): ChangeInput {
  const action = change.before === undefined ? "CREATED" : change.after === undefined ? "REMOVED" : "UPDATED";
  const row = change.after ?? change.before;
  return { action, object: row === undefined ? null : toPublicChange(change) };
}

function toPublicChange(change: Change): StoreObjectInput | null {
  if (change.table === "cluster") {
    const cluster = change.after ?? change.before;
    return cluster === undefined ? null : toStoreObject("cluster", withoutSecrets(cluster));
  }
  const row = change.after ?? change.before;
  return row === undefined ? null : toStoreObject<TableName>(change.table, row);
}

function toPublic<K extends Kind>(kind: K, row: Tables[K]): StoreObjectInput {
  const wrapped = toStoreObject(kind, row);
  return "rootKeyPem" in row ? toStoreObject("cluster", withoutSecrets(row)) : wrapped;
}
