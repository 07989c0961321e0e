/** Where the scripts are. */
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseScript } from "./parse.ts";
import type { Script } from "./parse.ts";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const FOLDER = "test/unit/raft/scripts";

/** All of them, by name. `path` is absolute; the script knows its file from the project's root. */
export function readScripts(): readonly { readonly path: string; readonly script: Script }[] {
  return readdirSync(join(ROOT, FOLDER), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".txt"))
    .toSorted()
    .map((file) => {
      const path = join(ROOT, FOLDER, file);
      return { path, script: parseScript(`${FOLDER}/${file}`, readFileSync(path, "utf8")) };
    });
}
