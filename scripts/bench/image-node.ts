// Nodes as the cluster's image runs them (node:24, the compiled program), and the
// script that loads them on the same Node: through tsx a function costs more, because it keeps every closure's name.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

import { endWhenInterrupted } from "../lib/interruption.ts";
import { runOk } from "../lib/run.ts";
import { ROOT } from "../lib/shoal.ts";

const MAJOR = 24;
const FOLDER = join(ROOT, ".shoal", "cache", `node${MAJOR}`);
const BINARY = join(FOLDER, "node");
const BUILD_MS = 120_000;

/** Taken once from the npm package that carries it. SHOAL_NODE names another. */
export async function imageNode(): Promise<string> {
  const named = process.env["SHOAL_NODE"];
  if (named !== undefined) return named;
  if (existsSync(BINARY)) return BINARY;
  process.stderr.write(`fetching Node ${MAJOR} from npm, once\n`);
  const work = join(FOLDER, "package");
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const arch = process.arch === "arm64" ? "arm64" : "x64";
  await runOk(["npm", "pack", "--silent", "--pack-destination", FOLDER, `node-linux-${arch}@${MAJOR}`]);
  const archive = readdirSync(FOLDER).find((name) => name.endsWith(".tgz")) ?? "";
  await runOk(["tar", "-C", FOLDER, "-xzf", join(FOLDER, archive), "package/bin/node"]);
  renameSync(join(work, "bin", "node"), BINARY);
  return BINARY;
}

/** As installed: a program from source, through tsx, is slower and starts with a compilation. */
export async function buildProgram(): Promise<void> {
  await runOk(["npm", "run", "-s", "build"], { cwd: ROOT, timeoutMs: BUILD_MS });
}

/** Runs this very command again on the image's Node. @returns its code; null: this is that process, go on */
export async function againOnImageNode(): Promise<number | null> {
  const binary = await imageNode();
  process.env["SHOAL_NODE"] = binary;
  if (process.execPath === binary) return null;
  await buildProgram();
  if ((await majorOf(binary)) < MAJOR) return null;
  const child = spawn(binary, process.argv.slice(1), { stdio: "inherit" });
  endWhenInterrupted(child);
  const [code] = (await once(child, "close")) as [number | null];
  return code ?? 1;
}

/** From 24 on Node takes TypeScript as it is. */
async function majorOf(binary: string): Promise<number> {
  return Number.parseInt((await runOk([binary, "--version"])).slice(1), 10);
}
