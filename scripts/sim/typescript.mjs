// Preloaded instead of tsx where processor time is what counts: tsx has esbuild keep the name of every function, by a call
// for each one that is made, which costs a simulator a tenth of its time.
import { readFile } from "node:fs/promises";
import { register } from "node:module";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";
import { transform } from "esbuild";

export async function load(url, context, nextLoad) {
  const [file] = url.split("?");
  if (!file.startsWith("file:") || !file.endsWith(".ts")) return await nextLoad(url, context);
  const path = fileURLToPath(file);
  const { code } = await transform(await readFile(path, "utf8"), {
    loader: "ts",
    format: "esm",
    target: "node20",
    sourcefile: path,
    sourcemap: "inline",
  });
  return { format: "module", source: code, shortCircuit: true };
}

if (isMainThread) {
  process.setSourceMapsEnabled(true);
  register(import.meta.url);
}
