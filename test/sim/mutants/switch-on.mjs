// Preloaded, before the TypeScript loader, into a process that is to run a mutant (child.ts): the file it names is
// loaded with that one line replaced. A line that is not there exactly once fails the process.
import { register } from "node:module";
import { isMainThread } from "node:worker_threads";

/** { url, from, to } of the mutant. */
let mutant;

export function initialize(data) {
  mutant = data;
}

export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context);
  if (url.split("?")[0] !== mutant.url) return loaded;
  const parts = Buffer.from(loaded.source).toString().split(mutant.from);
  if (parts.length !== 2) throw new Error(`GONE: ${parts.length - 1} times in ${mutant.url}: ${mutant.from}`);
  return { ...loaded, source: parts.join(mutant.to) };
}

if (isMainThread) {
  const { file, from, to } = JSON.parse(process.env.SHOAL_MUTANT);
  register(import.meta.url, { data: { url: new URL(`../../../src/${file}`, import.meta.url).href, from, to } });
}
