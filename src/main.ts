/** Dispatches to the daemon or the command line, and loads only the one that is asked for. */
import { readFileSync, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCli } from "./cli/program.ts";
import { registerDaemon } from "./daemon/commands.ts";

function version(): string {
  let at = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(at, "package.json"))) at = dirname(at);
  const manifest: unknown = JSON.parse(readFileSync(join(at, "package.json"), "utf8"));
  return typeof manifest === "object" && manifest !== null && "version" in manifest
    ? String(manifest.version)
    : "unknown";
}

await runCli(process.argv.slice(2), version(), { register: registerDaemon });
