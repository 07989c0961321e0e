import { expect } from "chai";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "../../../src/daemon/config.ts";
import { Daemon } from "../../../src/daemon/daemon.ts";
import { AppError } from "../../../src/util/errors.ts";
import { silentLogger } from "../../../src/util/log.ts";
import { realEnv } from "../../../src/util/real-env.ts";

describe("daemon/daemon", () => {
  it("names the setting and the next step when the data directory cannot be one", async () => {
    const root = mkdtempSync(join(tmpdir(), "shoal-daemon-"));
    try {
      const dataDir = join(root, "file");
      writeFileSync(dataDir, "mine");
      const config = readConfig({ dataDir, socket: join(root, "s.sock"), executor: "none" }, {}, "");
      const deps = { env: realEnv, log: silentLogger, version: "test", onFatal: () => undefined };
      const error = await new Daemon(config, deps).start().then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (!(error instanceof AppError)) throw new Error(`not an AppError: ${String(error)}`);
      expect(error.code).to.equal("precondition");
      expect(error.message).to.contain(dataDir);
      expect(error.details.path).to.equal("data-dir");
      expect(error.details.next).to.be.a("string");
      expect(readFileSync(dataDir, "utf8")).to.equal("mine");
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
