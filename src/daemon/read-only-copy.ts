/**
 * A manager's stores for looking at. LevelDB cannot be opened without changing it (it replays its own
 * log, and drops what is damaged there), so what is opened is a copy: tables, which are never written
 * again, are linked, the rest is copied. Below the system's folder for temporary files, readable by its
 * owner only, and gone afterwards.
 */
import { existsSync, rmSync, statSync } from "node:fs";
import { copyFile, link, mkdir, mkdtemp, readdir, readFile, readlink, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LevelKvFactory } from "../disk/level-kv.ts";
import { LOG_STORE, SNAPSHOT_STORE } from "../manager/replica/open-state.ts";
import { AppError } from "../util/errors.ts";
import type { KvFactory } from "../util/kv.ts";
import { SET_ASIDE } from "./data-dir.ts";

const STORES = [LOG_STORE, SNAPSHOT_STORE];
const LOCK = "LOCK";
const TABLE = /\.(ldb|sst)$/;

/** @throws AppError not-found: there is none · unavailable: a daemon uses it */
export async function withCopy<T>(dataDir: string, work: (kvFactory: KvFactory) => Promise<T>): Promise<T> {
  for (const store of STORES) {
    const lock = join(dataDir, store, LOCK);
    if (!existsSync(lock)) throw noManager(dataDir);
    await checkFree(dataDir, lock);
  }
  const copy = await mkdtemp(join(tmpdir(), "shoal-debug-"));
  const remove = (): void => rmSync(copy, { recursive: true, force: true });
  const stop = (): void => {
    remove();
    process.exit(130);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  try {
    for (const store of STORES) await copyStore(join(dataDir, store), join(copy, store));
    return await work(new LevelKvFactory(copy));
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.removeListener(signal, stop);
    remove();
  }
}

async function copyStore(from: string, to: string): Promise<void> {
  await mkdir(to, { mode: 0o700 });
  for (const name of await readdir(from)) {
    if (name === LOCK) continue;
    const paths = [join(from, name), join(to, name)] as const;
    // Another file system has no links to this one.
    if (TABLE.test(name)) await link(...paths).catch(async () => await copyFile(...paths));
    else await copyFile(...paths);
  }
}

/** Which of the things that people give instead it is. */
function noManager(dataDir: string): AppError {
  const kind = statSync(dataDir, { throwIfNoEntry: false });
  const refusal = (why: string, next: string): AppError =>
    new AppError("not-found", `There is no manager's data in ${dataDir}: ${why}`, { path: "dir", next });
  if (kind === undefined) return refusal("it does not exist", "give the manager's --data-dir (/var/lib/shoal)");
  if (!kind.isDirectory()) return refusal("it is a file", `if it is a backup: shoal debug store ${dataDir}`);
  if (existsSync(join(dataDir, SET_ASIDE))) {
    return refusal(
      "it was left behind by a recovery, and runs on as a worker",
      `see what it had: shoal debug raft ${join(dataDir, SET_ASIDE)}`,
    );
  }
  if (existsSync(join(dataDir, "identity", "node.json")))
    return refusal("its node is a worker", "look at a manager: only they hold state");
  return refusal("it holds no log", "give the manager's --data-dir (/var/lib/shoal)");
}

async function checkFree(dataDir: string, lock: string): Promise<void> {
  const { ino, dev } = await stat(lock);
  const locks = await readFile("/proc/locks", "utf8").catch(() => "");
  for (const { pid, device, inode } of parseLocks(locks)) {
    if (inode !== ino || (device !== deviceName(dev) && !(await holdsOpen(pid, lock)))) continue;
    throw new AppError("unavailable", `Cannot look at ${dataDir}: process ${pid} uses it`, {
      path: "dir",
      next: "stop the daemon first, or look at a copy of its data directory",
    });
  }
}

type Lock = { readonly pid: number; readonly device: string; readonly inode: number };

/** Locks of whole files by processes, as LevelDB takes one: `1: POSIX  ADVISORY  WRITE 1234 08:01:5678 0 EOF`. */
export function parseLocks(text: string): Lock[] {
  const locks: Lock[] = [];
  for (const line of text.split("\n")) {
    const match = /^\d+: POSIX +\S+ +WRITE +(-?\d+) ([0-9a-f]+:[0-9a-f]+):(\d+) /.exec(line);
    if (match !== null) locks.push({ pid: Number(match[1]), device: match[2] ?? "", inode: Number(match[3]) });
  }
  return locks;
}

/** As the kernel writes it, from what stat says (makedev(3)). */
export function deviceName(dev: number): string {
  const value = BigInt(dev);
  const major = ((value >> 8n) & 0xfffn) | ((value >> 32n) & ~0xfffn);
  const minor = (value & 0xffn) | ((value >> 12n) & ~0xffn);
  return [major, minor].map((part) => part.toString(16).padStart(2, "0")).join(":");
}

/** Where the file system's own device number is not the one in stat (overlays). */
async function holdsOpen(pid: number, path: string): Promise<boolean> {
  const folder = `/proc/${pid}/fd`;
  for (const name of await readdir(folder).catch((): string[] => [])) {
    if ((await readlink(join(folder, name)).catch(() => "")) === path) return true;
  }
  return false;
}
