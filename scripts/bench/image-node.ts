// The Node that nodes run on in the cluster's image (node:24): measured processes use it, too, whatever runs the script.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

import { runOk } from "../lib/run.ts";
import { ROOT } from "../lib/shoal.ts";

const MAJOR = 24;
const FOLDER = join(ROOT, ".shoal", "cache", `node${MAJOR}`);
const BINARY = join(FOLDER, "node");

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
