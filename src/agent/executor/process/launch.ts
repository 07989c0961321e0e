/** Starts a shim, after the checks whose failure a shim could only write to a log. */
import { spawn } from "node:child_process";
import { constants, watch, type FSWatcher } from "node:fs";
import { access, stat } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { AppError, invalid } from "../../../util/errors.ts";
import { closedStdio } from "./stdio.ts";

/** @throws AppError invalid, naming the field */
export async function checkLaunch({
  program,
  dir,
  path,
}: {
  program: string;
  dir: string;
  path: string;
}): Promise<void> {
  const isFolder = await stat(dir).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  if (!isFolder)
    throw invalid("spec.task.process.dir", `"${dir}" is no folder on this node`, "create it, or name another");
  const folders = program.includes("/") ? [""] : path.split(":");
  for (const folder of folders) {
    if (await isProgram(isAbsolute(program) ? program : join(folder === "" ? dir : folder, program))) return;
  }
  const where = program.includes("/") ? "on this node" : "in PATH";
  throw invalid(
    "spec.task.process.command",
    `"${program}" is no program ${where}`,
    "install it on the node, or constrain the service to nodes that have it",
  );
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** @param onExit the shim ended, which it does right after its process */
export async function launch(
  {
    shim,
    taskDir,
    command,
    env,
    dir,
  }: { shim: string; taskDir: string; command: readonly string[]; env: Record<string, string>; dir: string },
  onExit: () => void,
): Promise<void> {
  // A session of its own (detached), so that nothing that happens to the agent's group reaches it.
  const child = spawn("/bin/sh", [shim, "run", taskDir, ...command], {
    cwd: dir,
    env,
    stdio: closedStdio(),
    detached: true,
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error) =>
      reject(new AppError("precondition", `Cannot start a process: ${error.message}`, {}, error)),
    );
  });
  child.once("exit", onExit);
  // The agent may end before it.
  child.unref();
}

/** Calls back when a file appears in a folder; without inotify the caller's audit has to do. */
export function watchFolder(folder: string, onFile: (name: string) => void): { close(): void } {
  let watcher: FSWatcher;
  try {
    watcher = watch(folder, { persistent: false }, (_, name) => {
      if (name !== null) onFile(name);
    });
  } catch {
    return { close: () => undefined };
  }
  watcher.on("error", () => watcher.close());
  return watcher;
}
