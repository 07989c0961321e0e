/** The chaos proof's verdict, on good evidence and on evidence of every kind of broken promise. */
import { expect } from "chai";
import { ChangeLog, type ChangeGroup, type Snapshot, type Testimony } from "../../../scripts/prove/chaos/change-log.ts";
import type { Write } from "../../../scripts/prove/chaos/history.ts";
import { judgeEvidence, type Evidence } from "../../../scripts/prove/chaos/verdict.ts";
import { WatchTape } from "../../../scripts/prove/chaos/watchers.ts";

const made = (version: number, value: string): ChangeGroup => ({
  version,
  changes: [{ action: version === 11 ? "CREATED" : "UPDATED", id: "s1", name: "web", value }],
});
const gone: ChangeGroup = { version: 17, changes: [{ action: "REMOVED", id: "s1", name: "web", value: "c" }] };

const FIRST = made(11, "a");
const SECOND = made(13, "b");
const THIRD = made(15, "c");
const ALL = [FIRST, SECOND, THIRD, gone];

const BASE: Snapshot = { witness: "the beginning", version: 10, services: new Map() };

function told(witness: string, [from, to]: readonly [number, number], groups: readonly ChangeGroup[]): Testimony {
  return { witness, from, to, groups };
}

function snapshot(version: number, value: string | null): Snapshot {
  const services = new Map(value === null ? [] : [["s1", { name: "web", value, version }]]);
  return { witness: "manager1", version, services };
}

function write(of: Partial<Write> & Pick<Write, "outcome">): Write {
  return { kind: "update", name: "web", value: "b", version: 13, id: "s1", knownBefore: null, ...of };
}

function evidence(of: Partial<Omit<Evidence, "history">> & { readonly writes?: readonly Write[] } = {}): Evidence {
  const { writes = [], ...others } = of;
  return {
    base: BASE,
    history: { registers: [], services: [], writes: [...writes], problems: [] },
    testimonies: [told("w", [10, 17], ALL)],
    snapshots: [],
    finals: [snapshot(17, null)],
    end: 17,
    ...others,
  };
}

describe("scripts/prove/chaos: the log of changes", () => {
  it("agrees with watchers that resume, overlap and begin late", () => {
    const log = new ChangeLog(BASE, [
      told("w1", [10, 12], [FIRST]),
      told("w1", [12, 17], [SECOND, THIRD, gone]),
      told("w2", [11, 16], [SECOND, THIRD]),
      told("w3", [17, 17], []),
    ]);
    expect(log.problems).to.deep.equal([]);
    expect(log.to).to.equal(17);
    expect([...log.stateAt(14).values()]).to.deep.equal([{ name: "web", value: "b", version: 13 }]);
    expect(log.stateAt(17).size).to.equal(0);
  });

  const wrong: [string, readonly Testimony[], RegExp][] = [
    ["a gap", [told("w1", [10, 17], ALL), told("w2", [10, 17], [FIRST, THIRD, gone])], /w2 was not told version 13/],
    ["a change that nobody else knows", [told("w1", [10, 17], [FIRST]), told("w2", [10, 17], ALL)], /w1 was not told/],
    ["a duplicate", [told("w1", [10, 17], [FIRST, SECOND, SECOND, THIRD, gone])], /version 13 after 13/],
    ["another order", [told("w1", [10, 17], [FIRST, THIRD, SECOND, gone])], /version 13 after 15/],
    ["two contents", [told("w1", [10, 17], ALL), told("w2", [12, 13], [made(13, "x")])], /version 13 is .*"b".*"x"/],
    ["what is beyond its end", [told("w1", [10, 12], [FIRST, SECOND])], /version 13 beyond 12/],
  ];
  for (const [what, testimonies, problem] of wrong) {
    it(`finds ${what}`, () => expect(new ChangeLog(BASE, testimonies).problems.join("\n")).to.match(problem));
  }

  it("ends where no witness goes on", () => {
    expect(new ChangeLog(BASE, [told("w1", [10, 13], [FIRST, SECOND]), told("w1", [14, 17], [])]).to).to.equal(13);
  });
});

describe("scripts/prove/chaos: what a watch tells", () => {
  const message = (version: number, of: { established?: boolean; compacted?: boolean; value?: string } = {}) => {
    const { established = false, compacted = false, value } = of;
    const spec = { name: "web", labels: { value }, task: { container: { env: [`VALUE=${value}`] } } };
    const changes = value === undefined ? [] : [{ action: "UPDATED", object: { service: { id: "s1", spec } } }];
    // What a tape looks at of a message.
    return { version, established, compacted, changes } as unknown as Parameters<WatchTape["take"]>[0];
  };
  const tape = (resumeFrom: number, ...messages: ReturnType<typeof message>[]): WatchTape => {
    const made = new WatchTape("w", resumeFrom);
    for (const one of messages) made.take(one);
    return made;
  };

  it("is what came after the version it resumed from, up to the last message", () => {
    const fine = tape(10, message(10, { established: true }), message(13, { value: "b" }), message(16));
    expect(fine.problems).to.deep.equal([]);
    expect(fine.testimony()).to.deep.equal(told("w", [10, 16], [SECOND]));
    expect(tape(0, message(12, { established: true })).testimony()).to.deep.include({ from: 12, to: 12 });
  });

  const wrong: [string, WatchTape, RegExp][] = [
    ["changes before it is established", tape(10, message(13, { value: "b" })), /does not establish/],
    ["another place to resume", tape(10, message(12, { established: true })), /resumed at 12, 10 was asked for/],
    [
      "a version twice",
      tape(10, message(10, { established: true }), message(13, { value: "b" }), message(13, { value: "b" })),
      /version 13 after 13/,
    ],
    [
      "a version before the last",
      tape(10, message(10, { established: true }), message(13, { value: "b" }), message(11, { value: "a" })),
      /version 11 after 13/,
    ],
    [
      "a change after compacted",
      tape(10, message(10, { established: true }), message(10, { compacted: true }), message(13, { value: "b" })),
      /after compacted/,
    ],
  ];
  for (const [what, made, problem] of wrong) {
    it(`finds ${what}`, () => expect(made.problems.join("\n")).to.match(problem));
  }
});

describe("scripts/prove/chaos: the verdict", () => {
  const kept: [string, Evidence][] = [
    ["an acknowledged change", evidence({ writes: [write({ outcome: "done" })] })],
    ["a refused one that is nowhere", evidence({ writes: [write({ outcome: "refused", value: "x" })] })],
    ["an unknown one, made", evidence({ writes: [write({ outcome: "unknown" })] })],
    ["an unknown one, never made", evidence({ writes: [write({ outcome: "unknown", value: "x" })] })],
    [
      "one denied whose earlier attempt took effect afterwards",
      evidence({ writes: [write({ outcome: "denied", knownBefore: 12 })] }),
    ],
    ["a removal", evidence({ writes: [write({ kind: "remove", outcome: "done", value: "" })] })],
    ["a state on the way", evidence({ snapshots: [{ ...snapshot(13, "b"), version: 14 }] })],
  ];
  for (const [what, of] of kept) it(`accepts ${what}`, () => expect(judgeEvidence(of)).to.deep.equal([]));

  const broken: [string, Evidence, RegExp][] = [
    [
      "an acknowledged change that is lost",
      evidence({ writes: [write({ outcome: "done", value: "x" })] }),
      /no version/,
    ],
    [
      "one at another version",
      evidence({ writes: [write({ outcome: "done", version: 12 })] }),
      /at 12, and made at 13/,
    ],
    [
      "one made twice",
      evidence({ testimonies: [told("w", [10, 17], [FIRST, SECOND, made(15, "b"), gone])] }),
      /value b was written at 13 and 15/,
    ],
    ["a refused one that was made", evidence({ writes: [write({ outcome: "refused" })] }), /refused, and made at 13/],
    ["a denied one that was made", evidence({ writes: [write({ outcome: "denied" })] }), /denied, and made at 13/],
    [
      "a repetition denied after its first attempt was made and known",
      evidence({ writes: [write({ outcome: "denied", knownBefore: 14 })] }),
      /denied, and made at 13/,
    ],
    [
      "an acknowledged removal of what stays",
      evidence({ writes: [write({ kind: "remove", outcome: "done", value: "", id: "s2" })] }),
      /s2 was never removed/,
    ],
    ["a manager with another state", evidence({ finals: [snapshot(17, "c")] }), /manager1 has at version 17 for s1/],
    ["a manager that stayed behind", evidence({ finals: [{ ...snapshot(15, "c") }] }), /at version 15 in the end/],
    ["changes that nobody was told", evidence({ end: 19 }), /nobody knows all changes between 17 and 19/],
    [
      "a stale read",
      {
        ...evidence(),
        history: {
          writes: [],
          problems: [],
          services: [],
          registers: [
            { client: 1, op: "write", input: { key: "k", value: "v" }, call: 1, return: 2, output: {}, index: 3 },
            { client: 2, op: "read", input: { key: "k" }, call: 3, return: 4, output: { value: "" }, index: null },
          ],
        },
      },
      /registers: k: not linearizable/,
    ],
    [
      "an answer that is a bug",
      { ...evidence(), history: { ...evidence().history, problems: ["answered with internal"] } },
      /internal/,
    ],
  ];
  for (const [what, of, problem] of broken) {
    it(`rejects ${what}`, () => expect(judgeEvidence(of).join("\n")).to.match(problem));
  }
});
