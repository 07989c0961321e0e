#!/usr/bin/env node
// The `shoal` command: the compiled program where there is one, the source through tsx in a checkout without a build.
import { existsSync } from "node:fs";

const compiled = new URL("../dist/src/main.js", import.meta.url);
if (existsSync(compiled)) {
  await import(compiled.href);
} else {
  const { register } = await import("tsx/esm/api");
  register();
  await import(new URL("../src/main.ts", import.meta.url).href);
}
