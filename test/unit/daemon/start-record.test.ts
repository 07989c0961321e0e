import { expect } from "chai";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StartRecords, type StartRecord } from "../../../src/daemon/start-record.ts";
import { readToken, TOKEN_WAIT_MS, writeTokens } from "../../../src/daemon/token-files.ts";
import { silentLogger } from "../../../src/util/log.ts";
import { realEnv } from "../../../src/util/real-env.ts";
import { expectCode } from "../../support/expect-code.ts";
import { aCluster, aNode } from "../../support/store/objects.ts";
import { ManualEnv } from "../../support/store/fake-log.ts";

describe("daemon/start-record", () => {
  let folder: string;
  let records: StartRecords;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "shoal-start-"));
    records = new StartRecords(folder);
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  const record: StartRecord = {
    kind: "init",
    managers: ["m1:7377"],
    advertise: "m1:7377",
    nodeName: "m1",
    bootstrap: { cluster: aCluster({ id: "c1", rootKeyPem: "KEY" }), node: aNode({ id: "n1", address: "m1:7377" }) },
  };

  it("gives back what was saved, readable by its owner only, and nothing once forgotten", async () => {
    expect(await records.load()).to.equal(null);
    await records.save(record);
    expect(await records.load()).to.deep.equal(record);
    expect(statSync(records.path).mode & 0o777).to.equal(0o600);
    const done = { ...record, bootstrap: null };
    await records.save(done);
    expect(await records.load()).to.deep.equal(done);
    expect(readFileSync(records.path, "utf8")).not.to.contain("cluster");
    await records.forget();
    await records.forget();
    expect(await records.load()).to.equal(null);
  });

  it("names a damaged file and shows nothing of it", async () => {
    await records.save(record);
    const whole = readFileSync(records.path, "utf8");
    const damaged = [
      whole.slice(0, 100),
      "[]",
      "{}",
      whole.replace('"format": 1', '"format": 9'),
      whole.replace('"init"', '"other"'),
      whole.replace("nodeName", "nodeNom"),
    ];
    for (const text of damaged) {
      writeFileSync(records.path, text);
      const error = await expectCode(records.load(), "corrupt");
      expect(error.message).to.contain(records.path);
      expect(error.cause).to.equal(undefined);
    }
  });

  describe("token files", () => {
    it("hand out each role's token by itself, to their owner only", async () => {
      await writeTokens(folder, { managerToken: "M", workerToken: "W" });
      const path = join(folder, "worker/token");
      expect(readFileSync(path, "utf8")).to.equal("W\n");
      expect(statSync(path).mode & 0o777).to.equal(0o600);
      expect(await readToken({ env: realEnv, log: silentLogger }, path, new AbortController().signal)).to.equal("W");
    });

    it("are waited for, until there is something in them, time is up or the wait is ended", async () => {
      const path = join(folder, "token");
      const deps = { env: realEnv, log: silentLogger };
      writeFileSync(path, " \n");
      const reading = readToken(deps, path, new AbortController().signal);
      writeFileSync(path, "SECRET\n");
      expect(await reading).to.equal("SECRET");
      const abort = new AbortController();
      const waiting = expectCode(readToken(deps, join(folder, "none"), abort.signal), "cancelled");
      abort.abort();
      await waiting;
      const env = new ManualEnv();
      const expired = expectCode(
        readToken({ env, log: silentLogger }, join(folder, "none"), new AbortController().signal),
        "deadline",
      );
      while (env.timers === 0) await new Promise((resolve) => setImmediate(resolve));
      env.advance(TOKEN_WAIT_MS + 1);
      expect((await expired).details.path).to.equal("token-file");
      expect(existsSync(join(folder, "none"))).to.equal(false);
    });
  });
});
