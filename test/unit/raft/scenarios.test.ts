/** Nothing that a core has to get right goes without a script, or without the name of the test that shows it. */
import { expect } from "chai";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readScripts } from "../../support/raft-script/files.ts";
import { ELSEWHERE, SCENARIOS } from "../../support/raft-script/scenarios.ts";

const TEST = join(dirname(fileURLToPath(import.meta.url)), "../..");

/** A class of bugs of the past, B1 to B29: a script may name it beside its scenarios. */
const BUG_CLASS = /^B\d+$/;

const scripts = readScripts();
const covered = new Set(scripts.flatMap(({ script }) => script.scenarios));

describe("raft scenarios", () => {
  it("each have a script, or a test elsewhere", () => {
    const open = Object.keys(SCENARIOS).filter((id) => !covered.has(id) && ELSEWHERE[id] === undefined);
    expect(open).to.deep.equal([]);
  });

  it("are the only ones that scripts name, beside classes of bugs", () => {
    for (const { script } of scripts) {
      const unknown = script.scenarios.filter((id) => SCENARIOS[id] === undefined && !BUG_CLASS.test(id));
      expect(unknown, script.file).to.deep.equal([]);
      expect(
        script.scenarios.some((id) => SCENARIOS[id] !== undefined),
        `${script.file} names a scenario`,
      ).to.equal(true);
    }
  });

  for (const [id, { path, title, why }] of Object.entries(ELSEWHERE)) {
    it(`${id}: ${why}: "${title}"`, () => {
      expect(SCENARIOS[id], "is a scenario").to.be.a("string");
      const file = join(TEST, path);
      expect(existsSync(file), path).to.equal(true);
      const hasTest = ['"', "`"].some((quote) => readFileSync(file, "utf8").includes(`it(${quote}${title}${quote}`));
      expect(hasTest, `${path} has that test`).to.equal(true);
    });
  }
});
