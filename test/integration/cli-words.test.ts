/** The command line's words before any cluster is asked: what is refused as wrong usage, and what help lists. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert } from "chai";
import { run, type RunResult } from "../../scripts/lib/run.ts";
import { SHOAL_BIN } from "../../scripts/lib/shoal.ts";

const DONE = 0;
const USAGE = 64;

describe("integration/cli: words", () => {
  let home: string;

  before(() => {
    home = mkdtempSync(join(tmpdir(), "shoal-words-"));
  });
  after(() => rmSync(home, { recursive: true, force: true }));

  async function shoal(words: readonly string[]): Promise<RunResult> {
    return await run([process.execPath, SHOAL_BIN, ...words], {
      env: { PATH: process.env["PATH"], HOME: home },
      cwd: home,
      timeoutMs: 45_000,
    });
  }

  async function ok(...words: string[]): Promise<string> {
    const { code, stdout, stderr } = await shoal(words);
    assert.equal(code, DONE, stderr);
    return stdout.trim();
  }

  const wrong: [string[], RegExp][] = [
    [["nod"], /Unknown command 'nod' \(Did you mean node\?\)\n {2}Next: shoal --help/],
    [["info"], /Unknown command 'info'\n {2}Next: shoal cluster info/],
    [["service", "list"], /Unknown command 'list'\n {2}Next: shoal service ls/],
    [["node", "lss"], /Unknown command 'lss'.*\n {2}Next: shoal node --help/],
    [["node", "ls", "--wide"], /Unknown option '--wide'\n {2}Next: shoal node ls --help/],
    [["service", "create"], /An image is missing/],
    [["service", "create", "image", "--name", "x"], /\n {2}Next: flags stand before the image/],
    [["service", "update", "--network", "x", "web"], /Unknown option '--network'\n {2}Next: there are no networks/],
    [["service", "update", "--env", "A=1", "web"], /Did you mean --env-add\?/],
    [["service", "update", "--rollback", "--image", "x", "web"], /--rollback changes nothing else/],
    [["service", "scale", "web"], /"web" is not SERVICE=REPLICAS/],
    [["node", "ls", "--format", "yaml"], /--format: "yaml"/],
    [["node", "ls", "--timeout", "soon"], /--timeout: "soon"/],
    [["node", "update", "worker1"], /Nothing to change/],
    [["init", "--host", "10.0.0.1"], /one machine's own daemon/],
    [["daemon", "--nope"], /Unknown option '--nope'\n {2}Next: shoal daemon --help/],
  ];
  for (const [words, message] of wrong) {
    it(`refuses \`shoal ${words.join(" ")}\` with ${USAGE}`, async () => {
      const { code, stdout, stderr } = await shoal(words);
      assert.equal(code, USAGE, stderr);
      assert.match(stderr, message);
      assert.equal(stdout, "");
    });
  }

  it("lists every command with one line each", async () => {
    const help = await ok("--help");
    for (const noun of [
      "daemon",
      "dev",
      "init",
      "join",
      "leave",
      "service",
      "task",
      "node",
      "cluster",
      "why",
      "events",
      "context",
    ]) {
      assert.match(help, new RegExp(`^ {2}${noun}( \\[options\\])? {2,}\\S`, "m"), noun);
    }
    assert.equal(await ok(), help);
    for (const [noun, verbs] of [
      ["node", "ls inspect update drain activate rm"],
      [
        "service",
        "create ls ps inspect update scale restart history rollback promote rollout run runs suspend resume logs rm",
      ],
      ["context", "ls use import export rm"],
    ] as const) {
      const lines = await ok("help", noun);
      for (const verb of verbs.split(" ")) assert.match(lines, new RegExp(`^ {2}${verb} .*\\S`, "m"), verb);
    }
  });

  it("knows its version, and the daemon's settings with their variables", async () => {
    assert.match(await ok("--version"), /^\d+\.\d+\.\d+$/);
    assert.match(await ok("daemon", "--help"), /--data-dir <DIR>[^]*\[SHOAL_DATA_DIR\]/);
  });
});
