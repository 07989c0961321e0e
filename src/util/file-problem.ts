/** What a failed file operation means, in words that stand after the file's name: Node's own name the system call. */
const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or directory",
  ENOTDIR: "a part of the path is no directory",
  EISDIR: "it is a directory",
  EACCES: "this user may not",
  EPERM: "this user may not",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "this user's share of the disk is full",
  EIO: "the disk failed",
  EMFILE: "this process has as many files open as it may",
  ENFILE: "this machine has as many files open as it can",
};

const SHORTAGES: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE", "EAGAIN", "ENOMEM", "ENOBUFS"]);

/** Whether this process or machine lacks what an operation takes: descriptors, memory, processes. */
export function isShortage(error: unknown): boolean {
  return error instanceof Error && "code" in error && SHORTAGES.has(error.code);
}

/** Whether an operation failed because there is nothing there: every other failure says nothing about that. */
export function isAbsent(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}

export function fileProblem(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : "";
  const known = typeof code === "string" ? PROBLEMS[code] : undefined;
  return known ?? (error instanceof Error ? error.message : String(error));
}
