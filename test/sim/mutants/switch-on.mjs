// Preloaded, before the TypeScript loader, into a process that is to run mutants (child.ts). A module imported as
// `x.ts?mutant=3` is loaded anew, with all of the program that it imports, and in that copy the file which mutant 3 names
// has its one line replaced. A line that is not there exactly once fails the import. What knows no rule of ours is the
// same in all copies: that is half of the program, and no mutant is there.
import { register } from "node:module";
import { isMainThread } from "node:worker_threads";

const ROOT = new URL("../../../", import.meta.url).href;
const SHARED = [`${ROOT}node_modules/`, `${ROOT}src/proto/`, `${ROOT}src/util/`];
const NUMBER = /[?&]mutant=(\d+)/;

/** { url, from, to } of each. */
let mutants;

export function initialize(data) {
  mutants = data;
}

export async function resolve(specifier, context, nextResolve) {
  const resolved = await nextResolve(specifier, context);
  const number = NUMBER.exec(context.parentURL ?? "")?.[1];
  const { url } = resolved;
  const isOwn = url.startsWith(ROOT) && !SHARED.some((folder) => url.startsWith(folder));
  if (number === undefined || !isOwn || NUMBER.test(url)) return resolved;
  return { ...resolved, url: `${url}${url.includes("?") ? "&" : "?"}mutant=${number}` };
}

export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context);
  const mutant = mutants[NUMBER.exec(url)?.[1]];
  if (mutant === undefined || url.split("?")[0] !== mutant.url) return loaded;
  const parts = Buffer.from(loaded.source).toString().split(mutant.from);
  if (parts.length !== 2) throw new Error(`GONE: ${parts.length - 1} times in ${mutant.url}: ${mutant.from}`);
  return { ...loaded, source: parts.join(mutant.to) };
}

if (isMainThread) {
  const data = JSON.parse(process.env.SHOAL_MUTANTS).map(({ file, from, to }) => {
    const url = `${ROOT}src/${file}`;
    if (SHARED.some((folder) => url.startsWith(folder))) throw new Error(`No mutant can be in ${file}`);
    return { url, from, to };
  });
  register(import.meta.url, { data });
}
