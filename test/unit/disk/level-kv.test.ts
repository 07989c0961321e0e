import { expect } from "chai";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
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

  it("reports a damaged store as corrupt, with the directory and the way out, and repairs nothing", async () => {
    const factory = new LevelKvFactory(directory);
    const first = await factory.open("some");
    await first.batch([put([1], "a")], { sync: true });
    await first.close();
    const current = join(directory, "some", "CURRENT");
    await writeFile(current, "MANIFEST-999999\n");
    const before = await readdir(join(directory, "some"));
    const error = await factory.open("some").catch((caught: unknown) => caught);
    expect(isAppError(error, "corrupt")).to.equal(true);
    if (!isAppError(error)) return;
    expect(error.details).to.include({ path: join(directory, "some") });
    expect(error.details.next).to.include("shoal node rm, shoal join");
    expect((await readdir(join(directory, "some"))).filter((file) => !file.startsWith("LOG")).toSorted()).to.deep.equal(
      before.filter((file) => !file.startsWith("LOG")).toSorted(),
    );
  });

  it("says what to do when the place is no directory", async () => {
    await writeFile(join(directory, "file"), "");
    const error = await new LevelKvFactory(join(directory, "file")).open("some").catch((caught: unknown) => caught);
    expect(isAppError(error) && error.details.path).to.equal(join(directory, "file", "some"));
  });
});
