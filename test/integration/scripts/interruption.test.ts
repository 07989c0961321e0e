// Scripts that are interrupted: small ones, planted in a folder, on the pieces that scripts/up, scripts/test, proofs,
// benchmarks and tests share.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { waitFor } from "../../../scripts/lib/run.ts";
import { ROOT } from "../../support/engine.ts";

const START_MS = 20_000;
/** Far above what it takes to end, far below how long a planted program would run. */
const END_MS = 15_000;

let folder: string;
/** Not at the top of the file: there they would run around every test of the stage. */
function usesFolder(): void {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "shoal-interrupted-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
}

const inFolder = (name: string): string => join(folder, name);

/** Resolves when the planted script has written the file `ready`. */
async function started(command: readonly string[]): Promise<ChildProcess> {
  const [file = "", ...args] = command;
  const child = spawn(file, args, { cwd: ROOT, stdio: "ignore", detached: true });
  await waitFor("the planted script", START_MS, () => (existsSync(inFolder("ready")) ? true : undefined), 10);
  return child;
}

async function endOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  return await waitFor("its end", END_MS, () => child.exitCode ?? child.signalCode ?? undefined, 10);
}

function isRunning(pid: string): boolean {
  const stat = `/proc/${pid.trim()}/stat`;
  return existsSync(stat) && !/^\d+ \(.*\) Z/.test(readFileSync(stat, "utf8"));
}

describe("scripts/lib/interruption.ts", () => {
  usesFolder();
  async function planted(body: string): Promise<ChildProcess> {
    const lines = [
      `import { appendFileSync, writeFileSync } from "node:fs";`,
      `import { cleanUpWhenInterrupted, cleanupOnce } from "${ROOT}/scripts/lib/interruption.ts";`,
      `import { run } from "${ROOT}/scripts/lib/run.ts";`,
      `const said = (text) => appendFileSync("${inFolder("said")}", text + "\\n");`,
      `const ready = () => writeFileSync("${inFolder("ready")}", "");`,
      `const never = new Promise(() => setInterval(() => {}, 1_000));`,
      "cleanUpWhenInterrupted();",
      body,
    ];
    writeFileSync(inFolder("planted.mts"), lines.join("\n"));
    return await started([process.execPath, "--import", "tsx", inFolder("planted.mts")]);
  }
  const said = (): string[] => readFileSync(inFolder("said"), "utf8").trim().split("\n");

  it("removes what was made and not yet removed, newest first, and ends by the signal's code", async () => {
    const child = await planted(`
      cleanupOnce(() => said("first"));
      const second = cleanupOnce(() => said("second"));
      cleanupOnce(async () => said("third: " + (await run(["echo", "it runs programs"])).stdout.trim()));
      await second();
      ready();
      await never;`);
    child.kill("SIGTERM");
    expect(await endOf(child)).to.equal(143);
    expect(said()).to.deep.equal(["second", "third: it runs programs", "first"]);
  });

  it("ends the program that runs first, starts none after it, and removes what its owner removes meanwhile once", async () => {
    const child = await planted(`
      const close = cleanupOnce(async () => { said("removed"); await run(["sleep", "0.3"]); });
      const work = run(["sh", "-c", "echo $$ >${inFolder("pid")}; touch ${inFolder("ready")}; exec sleep 1000"]);
      said("the program ended with " + (await work).code);
      said("the next one with " + (await run(["touch", "${inFolder("late")}"])).code);
      await close();
      await never;`);
    child.kill("SIGINT");
    expect(await endOf(child)).to.equal(130);
    expect(isRunning(readFileSync(inFolder("pid"), "utf8"))).to.equal(false);
    expect(said().toSorted()).to.deep.equal(["removed", "the next one with 130", "the program ended with 128"]);
    expect(existsSync(inFolder("late"))).to.equal(false);
  });

  it("ends at once at a second signal, though not at the first one's echo", async () => {
    const child = await planted(`
      cleanupOnce(async () => { said("begun"); await never; });
      ready();
      await never;`);
    child.kill("SIGINT");
    await waitFor("the removal", START_MS, () => (existsSync(inFolder("said")) ? true : undefined), 10);
    child.kill("SIGINT");
    const firstAt = performance.now();
    await waitFor("a second signal's time", START_MS, () => (performance.now() - firstAt > 1_100 ? true : undefined));
    expect(child.exitCode).to.equal(null);
    child.kill("SIGTERM");
    expect(await endOf(child)).to.equal(143);
  });
});

describe("scripts/lib/interruption.sh", () => {
  usesFolder();
  const planted = async (body: string): Promise<ChildProcess> =>
    await started(["bash", "-c", `set -euo pipefail; . scripts/lib/interruption.sh; ${body}`]);

  it("ends everything that its work started, in order, then removes what it made and its scratch folder", async () => {
    // Beside it processes begin and end all the time, as on any machine.
    const child = await planted(`
      scratch_make shoal-planted; trap scratch_remove EXIT
      echo "$SHOAL_SCRATCH" >${inFolder("scratch")}
      on_interrupt() { cp ${inFolder("tidied")} ${inFolder("said")}; }
      work() {
        trap 'sleep 1; touch ${inFolder("tidied")}; exit' TERM
        sleep 1000 & echo $! >${inFolder("pid")}; touch ${inFolder("ready")}; wait
      }
      { for _ in {1..400}; do sleep 0.005; done; } &
      interruptible work`);
    child.kill("SIGTERM");
    expect(await endOf(child)).to.equal(143);
    expect(isRunning(readFileSync(inFolder("pid"), "utf8"))).to.equal(false);
    expect(existsSync(inFolder("said")), "removed after the end").to.equal(true);
    expect(existsSync(readFileSync(inFolder("scratch"), "utf8").trim())).to.equal(false);
  });

  it("ends between two works as well, though what was interrupted with it ended by a code", async () => {
    const child = await planted(`trap 'touch ${inFolder("over")}' EXIT
      bash -c 'trap "exit 0" INT; touch ${inFolder("ready")}; sleep 20 & wait $!' || true
      touch ${inFolder("went-on")}`);
    // Ctrl-C reaches the whole group of a terminal.
    process.kill(-(child.pid ?? 0), "SIGINT");
    expect(await endOf(child)).to.equal(130);
    expect([existsSync(inFolder("over")), existsSync(inFolder("went-on"))]).to.deep.equal([true, false]);
  });

  it("gives the code of work that ends by itself", async () => {
    const child = await planted(`touch ${inFolder("ready")}; interruptible sh -c 'exit 3' || exit $((10 + $?))`);
    expect(await endOf(child)).to.equal(13);
  });
});
