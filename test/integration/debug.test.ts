/** `shoal debug` on real directories: what it shows, that it changes nothing, and how it refuses. */
import { expect } from "chai";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Session } from "../../src/cli/command.ts";
import { Output } from "../../src/cli/output.ts";
import { debugRaft, debugStore } from "../../src/daemon/debug-command.ts";
import { LevelKvFactory } from "../../src/disk/level-kv.ts";
import type { Action } from "../../src/store/actions.ts";
import { AppError } from "../../src/util/errors.ts";
import { realEnv } from "../../src/util/real-env.ts";
import { node, service, task } from "../support/loops/objects.ts";
import { writeLog } from "../support/old-log.ts";
import { aCluster, aNode } from "../support/store/objects.ts";

const SECRETS = { rootKeyPem: "KEY-OF-CA", workerTokenSecret: "TOKEN-W", managerTokenSecret: "TOKEN-M" };
const CHANGES: Action[][] = [
  [
    { kind: "put", table: "cluster", object: aCluster({ id: "c1", ...SECRETS }) },
    { kind: "put", table: "node", object: aNode({ ...node("m1"), role: "MANAGER" }) },
  ],
  [{ kind: "put", table: "service", object: service("web", { replicas: 2 }) }],
  [1, 2].map((slot): Action => ({ kind: "put", table: "task", object: task(`t${slot}`, { nodeId: "m1", slot }) })),
];

describe("integration/debug", () => {
  let root: string;
  let data: string;
  let copies: string;
  const { TMPDIR } = process.env;
  before(async () => {
    root = mkdtempSync(join(tmpdir(), "shoal-debug-test-"));
    data = join(root, "data");
    copies = join(root, "copies");
    for (const folder of [data, copies]) mkdirSync(folder);
    process.env["TMPDIR"] = copies;
    await writeLog({ env: realEnv, kvFactory: new LevelKvFactory(data) }, { changes: CHANGES });
  });
  after(() => {
    if (TMPDIR === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = TMPDIR;
    rmSync(root, { recursive: true });
  });

  type Said = { readonly text: string; readonly error: AppError | null };

  async function run(
    command: typeof debugRaft | typeof debugStore,
    words: readonly string[],
    flags = {},
  ): Promise<Said> {
    let text = "";
    const screen = { write: (more: string | Uint8Array) => (text += String(more)) };
    const session = new Session({}, null, new Output({ format: "table", out: screen, err: screen }));
    try {
      await command(session, flags, words);
      return { text, error: null };
    } catch (error) {
      return { text, error: AppError.from(error) };
    }
  }

  /** Names, contents and times of all that is in it. */
  function fingerprint(folder: string): string {
    const hash = createHash("sha256");
    for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }).toSorted()) {
      const path = join(folder, name);
      const stats = statSync(path);
      hash.update(`${name} ${stats.mtimeMs}\n`).update(stats.isFile() ? readFileSync(path) : "");
    }
    return hash.digest("hex");
  }

  it("shows a log and the state in it, without secrets, and changes nothing", async () => {
    const before = fingerprint(data);
    const raft = await run(debugRaft, [data], { from: "3", to: "4" });
    expect(raft.error).to.equal(null);
    expect(raft.text).to.match(/^Node: +m1 of cluster c1$/m);
    expect(raft.text).to.match(/^3 +3 +normal +\d+ +put service web/m);
    expect(raft.text).to.not.match(/^2 /m);
    expect(raft.text).to.match(/^Verified: +entries 1 to 4$/m);
    expect((await run(debugStore, [data])).text).to.match(/service +1\n(?:.*\n)*? +task +2\n/);
    const cluster = await run(debugStore, [data, "cluster", "c1"]);
    expect(cluster.text).to.include('"rootKeyPem": "(redacted)"');
    const all = await Promise.all(["cluster", "node", "service", "task"].map((name) => run(debugStore, [data, name])));
    const said = [raft, cluster, ...all].map(({ text }) => text).join("");
    for (const secret of Object.values(SECRETS)) expect(said).to.not.include(secret);
    expect(fingerprint(data), "the directory is as it was").to.equal(before);
    expect(readdirSync(copies), "no copy is left").to.deep.equal([]);
  });

  it("finds a row by id, by its beginning and by name, and says how to find others", async () => {
    for (const id of ["t1", "web.1"]) expect((await run(debugStore, [data, "task", id])).text).to.include('"id": "t1"');
    expect((await run(debugStore, [data, "task", "t"])).error?.message).to.equal('There is more than one task "t"');
    const none = await run(debugStore, [data, "service", "db"]);
    expect(none.error?.message).to.equal('There is no service "db"');
    expect(none.error?.details.next).to.include(`shoal debug store ${data} service`);
  });

  it("says what is given instead of a manager's data", async () => {
    const folder = (name: string): string => {
      mkdirSync(join(root, name), { recursive: true });
      return join(root, name);
    };
    writeFileSync(join(root, "file"), "");
    writeFileSync(join(folder("worker/identity"), "node.json"), "{}");
    folder("former/superseded");
    for (const [dir, why, next] of [
      [join(root, "missing"), "it does not exist", "--data-dir"],
      [join(root, "file"), "it is a file", "shoal debug store"],
      [folder("empty"), "it holds no log", "--data-dir"],
      [join(root, "worker"), "its node is a worker", "look at a manager"],
      [join(root, "former"), "left behind by a recovery", `shoal debug raft ${join(root, "former/superseded")}`],
    ] as const) {
      const { error } = await run(debugRaft, [dir]);
      expect(error?.message).to.include(`There is no manager's data in ${dir}`).and.include(why);
      expect(error?.details.next).to.include(next);
    }
    expect((await run(debugStore, [join(root, "missing")])).error?.message).to.include("There is no ");
  });

  it("leaves a directory alone that a daemon uses", async () => {
    const kv = await new LevelKvFactory(data).open("raft-log");
    try {
      const { error } = await run(debugRaft, [data]);
      expect(error?.message).to.equal(`Cannot look at ${data}: process ${process.pid} uses it`);
      expect(error?.details.next).to.include("stop the daemon");
    } finally {
      await kv.close();
    }
  });

  it("names the first corrupted place, and shows what is before it", async () => {
    const damaged = join(root, "damaged");
    mkdirSync(damaged);
    const actions = CHANGES.map((change) => change);
    await writeLog({ env: realEnv, kvFactory: new LevelKvFactory(damaged) }, { changes: actions });
    const [log] = readdirSync(join(damaged, "raft-log")).filter((name) => name.endsWith(".log"));
    const path = join(damaged, "raft-log", log ?? "");
    const bytes = readFileSync(path);
    bytes[bytes.byteLength - 40]! ^= 1;
    writeFileSync(path, bytes);
    const { text, error } = await run(debugRaft, [damaged]);
    expect(error?.code).to.equal("corrupt");
    expect(error?.message).to.include(`The Raft log in ${damaged}/raft-log is corrupted at index`);
    expect(error?.details.next).to.include("wipe this data directory and rejoin");
    expect(text)
      .to.match(/^2 +3 +normal/m)
      .and.not.include("Verified:");
  });
});
