import { expect } from "chai";
import { parseScript, renderScript } from "../../support/raft-script/parse.ts";
import { runScript, traceDifference } from "../../support/raft-script/run.ts";

const HEADER = "# E1: a fact.\n";

/** What is wrong with a script of these lines after the header, or null. */
function failureOf(...lines: string[]): string | null {
  return runScript(parseScript("x.txt", `${HEADER}${lines.join("\n")}\n`)).failure?.message ?? null;
}

function rewritten(text: string): string {
  const script = parseScript("x.txt", text);
  return renderScript(script, runScript(script).traces);
}

describe("support/raft-script", () => {
  it("takes the scenarios and the fact from the first line, and insists on both", () => {
    expect(parseScript("x.txt", "# E2, B12: no vote.\n")).to.include({ fact: "no vote." });
    expect(parseScript("x.txt", "# E2, B12: no vote.\n").scenarios).to.deep.equal(["E2", "B12"]);
    for (const first of ["", "# no scenario", "# E2:", "add-nodes 3"]) {
      expect(() => parseScript("x.txt", `${first}\nexpect leader none\n`), first).to.throw(
        "x.txt:1: A script begins with",
      );
    }
  });

  it("fails without an assertion", () => {
    expect(failureOf("add-nodes 3", "elect 1")).to.equal("x.txt:1: A script without an assertion proves nothing");
  });

  it("names file and line of what is wrong, whatever it is", () => {
    const begin = ["add-nodes 3", "", "elect 1"];
    expect(failureOf(...begin, "expect leader 2")).to.equal("x.txt:5: Expected the leader to be 2, it is 1");
    expect(failureOf(...begin, "expect leader 1 2")).to.equal("x.txt:5: Nobody asked for: 2");
    expect(failureOf(...begin, "dance 1", "expect leader 1")).to.match(
      /^x\.txt:5: There is no command "dance", but: add-/,
    );
    expect(failureOf(...begin, "expect luck")).to.match(/^x\.txt:5: There is no expectation "luck"/);
    expect(failureOf(...begin, "tick 9", "expect leader 1")).to.equal("x.txt:5: There is no member 9");
    expect(failureOf(...begin, "propose", "expect leader 1")).to.equal("x.txt:5: The member is missing");
    expect(failureOf(...begin, "drop 1->2 vote", "expect leader 1")).to.equal("x.txt:5: No message matches: 1->2 vote");
    expect(failureOf(...begin, "expect toString")).to.match(/^x\.txt:5: There is no expectation "toString"/);
    expect(() => parseScript("x.txt", `${HEADER}\n  a trace of nothing\n`)).to.throw("x.txt:3: A trace must follow");
    expect(() => parseScript("x.txt", `${HEADER} add-nodes 3\n`)).to.throw("x.txt:2: A trace is indented by two");
  });

  it("checks the invariants of the whole cluster at every step", () => {
    // A peer that says it has what it has not, and a leader that must believe it.
    const lie = ["cut 1->2", "propose 1 x", "persist 1", "receive 2->1 append-reply term=2 ok index=3"];
    expect(failureOf("add-nodes 3", "elect 1", "cut 1->3", ...lie, "expect leader 1")).to.equal(
      "x.txt:8: I6 what is committed or acknowledged is durable: 1 commits 3, of 1,2,3 only 1 hold it",
    );
  });

  it("fails when a member crashes and no line says that it must", () => {
    const crash = ["add-nodes 3", "elect 1", "receive 2->1 append term=2 prev=1/1"];
    expect(failureOf(...crash, "expect leader none")).to.match(/^x\.txt:5: Member 1 has crashed, .*two leaders/);
    expect(failureOf("expect leader none", ...crash)).to.match(/^x\.txt:5: Member 1 has crashed/);
    expect(failureOf(...crash, "expect crash 1 two leaders")).to.equal(null);
    expect(failureOf(...crash, "expect crash 1 three leaders")).to.match(/^x\.txt:5: Expected 1 to crash/);
  });

  it("finds every kind of assertion that does not hold", () => {
    const begin = ["add-nodes 2 learners=1", "elect 1", "propose 1 x", "stabilize"];
    const wrong = [
      "role 3 follower",
      "follows 2 none",
      "term 2 1",
      "ready 1 no",
      "transfer 1 2",
      "config 1 {1,2,3}",
      "config 1 at=1 {1}",
      "match 1 2 2",
      "crash 1 anything",
      "log 1 = 1/1 2/2",
      "log 1 = 1/1 2/2 3/1",
      "disk 2 = 1/1",
      "hard-state 1 vote=2",
      "commit 1 2",
      "first 1 2",
      "last 1 9",
      "applied 1 = y",
      "applied 1 =",
      "message vote",
      "no-message",
      "never append",
      "count 0 append",
      "count <=1 append",
      "refused not-leader",
      "read r1 3",
      "pull 2 5/2 1",
    ];
    for (const words of wrong) expect(failureOf(...begin, `expect ${words}`), words).to.match(/^x\.txt:6: Expected/);
    for (const unasked of ["refused exhausted", "accepted"]) {
      expect(failureOf("add-nodes 1", `expect ${unasked}`)).to.equal("x.txt:3: Nothing was proposed");
    }
  });

  it("rewrites traces, and nothing else", () => {
    const script = `${HEADER}\n# Why.\nadd-nodes 1\n  an old trace\n  of two lines\ntick 1\nexpect leader none\n\nexpect role 1   candidate\n`;
    const fresh = rewritten(script);
    expect(fresh)
      .to.include("tick 1\n  tick 1 (1)\n    1 state role=candidate term=2\n")
      .and.not.include("an old trace");
    const withoutTraces = (text: string): string[] => text.split("\n").filter((line) => !line.startsWith("  "));
    expect(withoutTraces(fresh)).to.deep.equal(withoutTraces(script));
    expect(rewritten(fresh), "a second time changes nothing").to.equal(fresh);
  });

  it("keeps what it did not reach when an assertion fails, and the assertion as it is", () => {
    const script = `${HEADER}add-nodes 1\nexpect leader 1\ntick 1\n  an old trace\n`;
    expect(rewritten(script)).to.equal(
      `${HEADER}add-nodes 1\n  1 apply 1/1:{1}\nexpect leader 1\ntick 1\n  an old trace\n`,
    );
  });

  it("shows the first line of a trace that differs", () => {
    const good = rewritten(`${HEADER}add-nodes 1\ntick 1\nexpect role 1 candidate\n`);
    const differenceIn = (text: string): string | undefined => {
      const script = parseScript("x.txt", text);
      return traceDifference(script, runScript(script))?.message;
    };
    expect(differenceIn(good)).to.equal(undefined);
    expect(differenceIn(good.replace("term=2", "term=3"))).to.equal(
      'x.txt:6: The trace of "tick 1" differs\n-   1 state role=candidate term=3\n+   1 state role=candidate term=2',
    );
    expect(differenceIn(good.replace("expect", "  more\nexpect"))).to.match(/^x\.txt:8: .*\n- more\n\+ \(nothing\)$/);
    expect(differenceIn(good.replace(/\n {4}1 write.*/, ""))).to.match(
      /^x\.txt:7: .*\n- \(nothing\)\n\+ {3}1 write #1/,
    );
  });

  it("runs the same script to the same trace every time", () => {
    const text = `${HEADER}add-nodes 5\nelect 1\npropose 1 x y\nrun 50\nelect 3\nread 2\nstabilize\nexpect leader 3\n`;
    expect(rewritten(text)).to.equal(rewritten(text));
  });
});
