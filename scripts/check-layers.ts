// Who may import whom, as one table: anything absent is forbidden. `npm run check` runs it, and a unit test plants
// violations. The table is the architecture: change it only together with ARCHITECTURE.md.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

import { codeOnly, importsOf, lineOf } from "./lib/source-scan.ts";

export type LayerRule = {
  /** Layers this one may import. A layer may always import itself. */
  readonly layers: readonly string[];
  /** Layers of which it may take types only (`import type`). */
  readonly types?: readonly string[];
  /** npm packages it may import: each package has one door. A trailing `*` stands for any ending. */
  readonly packages?: readonly string[];
  /** May it use Node's own modules and globals (`node:*`, process, Buffer)? Pure rooms may not. */
  readonly node?: boolean;
};

/** A folder below src, or a file right in it, to what it may use. The longest matching name is a file's layer. */
export const LAYERS: Readonly<Record<string, LayerRule>> = {
  util: { layers: [], packages: ["prom-client"], node: true },
  proto: { layers: ["util"], packages: ["@grpc/*"], node: true },
  model: { layers: ["util"], types: ["proto"], packages: ["croner"] },
  raft: { layers: ["util"] },
  store: { layers: ["util", "model"], types: ["proto"] },
  pki: {
    layers: ["util", "proto"],
    types: ["model", "store"],
    packages: ["@peculiar/x509", "reflect-metadata"],
    node: true,
  },
  disk: { layers: ["util"], packages: ["level"], node: true },
  "manager/replica": { layers: ["util", "raft", "store", "model", "proto", "pki"], node: true },
  "manager/control": {
    layers: ["util", "store", "model", "proto", "pki"],
    types: ["manager/replica"],
    node: true,
  },
  "manager/orchestrator": { layers: ["util", "store", "model"], types: ["proto"] },
  "manager/scheduler": { layers: ["util", "store", "model"], types: ["proto"] },
  // What happened, for people, beside log and snapshot.
  "manager/events": { layers: ["util", "store", "model", "proto"] },
  "manager/allocator": { layers: ["util", "store", "model"], types: ["proto"] },
  "manager/sessions": {
    layers: ["util", "store", "model", "proto", "pki"],
    types: ["manager/replica"],
    node: true,
  },
  manager: {
    layers: [
      "manager/replica",
      "manager/control",
      "manager/events",
      "manager/orchestrator",
      "manager/scheduler",
      "manager/allocator",
      "manager/sessions",
      "util",
      "raft",
      "store",
      "model",
      "proto",
      "pki",
    ],
    node: true,
  },
  agent: { layers: ["util", "model", "proto", "pki", "agent/executor"], node: true },
  "agent/executor": { layers: ["util", "model"], types: ["proto"], node: true },
  "agent/executor/docker": {
    layers: ["util", "model", "agent/executor"],
    types: ["proto"],
    packages: ["dockerode"],
    node: true,
  },
  "agent/executor/process": { layers: ["util", "model", "agent/executor"], types: ["proto"], node: true },
  cli: { layers: ["util", "model", "proto", "pki"], packages: ["commander"], node: true },
  daemon: {
    layers: [
      "util",
      "model",
      "raft",
      "store",
      "proto",
      "pki",
      "disk",
      "manager",
      "manager/replica",
      "manager/control",
      "manager/events",
      "manager/sessions",
      "agent",
      "agent/executor",
      "agent/executor/docker",
      "agent/executor/process",
      // Commands that work on a data directory speak to people as all others do.
      "cli",
    ],
    packages: ["pino", "commander"],
    node: true,
  },
  "main.ts": { layers: ["util", "cli", "daemon"], node: true },
};

/** A file longer than this is refused; 300 is what to aim for. */
export const FILE_LINES_MAX = 500;

/** The one file that may touch the real clock, timers and dice. Everything else goes through Env. */
const REAL_ENV = "src/util/real-env.ts";
const GENERATED = "src/proto/gen/";

const CLOCK_AND_DICE =
  /\bDate\.now\b|\bDate\(\s*\)|\bnew Date\b(?!\s*\()|\bMath\.random\b|\bset(?:Timeout|Interval|Immediate)\s*\(|\bglobalThis\.set(?:Timeout|Interval|Immediate)\b|\bperformance\.now\b|\bprocess\.hrtime\b|\bAbortSignal\.timeout\b/g;
const NODE_GLOBALS =
  /\bprocess\s*[.[]|\bBuffer\b|\brequire\s*\(|\bfetch\s*\(|\bglobalThis\b|\bcrypto\s*\.|\bconsole\s*\./g;
/** Whose target no table can be asked about. */
const UNKNOWN_IMPORT = /\bimport\s*\(\s*[^\s"'`]/g;

/** All violations below `root`, one line of text each, sorted by file; empty when the house is in order. */
export function checkLayers(root: string, layers: Readonly<Record<string, LayerRule>> = LAYERS): string[] {
  const problems: string[] = [];
  for (const file of sourceFiles(root)) {
    const source = readFileSync(join(root, file), "utf8");
    const lines = source.split("\n").length - (source.endsWith("\n") ? 1 : 0);
    if (lines > FILE_LINES_MAX)
      problems.push(`${file}: ${lines} lines, at most ${FILE_LINES_MAX} are allowed: split it`);
    if (file.startsWith("src/")) problems.push(...checkSource(file, source, layers));
  }
  return problems;
}

function checkSource(file: string, source: string, layers: Readonly<Record<string, LayerRule>>): string[] {
  if (!file.endsWith(".ts")) return [`${file}: source is TypeScript, so that this check can read it`];
  const layer = layerOf(file, layers);
  if (layer === undefined) return [`${file}: its folder is not in the table of scripts/check-layers.ts`];
  const rule = layers[layer];
  if (rule === undefined) return [];
  const problems: string[] = [];
  for (const { specifier, typeOnly, line } of importsOf(source)) {
    const why = refusal({ file, layer, rule, layers, specifier, typeOnly });
    if (why !== undefined) problems.push(`${file}:${line}: ${why}`);
  }
  const code = codeOnly(source, { keepStrings: false });
  const withStrings = codeOnly(source, { keepStrings: true });
  if (file !== REAL_ENV) problems.push(...banned(file, code, CLOCK_AND_DICE, "time and dice only through Env"));
  problems.push(...banned(file, withStrings, UNKNOWN_IMPORT, "only a literal may be imported: the table must see it"));
  if (rule.node !== true) problems.push(...banned(file, code, NODE_GLOBALS, `${layer} is pure: no Node globals`));
  return problems;
}

function banned(file: string, code: string, words: RegExp, why: string): string[] {
  return [...code.matchAll(words)].map((match) => `${file}:${lineOf(code, match.index)}: ${match[0].trim()}: ${why}`);
}

type Question = {
  readonly file: string;
  readonly layer: string;
  readonly rule: LayerRule;
  readonly layers: Readonly<Record<string, LayerRule>>;
  readonly specifier: string;
  readonly typeOnly: boolean;
};

function refusal({ file, layer, rule, layers, specifier, typeOnly }: Question): string | undefined {
  if (specifier.startsWith("node:")) {
    return rule.node === true ? undefined : `${layer} is pure and may not import ${specifier}`;
  }
  if (!specifier.startsWith(".")) {
    const allowed = (rule.packages ?? []).some((name) => packageMatches(name, specifier));
    return allowed ? undefined : `${layer} may not import the package ${specifier}`;
  }
  if (!specifier.endsWith(".ts")) return `import ${specifier} must end in .ts`;
  const target = join(dirname(file), specifier).split(sep).join("/");
  const targetLayer = layerOf(target, layers);
  if (targetLayer === undefined) return `${layer} may not import ${target}, which is in no layer`;
  if (targetLayer === layer || rule.layers.includes(targetLayer)) return undefined;
  if (rule.types?.includes(targetLayer) === true) {
    return typeOnly ? undefined : `${layer} may take only types of ${targetLayer} (${specifier}): use import type`;
  }
  return `${layer} may not import ${targetLayer} (${specifier})`;
}

function packageMatches(allowed: string, specifier: string): boolean {
  if (allowed.endsWith("*")) return specifier.startsWith(allowed.slice(0, -1));
  return specifier === allowed || specifier.startsWith(`${allowed}/`);
}

/** The longest name in the table that is the file itself or a folder around it. */
function layerOf(file: string, layers: Readonly<Record<string, LayerRule>>): string | undefined {
  if (!file.startsWith("src/")) return undefined;
  const inside = file.slice("src/".length);
  if (inside in layers) return inside;
  for (let folder = dirname(inside); folder !== "."; folder = dirname(folder)) {
    // A folder in a folder of the table is only its own layer's if the table says so: manager/new/x.ts is refused,
    // manager/x.ts is not. Generated files and helpers of one door may nest below it.
    if (folder in layers) {
      const depth = inside.slice(folder.length + 1).split("/").length;
      const hasRooms = Object.keys(layers).some((name) => name.startsWith(`${folder}/`));
      return depth > 1 && hasRooms ? undefined : folder;
    }
  }
  return undefined;
}

function sourceFiles(root: string): string[] {
  const files: string[] = [];
  for (const top of ["src", "scripts", "test", "examples"]) {
    for (const path of walk(join(root, top))) {
      const file = relative(root, path).split(sep).join("/");
      const isSource = file.endsWith(".ts") || file.startsWith("src/");
      if (isSource && !file.startsWith(GENERATED)) files.push(file);
    }
  }
  return files.sort();
}

function walk(folder: string): string[] {
  let entries;
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return []; // A folder that does not exist yet has no files.
  }
  return entries.flatMap((entry) =>
    entry.isDirectory() ? walk(join(folder, entry.name)) : [join(folder, entry.name)],
  );
}

function main(): void {
  const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
  const problems = checkLayers(root);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
  else console.log(`layers: ${sourceFiles(root).length} files in order`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
