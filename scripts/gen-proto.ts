/**
 * Writes src/proto/gen from proto/: types only, checked in, never edited. The options must equal
 * LOAD_OPTIONS in src/proto/package.ts, or types and values drift apart.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeCodecs } from "./gen-codecs.ts";

const OUT = "src/proto/gen";
const files = readdirSync("proto/shoal/v1")
  .filter((name) => name.endsWith(".proto"))
  .map((name) => `shoal/v1/${name}`);

rmSync(OUT, { recursive: true, force: true });
execFileSync(
  "node_modules/.bin/proto-loader-gen-types",
  [
    "--longs=Number",
    "--enums=String",
    "--defaults",
    "--arrays",
    "--oneofs",
    "--includeComments",
    "--outputTemplate=%s",
    "--inputTemplate=%sInput",
    "--importFileExtension=.ts",
    "--targetFileExtension=.ts",
    "--grpcLib=@grpc/grpc-js",
    "--includeDirs=proto",
    `--outDir=${OUT}`,
    ...files,
  ],
  { stdio: "inherit" },
);

/** Service and program types pull in grpc-js and nobody uses them: only messages and enums stay. */
function prune(): void {
  rmSync(`${OUT}/google`, { recursive: true, force: true });
  for (const name of readdirSync(OUT)) if (name.endsWith(".ts")) rmSync(join(OUT, name));
  const dir = join(OUT, "shoal/v1");
  for (const name of readdirSync(dir)) {
    const path = join(dir, name);
    const text = readFileSync(path, "utf8");
    if (text.includes("@grpc/grpc-js")) rmSync(path);
    else renameSync(path, join(OUT, name));
    if (existsSync(join(OUT, name))) writeFileSync(join(OUT, name), text.replaceAll("../../shoal/v1/", "./"));
  }
  rmSync(`${OUT}/shoal`, { recursive: true, force: true });
}

type Rpc = { key: string; request: string; response: string; kind: string };

/** Every RPC by "Service.Method" and every message by name, so that callers are typed by a string. */
function writeIndex(): void {
  const rpcs: Rpc[] = [];
  for (const file of files) {
    let service = "";
    for (const line of readFileSync(join("proto", file), "utf8").split("\n")) {
      service = /^service (\w+)/.exec(line)?.[1] ?? service;
      const rpc = /^\s+rpc (\w+)\((stream )?(\w+)\) returns \((stream )?(\w+)\)/.exec(line);
      if (rpc === null) continue;
      const [, name = "", up, request = "", down, response = ""] = rpc;
      const kind = up !== undefined ? "bidi" : down !== undefined ? "server-stream" : "unary";
      rpcs.push({ key: `${service}.${name}`, request, response, kind });
    }
  }
  const messages = readdirSync(OUT)
    .map((name) => name.replace(/\.ts$/, ""))
    .filter((name) => readFileSync(join(OUT, `${name}.ts`), "utf8").includes(`export interface ${name} {`))
    .toSorted();
  const top = messages.filter((name) => !name.includes("_"));
  const lines = [
    "// Written by scripts/gen-proto.ts from proto/; never edited.",
    ...top.map((name) => `import type { ${name}, ${name}Input } from "./${name}.ts";`),
    "",
    "export interface Messages {",
    ...top.map((name) => `  ${name}: { input: ${name}Input; output: ${name} };`),
    "}",
    "",
    "export interface Rpcs {",
    ...rpcs.map(
      ({ key, request, response, kind }) =>
        `  "${key}": { request: "${request}"; response: "${response}"; kind: "${kind}" };`,
    ),
    "}",
    "",
    'export const RPC_KINDS: { readonly [K in keyof Rpcs]: Rpcs[K]["kind"] } = {',
    ...rpcs.map(({ key, kind }) => `  "${key}": "${kind}",`),
    "};",
    "",
    "export const RPC_TYPES: {",
    '  readonly [K in keyof Rpcs]: readonly [request: Rpcs[K]["request"], response: Rpcs[K]["response"]];',
    "} = {",
    ...rpcs.map(({ key, request, response }) => `  "${key}": ["${request}", "${response}"],`),
    "};",
    "",
    "export const PROTO_FILES = [",
    ...files.map((file) => `  "${file}",`),
    "] as const;",
    "",
  ];
  writeFileSync(join(OUT, "index.ts"), lines.join("\n"));
}

prune();
writeIndex();
writeCodecs(files, `${OUT}/codecs.ts`);
