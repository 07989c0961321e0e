/** `shoal dev`: one node, everything in one process, with nothing set up before. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { freePorts } from "../../scripts/lib/free-ports.ts";
import { runOk, waitFor } from "../../scripts/lib/run.ts";
import { SHOAL_BIN } from "../../scripts/lib/shoal.ts";

describe("integration/dev", () => {
  it("runs a service by what it prints, makes a new token, and ends in order with its tasks", async () => {
    const root = mkdtempSync(join(tmpdir(), "shoal-dev-"));
    const env = { PATH: process.env["PATH"], HOME: root };
    // Its neighbour, which the HTTP listener takes, is nearly always free as well.
    const [port] = await freePorts(1);
    const words = ["dev", "--port", `${port}`, "--executor", "process", "--log-level", "error"];
    const dev = spawn(process.execPath, [SHOAL_BIN, ...words], {
      cwd: root,
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = new Promise<number | null>((resolve) => dev.once("exit", resolve));
    try {
      let text = "";
      dev.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
      const host = await waitFor("the line that says how to reach it", 20_000, () =>
        Promise.resolve(
          /^Ready in \d+\.\d s: one node[^]*export SHOAL_HOST=(\S+)\n {2}shoal node ls\n/m.exec(text)?.[1],
        ),
      );
      const shoal = async (...rest: string[]): Promise<string> =>
        await runOk([process.execPath, SHOAL_BIN, ...rest], { cwd: root, env: { ...env, SHOAL_HOST: host } });
      await shoal("service", "create", "--name", "tick", "--runtime", "process", "--", "sleep", "600");
      const task = JSON.parse(await shoal("task", "ls", "--format", "json")) as { status: { runtimeId: string } };
      const pid = Number(task.status.runtimeId);
      expect(isAlive(pid)).to.equal(true);
      const token = async (...flags: string[]): Promise<string> =>
        await shoal("cluster", "join-token", "-q", ...flags, "worker");
      const before = await token();
      const rotated = await token("--rotate");
      expect(rotated)
        .to.match(/^SHOAL-1-/)
        .and.not.equal(before);
      expect(await token()).to.equal(rotated);
      dev.kill("SIGINT");
      expect(await ended).to.equal(0);
      expect(isAlive(pid), "its task").to.equal(false);
    } finally {
      dev.kill("SIGKILL");
      await ended;
      rmSync(root, { recursive: true, force: true });
    }
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
