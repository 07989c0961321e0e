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
};

export function fileProblem(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : "";
  const known = typeof code === "string" ? PROBLEMS[code] : undefined;
  return known ?? (error instanceof Error ? error.message : String(error));
}
