// Does this machine have what an end-to-end test needs? With SHOAL_TEST_REQUIRE=engine (CI) the answer "no" is a
// failure; otherwise the test is skipped and says why.
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { run, runOk } from "../../scripts/lib/run.ts";

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** A small image with busybox and its web server: `serve [PORT]`, `sleep`, `sh`. */
export const WORKLOAD_IMAGE = "shoal/busybox:local";

const IMAGE_DEADLINE_MS = 120_000;

/** Call in `before`: `before(async function () { await requireEngine(this); })`. */
export async function requireEngine(context: Mocha.Context): Promise<void> {
  const answer = await run(["docker", "version", "--format", "{{.Server.Version}}"], { timeoutMs: 10_000 });
  if (answer.code !== 0) missing(context, `no Docker engine answers (${firstLine(answer.stderr)})`);
}

/** For tests with several hosts in network namespaces: root, the tools, and an engine to take images from. */
export async function requireHosts(context: Mocha.Context): Promise<void> {
  if (process.getuid?.() !== 0) missing(context, "several hosts in network namespaces need root");
  for (const tool of ["ip", "nsenter", "unshare", "iptables", "dockerd"]) {
    const found = await run(["sh", "-c", `command -v ${tool}`]);
    if (found.code !== 0) missing(context, `${tool} is not installed`);
  }
  await requireEngine(context);
}

/** For tests on file systems of their own: root and the tools. */
export async function requireDisks(context: Mocha.Context): Promise<void> {
  if (process.getuid?.() !== 0) missing(context, "disks of their own need root");
  for (const tool of ["mount", "umount", "mkfs.ext4", "fsfreeze"]) {
    const found = await run(["sh", "-c", `command -v ${tool}`]);
    if (found.code !== 0) missing(context, `${tool} is not installed`);
  }
}

/** Makes the workload image on the machine's engine where it is missing. */
export async function ensureWorkloadImage(): Promise<void> {
  const script = `set -euo pipefail; ROOT='${ROOT}'; . scripts/lib/engine.sh; workload_image_ensure`;
  await runOk(["bash", "-c", script], { cwd: ROOT, timeoutMs: IMAGE_DEADLINE_MS });
}

function missing(context: Mocha.Context, reason: string): never {
  if (process.env["SHOAL_TEST_REQUIRE"] === "engine") {
    throw new Error(`SHOAL_TEST_REQUIRE=engine, but ${reason}: run scripts/test, which starts one`);
  }
  console.log(`    skipped: ${reason}`);
  return context.skip();
}

function firstLine(text: string): string {
  return text.trim().split("\n")[0] ?? "";
}
