import { expect } from "chai";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeFolder } from "../../../src/util/make-folder.ts";

describe("util/make-folder", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "shoal-folder-"));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const codeOf = (folder: string): unknown => {
    try {
      makeFolder(folder);
      return "made";
    } catch (error) {
      return error instanceof Error && "code" in error ? error.code : error;
    }
  };

  it("makes what is missing, with its mode, and minds none that is there", () => {
    const folder = join(root, "a", "b");
    makeFolder(folder, 0o700);
    makeFolder(folder, 0o755);
    for (const made of [folder, join(root, "a")]) expect(statSync(made).mode & 0o777, made).to.equal(0o700);
  });

  it("says why where it cannot: behind a file, and where a file system has no such place", () => {
    writeFileSync(join(root, "file"), "");
    expect(codeOf(join(root, "file"))).to.equal("EEXIST");
    expect(codeOf(join(root, "file", "below"))).to.equal("ENOTDIR");
    expect(codeOf("/proc/no-such-place/below")).to.equal("ENOENT");
  });
});
