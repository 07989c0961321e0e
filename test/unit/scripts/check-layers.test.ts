import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { expect } from "chai";

import { checkLayers, FILE_LINES_MAX } from "../../../scripts/check-layers.ts";

/** Lays the files out in a folder of their own and returns what the check says about them. */
function check(files: Record<string, string>): string[] {
  const root = mkdtempSync(join(tmpdir(), "shoal-layers-"));
  try {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), text);
    }
    return checkLayers(root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

const planted: readonly {
  readonly what: string;
  readonly file: string;
  readonly text: string;
  readonly says: string;
}[] = [
  {
    what: "a static import of a room that is not allowed",
    file: "src/raft/core.ts",
    text: 'import { a } from "../store/store.ts";\n',
    says: "src/raft/core.ts:1: raft may not import store (../store/store.ts)",
  },
  {
    what: "a re-export",
    file: "src/agent/agent.ts",
    text: '\nexport * from "../manager/manager.ts";\n',
    says: "src/agent/agent.ts:2: agent may not import manager (../manager/manager.ts)",
  },
  {
    what: "a dynamic import",
    file: "src/cli/node.ts",
    text: 'const m = await import("../store/store.ts");\n',
    says: "src/cli/node.ts:1: cli may not import store (../store/store.ts)",
  },
  {
    what: "an import over several lines",
    file: "src/model/x.ts",
    text: 'import {\n  a,\n  b,\n} from "../store/store.ts";\n',
    says: "src/model/x.ts:4: model may not import store (../store/store.ts)",
  },
  {
    what: "a value where only types may be taken",
    file: "src/store/x.ts",
    text: 'import { load } from "../proto/load.ts";\n',
    says: "src/store/x.ts:1: store may take only types of proto (../proto/load.ts): use import type",
  },
  {
    what: "a Node module in a pure room",
    file: "src/manager/scheduler/x.ts",
    text: 'import { readFileSync } from "node:fs";\n',
    says: "src/manager/scheduler/x.ts:1: manager/scheduler is pure and may not import node:fs",
  },
  {
    what: "a Node global in a pure room",
    file: "src/model/x.ts",
    text: "export const a = process.pid;\n",
    says: "src/model/x.ts:1: process.: model is pure: no Node globals",
  },
  {
    what: "a package through the wrong door",
    file: "src/manager/replica/x.ts",
    text: 'import { Level } from "level";\n',
    says: "src/manager/replica/x.ts:1: manager/replica may not import the package level",
  },
  {
    what: "the clock outside the real Env",
    file: "src/agent/x.ts",
    text: "// Date.now() in a comment is fine\nexport const a = Date.now();\n",
    says: "src/agent/x.ts:2: Date.now: time and dice only through Env",
  },
  {
    what: "a timer outside the real Env",
    file: "src/daemon/x.ts",
    text: "setTimeout(() => {}, 5);\n",
    says: "src/daemon/x.ts:1: setTimeout(: time and dice only through Env",
  },
  {
    what: "the clock by another of its names",
    file: "src/agent/x.ts",
    text: "export const a = new Date;\n",
    says: "src/agent/x.ts:1: new Date: time and dice only through Env",
  },
  {
    what: "an import whose target only the program knows",
    file: "src/agent/x.ts",
    text: "export const a = async (name: string): Promise<unknown> => await import(name);\n",
    says: "src/agent/x.ts:1: import(n: only a literal may be imported: the table must see it",
  },
  {
    what: "a Node global by way of another name",
    file: "src/raft/x.ts",
    text: "export const { process: a } = globalThis;\n",
    says: "src/raft/x.ts:1: globalThis: raft is pure: no Node globals",
  },
  {
    what: "a program's second use of gRPC",
    file: "src/manager/control/x.ts",
    text: 'import { Client } from "@grpc/grpc-js";\n',
    says: "src/manager/control/x.ts:1: manager/control may not import the package @grpc/grpc-js",
  },
  {
    what: "source that it cannot read",
    file: "src/agent/x.mjs",
    text: "export const a = 1;\n",
    says: "src/agent/x.mjs: source is TypeScript, so that this check can read it",
  },
  {
    what: "a folder that is not in the table",
    file: "src/helpers/x.ts",
    text: "export const a = 1;\n",
    says: "src/helpers/x.ts: its folder is not in the table of scripts/check-layers.ts",
  },
  {
    what: "a new room inside a room that has rooms",
    file: "src/manager/extra/x.ts",
    text: "export const a = 1;\n",
    says: "src/manager/extra/x.ts: its folder is not in the table of scripts/check-layers.ts",
  },
  {
    what: "an import without its ending",
    file: "src/raft/x.ts",
    text: 'import { a } from "./core";\n',
    says: "src/raft/x.ts:1: import ./core must end in .ts",
  },
  {
    what: "a file that is too long, in tests as in the source",
    file: "test/unit/x.test.ts",
    text: "\n".repeat(FILE_LINES_MAX + 1),
    says: `test/unit/x.test.ts: ${FILE_LINES_MAX + 1} lines, at most ${FILE_LINES_MAX} are allowed: split it`,
  },
];

describe("scripts/check-layers", () => {
  for (const { what, file, text, says } of planted) {
    it(`refuses ${what}`, () => {
      expect(check({ [file]: text })).to.deep.equal([says]);
    });
  }

  it("accepts what the table allows", () => {
    const problems = check({
      "src/util/real-env.ts": "export const now = (): number => Date.now();\n",
      "src/store/x.ts": 'import type { Task } from "../proto/gen/task.ts";\nimport { a } from "../model/index.ts";\n',
      "src/store/y.ts": 'import { type Task, type Node } from "../proto/gen/task.ts";\n',
      "src/raft/x.ts": 'import { assert } from "../util/assert.ts";\n',
      "src/agent/executor/docker/x.ts": 'import Docker from "dockerode";\nimport { a } from "../executor.ts";\n',
      "src/proto/gen/x.ts": "\n".repeat(FILE_LINES_MAX * 2),
      "src/proto/x.ts": 'import { a } from "@grpc/grpc-js";\n',
      "src/main.ts": 'const { main } = await import("./cli/main.ts");\n',
    });
    expect(problems).to.deep.equal([]);
  });

  it("takes nothing in strings, comments, templates or regular expressions for code", () => {
    const problems = check({
      "src/raft/x.ts": [
        "/* import { a } from '../store/store.ts'; */",
        "// it's Date.now()",
        "export const a = \"setTimeout(\" + 'process.pid';",
        "export const b = `http://${a.replace(/[\"'`]/g, `${a}}`)} process.exit`;",
        "export const c = 4 / 2 / 1; // process.env",
        "export const d = /process.\\//.test(a);",
        "",
      ].join("\n"),
    });
    expect(problems).to.deep.equal([]);
  });

  it("still sees what stands after a template with a hole", () => {
    const text = "export const b = `${[1].map((x) => { return `${x}`; })} //`;\nexport const c = Math.random();\n";
    expect(check({ "src/raft/x.ts": text })).to.deep.equal([
      "src/raft/x.ts:2: Math.random: time and dice only through Env",
    ]);
  });
});
