/** `shoal backup`: the whole state as one file that only its owner can read. */
import { createHash, type Hash } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Command } from "commander";
import type { BackupMessage } from "../proto/gen/BackupMessage.ts";
import type { ClientStream } from "../proto/client.ts";
import type { Timer } from "../util/env.ts";
import { fileProblem } from "../util/file-problem.ts";
import { AppError } from "../util/errors.ts";
import { realEnv } from "../util/real-env.ts";
import { formatBytes } from "../util/units.ts";
import { syncFolder } from "../util/sync-folder.ts";
import { action, staleFlag, type Session } from "./command.ts";
import { ONLY_READ, usage } from "./exit.ts";
import { isWorthRetrying } from "./retry.ts";

type BackupFlags = { readonly stale?: boolean };
type Begin = NonNullable<BackupMessage["begin"]>;
/** Resolves when more may come. */
type Write = (data: Uint8Array) => Promise<void>;
type Received = { readonly begin: Begin; readonly bytes: number };

export function registerBackup(command: Command): void {
  staleFlag(command.argument("<file>", "file to write (- is standard output)"))
    .addHelpText(
      "after",
      "\nThe file holds the key of the cluster's CA and its join tokens: whoever has it owns the cluster.",
    )
    .action(action<BackupFlags>(backup));
}

export async function backup(
  session: Session,
  { stale = false }: BackupFlags,
  [file = ""]: readonly string[],
): Promise<void> {
  const { out } = session;
  if (file === "-" && process.stdout.isTTY) throw usage("A backup is no text for a terminal", "shoal backup FILE");
  const startedAt = realEnv.now();
  const { begin, bytes } = file === "-" ? await toStandardOutput(session, stale) : await toFile(session, file, stale);
  if (file === "-") return;
  const ms = Math.round(realEnv.now() - startedAt);
  const { clusterId, clusterName, version, services, tasks, nodes } = begin;
  if (out.isJson) out.json({ file, bytes, clusterId, clusterName, version, services, tasks, nodes, ms });
  const counts = `${services} services, ${tasks} tasks, ${nodes} nodes`;
  out.say(`${file}: cluster ${clusterName} at version ${version}, ${counts}, ${formatBytes(bytes)} in ${ms} ms`);
  out.note("It holds the CA's key and the join tokens: keep it where only you can read it.");
  out.note(`Next, should the worst come: on an empty machine shoal restore ${file}`);
}

/** What is on disk under the file's own name is complete; its directory is synced too. */
async function toFile(session: Session, file: string, stale: boolean): Promise<Received> {
  const path = resolve(file);
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    const received = await onAnyManager(session, async () => {
      await rm(temporary, { force: true });
      const handle = await open(temporary, "wx", 0o600);
      try {
        const result = await receive(session, (data) => handle.writeFile(data), stale);
        await handle.sync();
        return result;
      } finally {
        await handle.close();
      }
    });
    await rename(temporary, path);
    await syncFolder(dirname(path));
    return received;
  } catch (error) {
    await rm(temporary, { force: true });
    throw brokenOff(unwritable(error, file), `no file was written: shoal backup ${file}`);
  }
}

/** The manager it came from is gone, or leads no more, and the transport alone does not say what to do about that. */
function brokenOff(error: unknown, again: string): unknown {
  if (!isWorthRetrying(error, true) || !(error instanceof AppError) || error.details.next !== undefined) return error;
  const next = `make it again once a manager leads (shoal node ls): ${again}`;
  return new AppError(error.code, error.message, { ...error.details, ...ONLY_READ, next }, error);
}

function unwritable(error: unknown, file: string): unknown {
  if (error instanceof AppError) return error;
  const next = "give a file in a directory that exists, where this user may write and the disk has room";
  return new AppError("precondition", `Cannot write ${file}: ${fileProblem(error)}`, { path: "file", next }, error);
}

/** Bytes that were written cannot be taken back: only the first manager that has any is asked. */
async function toStandardOutput(session: Session, stale: boolean): Promise<Received> {
  const write = async (data: Uint8Array): Promise<void> =>
    await new Promise((done, reject) => {
      process.stdout.write(data, (error) => (error ? reject(error) : done()));
    });
  try {
    return await receive(session, write, stale);
  } catch (error) {
    throw brokenOff(error, "what was written until now is no backup");
  }
}

/** Each manager once. */
async function onAnyManager<T>({ client }: Session, work: () => Promise<T>): Promise<T> {
  for (let left = client.hosts.length; ; left -= 1) {
    try {
      return await work();
    } catch (error) {
      if (left <= 1 || !isWorthRetrying(error, true)) throw error;
      client.next();
    }
  }
}

/** One stream into one file. @throws AppError `corrupt` when what arrived is not what was sent */
async function receive({ client, timeoutMs }: Session, write: Write, stale: boolean): Promise<Received> {
  const receiver = new Receiver(write, { silenceMs: timeoutMs });
  const stream = client.stream(
    "Backup.Read",
    { consistency: stale ? "STALE" : "LINEARIZABLE" },
    {
      onMessage: (message) => receiver.take(message, stream),
      onClose: ({ error }) => receiver.closed(error),
    },
  );
  receiver.watch(stream);
  return await receiver.done;
}

/** Writes in order, and lets no more come than the disk takes. */
class Receiver {
  readonly done: Promise<Received>;
  readonly #write: Write;
  readonly #silenceMs: number;
  readonly #hash: Hash = createHash("sha256");
  #silence: Timer | null = null;
  #bytes = 0;
  #begin: Begin | null = null;
  #isComplete = false;
  #writing: Promise<void> = Promise.resolve();
  #settle: { resolve: (received: Received) => void; reject: (error: unknown) => void } | null = null;

  /** @param options.silenceMs between two messages, the disk's time included */
  constructor(write: Write, { silenceMs }: { readonly silenceMs: number }) {
    this.#write = write;
    this.#silenceMs = silenceMs;
    this.done = new Promise((resolvePromise, reject) => {
      this.#settle = { resolve: resolvePromise, reject };
    });
  }

  watch(stream: ClientStream<"Backup.Read">): void {
    this.#silence?.cancel();
    this.#silence = realEnv.setTimer(this.#silenceMs, () => {
      stream.cancel();
      const text = `Nothing more came for ${this.#silenceMs} ms`;
      this.#settle?.reject(new AppError("deadline", text, { ...ONLY_READ, next: "try again, or another manager" }));
    });
  }

  take({ begin, data, end }: BackupMessage, stream: ClientStream<"Backup.Read">): void {
    this.watch(stream);
    if (begin) this.#begin = begin;
    if (data !== undefined && data.byteLength > 0) {
      this.#hash.update(data);
      this.#bytes += data.byteLength;
      stream.pause();
      this.#writing = this.#writing.then(async () => {
        await this.#write(data);
        stream.resume();
      });
      this.#writing.catch((error: unknown) => {
        stream.cancel();
        this.#settle?.reject(error);
      });
    }
    if (end) this.#isComplete = end.bytes === this.#bytes && end.sha256 === this.#hash.digest("hex");
  }

  closed(error: AppError | null): void {
    this.#silence?.cancel();
    const finish = async (): Promise<Received> => {
      await this.#writing;
      if (error !== null) throw error;
      if (this.#begin === null || !this.#isComplete) {
        throw new AppError("corrupt", "What arrived is not what the manager sent", { next: "make the backup again" });
      }
      return { begin: this.#begin, bytes: this.#bytes };
    };
    finish().then(
      (received) => this.#settle?.resolve(received),
      (failure: unknown) => this.#settle?.reject(failure),
    );
  }
}
