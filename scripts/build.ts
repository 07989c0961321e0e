// `npm run build`: compiles src into dist/src with tsc and copies proto/ beside it, so that code which looks for
// ../../proto from its own folder finds it in both trees. dist/ is replaced only by a build that succeeded.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, renameSync, rmSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const BUILD_DEADLINE_MS = 180_000;

function main(): number {
  const fresh = resolve(ROOT, `.dist-${process.pid}`);
  const dist = resolve(ROOT, "dist");
  try {
    const tsc = spawnSync(resolve(ROOT, "node_modules/.bin/tsc"), ["-p", "tsconfig.build.json", "--outDir", fresh], {
      cwd: ROOT,
      stdio: "inherit",
      timeout: BUILD_DEADLINE_MS,
    });
    if (tsc.status !== 0) {
      console.error(`Build failed: tsc ended with ${tsc.error?.message ?? tsc.status ?? tsc.signal}`);
      return 1;
    }
    if (existsSync(resolve(ROOT, "proto")))
      cpSync(resolve(ROOT, "proto"), resolve(fresh, "proto"), { recursive: true });
    rmSync(dist, { recursive: true, force: true });
    renameSync(fresh, dist);
    return 0;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

process.exitCode = main();
