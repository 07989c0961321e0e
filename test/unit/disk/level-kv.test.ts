import { expect } from "chai";
import { mkdir, mkdtemp, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LevelKvFactory } from "../../../src/disk/level-kv.ts";
import { isAppError } from "../../../src/util/errors.ts";
import type { Kv, KvOp } from "../../../src/util/kv.ts";

const put = (key: number[], value: string): KvOp => ({
  kind: "put",
  key: Uint8Array.from(key),
  value: Buffer.from(value),
});

async function keysOf(kv: Kv, limit = 100, reverse = false): Promise<number[][]> {
  const range = { gte: Uint8Array.of(0), lt: Uint8Array.of(255), limit, reverse };
  return (await kv.range(range)).map(({ key }) => [...key]);
}

describe("disk/level-kv", () => {
  let directory = "";
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "shoal-kv-"));
  });
  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it("keeps bytes over a close, in byte order, and knows what is missing", async () => {
    const factory = new LevelKvFactory(directory);
    const first = await factory.open("some");
    await first.batch([put([200], "c"), put([1, 0], "b"), put([1], "a"), put([254], "d")], { sync: true });
    await first.batch([{ kind: "delete", key: Uint8Array.of(254) }], { sync: true });
    await first.close();
    const second = await factory.open("some");
    expect(await keysOf(second)).to.deep.equal([[1], [1, 0], [200]]);
    expect(await keysOf(second, 2, true)).to.deep.equal([[200], [1, 0]]);
    const value = await second.get(Uint8Array.of(200));
    expect(value).to.be.instanceOf(Uint8Array);
    expect(Buffer.from(value ?? []).toString()).to.equal("c");
    expect(await second.get(Uint8Array.of(9))).to.equal(undefined);
    await second.close();
  });

  it("keeps stores of one directory apart", async () => {
    const factory = new LevelKvFactory(directory);
    const [one, two] = [await factory.open("one"), await factory.open("raft-log")];
    await one.batch([put([1], "one")], { sync: true });
    expect(await keysOf(two)).to.deep.equal([]);
    await one.close();
    await two.close();
  });

  it("refuses a second opener and says which directory is in use", async () => {
    const first = await new LevelKvFactory(directory).open("some");
    const error = await new LevelKvFactory(directory).open("some").catch((caught: unknown) => caught);
    expect(isAppError(error, "unavailable")).to.equal(true);
    if (!isAppError(error)) return;
    expect(error.message).to.include(`Cannot open ${join(directory, "some")}: another process uses it`);
    expect(error.details.next).to.include("--data-dir");
    await first.close();
  });

  const half = async (path: string): Promise<void> => await truncate(path, Math.floor((await stat(path)).size / 2));
  const damages: [string, RegExp, (path: string) => Promise<void>][] = [
    ["a missing table", /\.ldb$/, rm],
    ["a table cut short", /\.ldb$/, half],
    ["a manifest cut short", /^MANIFEST/, half],
    ["a missing manifest", /^MANIFEST/, rm],
    ["an empty CURRENT", /^CURRENT$/, async (path) => await truncate(path, 0)],
    ["a missing CURRENT", /^CURRENT$/, rm],
    ["a CURRENT that names nothing", /^CURRENT$/, async (path) => await writeFile(path, "MANIFEST-999999\n")],
  ];
  for (const [what, which, damage] of damages) {
    it(`reports ${what} as corrupt, with the directory and the way out, and repairs nothing`, async () => {
      const store = join(directory, "some");
      const files = async (): Promise<string[]> =>
        (await readdir(store)).filter((file) => !/^LO(?:CK|G)/.test(file)).toSorted();
      const factory = new LevelKvFactory(directory);
      // Tables are made when a store is opened again.
      for (let round = 0; round < 3; round += 1) {
        const kv = await factory.open("some");
        await kv.batch([put([round], "a".repeat(1_000))], { sync: true });
        await kv.close();
      }
      const victim = (await files()).find((file) => which.test(file)) ?? "";
      await damage(join(store, victim));
      const before = await files();
      const read = async (): Promise<void> => {
        const kv = await factory.open("some");
        try {
          await keysOf(kv);
        } finally {
          await kv.close();
        }
      };
      const error = await read().catch((caught: unknown) => caught);
      expect(isAppError(error, "corrupt"), String(error)).to.equal(true);
      if (!isAppError(error)) return;
      expect(error.details).to.include({ path: store });
      expect(error.details.next).to.include("shoal node rm, shoal join");
      // A log of its own may have been begun: what was there is there.
      expect(await files()).to.include.members(before.filter((file) => !/\.log$|^MANIFEST|^CURRENT/.test(file)));
    });
  }

  it("opens a new store whose first start was cut short", async () => {
    await mkdir(join(directory, "some"));
    await writeFile(join(directory, "some", "MANIFEST-000001"), "");
    const kv = await new LevelKvFactory(directory).open("some");
    await kv.close();
  });

  it("says what to do when the place is no directory", async () => {
    await writeFile(join(directory, "file"), "");
    const error = await new LevelKvFactory(join(directory, "file")).open("some").catch((caught: unknown) => caught);
    expect(isAppError(error) && error.details.path).to.equal(join(directory, "file", "some"));
  });
});
