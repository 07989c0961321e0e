/**
 * Every script below `scripts/`: its assertions, then its golden traces. The language:
 * test/support/raft-script/.
 *
 * - `REWRITE=1 npx mocha test/unit/raft/scripts.test.ts` writes the traces anew, and nothing else of
 *   a script. A script whose assertion fails stays failed.
 * - `TRACES=ignore` looks at assertions alone.
 */
import { writeFileSync } from "node:fs";
import { readScripts } from "../../support/raft-script/files.ts";
import { renderScript } from "../../support/raft-script/parse.ts";
import { runScript, traceDifference } from "../../support/raft-script/run.ts";

const isRewriting = process.env["REWRITE"] === "1";
const ignoresTraces = process.env["TRACES"] === "ignore";

describe("raft scripts", () => {
  for (const { path, script } of readScripts()) {
    it(`${script.scenarios.join(", ")}: ${script.fact}`, () => {
      const run = runScript(script);
      if (isRewriting) writeFileSync(path, renderScript(script, run.traces));
      if (run.failure !== null) throw run.failure;
      const difference = isRewriting || ignoresTraces ? null : traceDifference(script, run);
      if (difference === null) return;
      difference.message += "\nIf the new trace is right: REWRITE=1 npx mocha test/unit/raft/scripts.test.ts";
      throw difference;
    });
  }
});
