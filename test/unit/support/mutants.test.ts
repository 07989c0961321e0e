import { readFileSync } from "node:fs";
import { assert } from "chai";
import { MUTANTS } from "../../sim/mutants/all.ts";

describe("support/mutants", () => {
  it("replace a line that is there, once: whoever changes it changes its mutant, too", () => {
    for (const { name, file, from, to } of MUTANTS) {
      const parts = readFileSync(`src/${file}`, "utf8").split(from);
      assert.lengthOf(parts, 2, `"${name}": src/${file} has this line ${parts.length - 1} times: ${from}`);
      assert.notEqual(from, to, name);
    }
  });
});
