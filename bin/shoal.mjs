#!/usr/bin/env node
// The `shoal` command: the compiled program where it is up to date, in a checkout with newer source that source
// itself (through tsx, slower to start).
import { existsSync, readdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const compiled = new URL("../dist/src/main.js", import.meta.url);
const source = fileURLToPath(new URL("../src", import.meta.url));

/** In an image or package there is no source beside it. */
function isUpToDate() {
  if (!existsSync(compiled)) return false;
  if (!existsSync(source)) return true;
  const builtMs = statSync(compiled).mtimeMs;
  return readdirSync(source, { recursive: true, encoding: "utf8" }).every(
    (name) => statSync(`${source}/${name}`).mtimeMs <= builtMs,
  );
}

if (isUpToDate()) {
  await import(compiled.href);
} else {
  const { register } = await import("tsx/esm/api");
  register();
  await import(new URL("../src/main.ts", import.meta.url).href);
}
