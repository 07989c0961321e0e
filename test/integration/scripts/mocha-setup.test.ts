// The tests' own safety net: a planted test file is run by a mocha of its own, as scripts/test runs every stage.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { run } from "../../../scripts/lib/run.ts";
import type { RunResult } from "../../../scripts/lib/run.ts";
import { ROOT } from "../../support/engine.ts";

const MOCHA_MS = 30_000;

async function mocha(body: string): Promise<RunResult> {
  const folder = mkdtempSync(join(tmpdir(), "shoal-mocha-"));
  try {
    const file = join(folder, "planted.test.mjs");
    writeFileSync(file, `describe("planted", () => { ${body} });\n`);
    return await run([process.execPath, "node_modules/mocha/bin/mocha.js", file], { cwd: ROOT, timeoutMs: MOCHA_MS });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe("test/support/setup", () => {
  it("ends with one counting line", async () => {
    const { code, stdout } = await mocha(`it("a", () => {}); it("b", () => {}); it.skip("c", () => {});`);
    expect(stdout.trimEnd().split("\n").at(-1)).to.equal("2 passed, 0 failed, 1 skipped");
    expect(code).to.equal(0);
  });

  it("fails a test during which a rejection stays unhandled", async () => {
    const { code, stdout } = await mocha(
      `it("a", async () => { void Promise.reject(new Error("nobody cares")); await new Promise((r) => setTimeout(r, 20)); });`,
    );
    expect(stdout).to.contain("nobody cares");
    // Mocha may count the same test again when it goes on after the throw.
    expect(stdout).to.match(/0 passed, [12] failed, 0 skipped/);
    expect(code).to.not.equal(0);
  });

  it("ends a run that leaves something open, names it, and fails", async () => {
    const { code, stdout, stderr } = await mocha(`it("a", () => { setInterval(() => {}, 1000); });`);
    expect(stdout).to.contain("1 passed, 0 failed, 0 skipped");
    expect(stderr).to.match(/open handles after the last test: \[[^\]]*'Timeout'/);
    expect(code).to.equal(1);
  });

  it("refuses a test that excludes all others", async () => {
    const { code } = await mocha(`it.only("a", () => {});`);
    expect(code).to.not.equal(0);
  });
});
