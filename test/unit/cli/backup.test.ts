import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { backup } from "../../../src/cli/backup.ts";
import type { Session } from "../../../src/cli/command.ts";
import { AppError } from "../../../src/util/errors.ts";

type Handlers = { onMessage(message: object): void; onClose(end: { error: AppError | null }): void };

describe("cli/backup", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "shoal-backup-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Managers whose streams begin, and break off with `error`. */
  function broken(hosts: number, error: AppError): { session: Session; asked: () => number } {
    let asked = 0;
    const stream = (_key: string, _request: object, handlers: Handlers): object => {
      asked += 1;
      queueMicrotask(() => {
        handlers.onMessage({ begin: { clusterId: "c" } });
        handlers.onMessage({ data: Buffer.from("half of it") });
        handlers.onClose({ error });
      });
      return { pause: () => undefined, resume: () => undefined, cancel: () => undefined };
    };
    const client = { hosts: Array.from({ length: hosts }, (_, at) => `m${at}`), stream, next: () => undefined };
    return { session: { client, timeoutMs: 5000 } as unknown as Session, asked: () => asked };
  }

  const failure = async (session: Session, file: string): Promise<AppError> => {
    try {
      await backup(session, {}, [file]);
    } catch (error) {
      if (error instanceof AppError) return error;
      throw error;
    }
    throw new Error("It was expected to fail");
  };

  it("whose manager dies half-way asks each other one, leaves no file, and says what to do", async () => {
    const file = join(folder, "cluster.shoal");
    const { session, asked } = broken(3, new AppError("unavailable", "The connection was lost", { sent: "maybe" }));
    const error = await failure(session, file);
    expect(asked()).to.equal(3);
    expect(error.code).to.equal("unavailable");
    expect(error.details.next).to.match(/^make it again once a manager leads .* shoal backup .*cluster\.shoal$/);
    expect(existsSync(file)).to.equal(false);
    expect(readdirSync(folder)).to.deep.equal([]);
  });

  it("that is refused says why in the manager's own words", async () => {
    const refusal = new AppError("denied", "May not be called", { next: "use an administrator's certificate" });
    const { session, asked } = broken(3, refusal);
    expect((await failure(session, join(folder, "x"))).details.next).to.equal("use an administrator's certificate");
    expect(asked()).to.equal(1);
  });
});
