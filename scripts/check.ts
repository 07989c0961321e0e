// `npm run check`: types, typed lint, format, layers, who may call what. Every check runs even when an earlier one fails; each counts as
// one test. The last line is `N passed, N failed, N skipped`.
import { spawn } from "node:child_process";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");

/** No check takes a tenth of this; a hung one must not hang the run. */
const CHECK_DEADLINE_MS = 180_000;

const CHECKS: readonly { readonly name: string; readonly command: readonly string[] }[] = [
  { name: "types", command: [bin("tsc"), "--noEmit", "-p", "."] },
  { name: "lint", command: [bin("oxlint"), "--type-aware", "--deny-warnings"] },
  { name: "format", command: [bin("oxfmt"), "--check"] },
  { name: "layers", command: [process.execPath, "--import", "tsx", "scripts/check-layers.ts"] },
  { name: "access", command: [process.execPath, "--import", "tsx", "scripts/check-access.ts"] },
];

function bin(name: string): string {
  return resolve(ROOT, "node_modules/.bin", name);
}

async function run(command: readonly string[]): Promise<{ ok: boolean; output: string }> {
  const [file = "", ...args] = command;
  const child = spawn(file, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"], timeout: CHECK_DEADLINE_MS });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  return await new Promise((resolveRun) => {
    child.on("error", (error) => resolveRun({ ok: false, output: error.message }));
    child.on("close", (code) => resolveRun({ ok: code === 0, output }));
  });
}

let failed = 0;
for (const { name, command } of CHECKS) {
  const started = performance.now();
  const { ok, output } = await run(command);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (!ok) {
    failed += 1;
    console.log(output.trimEnd());
  }
  console.log(`${ok ? "ok    " : "FAILED"} ${name} (${seconds} s)`);
}
console.log(`${CHECKS.length - failed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed === 0 ? 0 : 1;
