/**
 * The Backup service, on every manager: a copy of committed state as of one version, streamed at the
 * reader's pace. Rows are immutable, so what is written meanwhile costs memory and shows nowhere.
 */
import { createHash } from "node:crypto";
import type { BackupMessageInput } from "../proto/gen/BackupMessage.ts";
import type { BackupRequest } from "../proto/gen/BackupRequest.ts";
import type { CallContext } from "../proto/rpc.ts";
import type { Router, ServerStream } from "../proto/router.ts";
import type { Store } from "../store/store.ts";
import { AppError, isAppError } from "../util/errors.ts";
import { withDeadline, type Env } from "../util/env.ts";
import { BackupWriter } from "./backup-file.ts";
import { theCluster } from "./new-life.ts";
import { slice, yielded } from "./replica/slices.ts";
import type { ReplicaApi } from "./replica/types.ts";

/** Copies at once on one manager: each holds the rows of its version. */
export const BACKUPS_MAX = 4;
/** A reader that takes nothing for so long has stopped; what it holds is given to others. */
export const READER_STALL_MS = 60_000;
const CATCH_UP_MS = 5000;
/** Of one message. */
const MESSAGE_BYTES = 256 * 1024;

export type BackupDeps = {
  readonly env: Env;
  readonly store: Store;
  readonly replica: ReplicaApi;
  readonly nodeId: string;
};

type Stream = ServerStream<"Backup.Read">;

export function registerBackup(router: Router, deps: BackupDeps): void {
  const open = new Set<Copy>();
  router.stream("Backup.Read", (stream, context) => {
    let copy: Copy | null = null;
    stream.attach({
      onMessage: (request) => {
        if (copy !== null) return;
        if (open.size >= BACKUPS_MAX) {
          const next = "wait for one to end, or ask another manager";
          stream.cancel(new AppError("exhausted", `This manager makes ${BACKUPS_MAX} backups already`, { next }));
          return;
        }
        const own = new Copy(deps, stream);
        copy = own;
        open.add(own);
        void own.run(request, context).finally(() => open.delete(own));
      },
      onDrain: () => copy?.drained(),
      onClose: () => {
        if (copy === null) return;
        open.delete(copy);
        copy.close();
      },
    });
  });
}

class Copy {
  readonly #deps: BackupDeps;
  readonly #stream: Stream;
  readonly #writer = new BackupWriter();
  readonly #hash = createHash("sha256");
  #isOpen = true;
  #wake: (() => void) | null = null;

  constructor(deps: BackupDeps, stream: Stream) {
    this.#deps = deps;
    this.#stream = stream;
  }

  drained(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  close(): void {
    this.#isOpen = false;
    this.drained();
  }

  async run({ consistency }: BackupRequest, { signal }: CallContext): Promise<void> {
    try {
      if (consistency !== "STALE") await this.#catchUp(signal);
      await this.#copy();
    } catch (error) {
      if (this.#isOpen) this.#stream.cancel(AppError.from(error));
    }
  }

  async #catchUp(signal: AbortSignal): Promise<void> {
    try {
      await this.#deps.replica.readBarrier({ deadlineMs: CATCH_UP_MS, signal });
    } catch (error) {
      if (!isAppError(error, "unavailable") && !isAppError(error, "deadline")) throw error;
      throw new AppError("unavailable", "No quorum: what this manager knows may not be the newest state", {
        next: "shoal backup --stale FILE for what it knows",
      });
    }
  }

  async #copy(): Promise<void> {
    const { env, store, replica, nodeId } = this.#deps;
    // In one turn: the rows listed by the iterator are those of this version.
    const tx = store.view();
    const { id: clusterId, spec, incarnation } = theCluster(tx);
    const clusterName = spec?.name ?? "";
    const { version } = tx;
    const pieces = store.snapshot();
    const counts = { services: tx.count("service"), tasks: tx.count("task"), nodes: tx.count("node") };
    const shoalVersion = tx.get("node", nodeId)?.description?.shoalVersion ?? "";
    const header = { clusterId, clusterName, incarnation, version, shoalVersion };
    const { term } = replica.status();
    await this.#write({ begin: { clusterId, clusterName, version, ...counts } });
    let parts = [this.#writer.begin({ ...header, term, createdAtMs: env.wallNow() })];
    for (let isDone = false; !isDone && this.#isOpen; await yielded(env)) {
      let bytes = 0;
      slice(env, () => {
        const next = pieces.next();
        isDone = next.done === true;
        if (next.done !== true) {
          const part = this.#writer.piece(next.value);
          bytes += part.byteLength;
          parts.push(part);
        }
        return !isDone && bytes < MESSAGE_BYTES;
      });
      if (isDone) parts.push(this.#writer.end());
      await this.#data(Buffer.concat(parts));
      parts = [];
    }
    await this.#write({ end: { bytes: this.#writer.bytes, sha256: this.#hash.digest("hex") } });
    if (this.#isOpen) this.#stream.end();
  }

  async #data(data: Buffer): Promise<void> {
    if (data.byteLength === 0) return;
    this.#hash.update(data);
    await this.#write({ data });
  }

  /** Resolves when the reader takes more. @throws AppError `deadline` when it takes nothing */
  async #write(message: BackupMessageInput): Promise<void> {
    if (!this.#isOpen || this.#stream.write(message)) return;
    const drained = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    try {
      await withDeadline(this.#deps.env, { ms: READER_STALL_MS, what: "Reading a backup" }, async () => await drained);
    } catch (error) {
      const next = "make the backup again, and read it as fast as it comes";
      throw new AppError("deadline", `The reader of a backup took nothing for ${READER_STALL_MS} ms`, { next }, error);
    }
  }
}
