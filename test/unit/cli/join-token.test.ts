import { expect } from "chai";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { joinToken } from "../../../src/cli/local.ts";
import { EXIT, exitCodeOf } from "../../../src/cli/exit.ts";
import { expectThrows } from "../../support/expect-code.ts";

describe("cli: the token to join with", () => {
  let folder: string;

  before(() => (folder = mkdtempSync(join(tmpdir(), "shoal-token-"))));
  after(() => rmSync(folder, { recursive: true }));

  it("comes from the command line, a file, or the environment, in that order", () => {
    const tokenFile = join(folder, "token");
    writeFileSync(tokenFile, "filed\n");
    const environment = { SHOAL_TOKEN: "env" };
    expect(joinToken({ token: "said" }, environment)).to.equal("said");
    expect(joinToken({ tokenFile }, environment)).to.equal("filed");
    expect(joinToken({}, environment)).to.equal("env");
  });

  for (const [what, flags] of [
    ["none at all", {}],
    ["an empty one", { token: " " }],
    ["two", { token: "a", tokenFile: "b" }],
    ["a file that is not there", { tokenFile: "/nowhere/token" }],
  ] as const) {
    it(`is refused as wrong words when it is ${what}`, () => {
      expect(exitCodeOf(expectThrows(() => joinToken(flags, {}), "invalid"))).to.equal(EXIT.usage);
    });
  }
});
