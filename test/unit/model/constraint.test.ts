import { expect } from "chai";
import fc from "fast-check";
import { constraintText, parseConstraint, parseNodeKey } from "../../../src/model/constraint.ts";
import { actualText, matches } from "../../../src/model/constraint-match.ts";
import { AppError } from "../../../src/util/errors.ts";
import { node } from "../../support/loops/objects.ts";

const labels = { Zone: "Paris", "a.b/c": "1", disk: "250.5", empty: "", odd: "big" };
const here = {
  ...node("n7", { labels, architecture: "x86_64", engineLabels: { ssd: "true" } }),
  address: "10.1.2.3:7377",
};
const holds = (text: string, on = here): boolean => matches(parseConstraint(text, "c"), on);

function refusal(text: string): AppError {
  try {
    parseConstraint(text, "spec.task.placement.constraints[0]");
  } catch (error) {
    if (error instanceof AppError) return error;
  }
  throw new Error(`"${text}" is not refused`);
}

describe("model/constraint: what it says", () => {
  const texts: readonly (readonly [text: string, canonical: string])[] = [
    ["node.id==n7", "node.id == n7"],
    ["  NODE.Role  !=   worker ", "node.role != worker"],
    ["node.labels.a.b/c==1", "node.labels.a.b/c == 1"],
    ["node.labels.a  !=   b c ", "node.labels.a != b c"],
    ["engine.labels.x == (a) [b] $ | /", "engine.labels.x == (a) [b] $ | /"],
    ['node.labels.a == " b "', 'node.labels.a == " b "'],
    ['node.labels.a == "b"', "node.labels.a == b"],
    ['node.labels.a == "say \\"b\\""', 'node.labels.a == say "b"'],
    ["node.labels.zone in (a,b , c)", "node.labels.zone in (a, b, c)"],
    ["node.labels.zone in(a)", "node.labels.zone == a"],
    ["node.labels.zone NOT  IN (a, b)", "node.labels.zone not in (a, b)"],
    ['node.labels.zone in ("a, b", "c)")', 'node.labels.zone in ("a, b", "c)")'],
    ["node.ip in (10.0.0.0/24, fd00::/8)", "node.ip in (10.0.0.0/24, fd00::/8)"],
    ["node.labels.in in (in)", "node.labels.in == in"],
    ["node.labels.disk>=100", "node.labels.disk >= 100"],
    ["node.labels.disk < -0.50", "node.labels.disk < -0.5"],
    ["node.labels.gpu exists", "node.labels.gpu exists"],
    ["engine.labels.ssd !exists", "engine.labels.ssd !exists"],
    ["engine.labels.ssd not exists", "engine.labels.ssd !exists"],
    ["service == db", "service == db"],
    ["service not in (web, api_2)", "service not in (web, api_2)"],
  ];
  for (const [text, canonical] of texts) {
    it(`reads ${text}`, () => {
      const read = parseConstraint(text, "c");
      expect(constraintText(read)).to.equal(canonical);
      expect(parseConstraint(canonical, "c")).to.deep.equal(read);
    });
  }

  it("reads back any values it wrote", () => {
    const value = fc
      .string({ minLength: 1, maxLength: 20 })
      .filter((text) => text.trim() !== "" && !text.includes("\0"));
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 4 }), fc.boolean(), (values, negated) => {
        const constraint = {
          key: "node.labels." as const,
          label: "x",
          test: { kind: "one-of" as const, negated, values },
        };
        expect(parseConstraint(constraintText(constraint), "c")).to.deep.equal(constraint);
      }),
    );
  });

  /** What is wrong, at which character, counted from 1. */
  const wrong: readonly (readonly [text: string, at: number, problem: string])[] = [
    ["", 1, "a key is missing"],
    ["== a", 1, "a key is missing"],
    ["node.color == red", 1, 'key "node.color" is unknown'],
    ["  node.labels. == a", 3, 'key "node.labels." is unknown'],
    ["node.id", 8, "the operator is missing"],
    ["node.id = a", 9, '"=" is no operator'],
    ["node.id is a", 9, '"is a" begins with no operator'],
    ["node.id == ", 12, "a value is missing"],
    ['node.labels.a == "b', 18, 'the closing " is missing'],
    ['node.labels.a == "b" c', 22, '"c" is too much'],
    ["node.role == boss", 14, 'node role "boss" is unknown'],
    ["node.ip == 10.0.0.300", 12, '"10.0.0.300" is no IP address or prefix'],
    ["node.ip in (10.0.0.1, 10.0.0.0/33)", 23, '"10.0.0.0/33" is no IP address or prefix'],
    ["node.labels.a in a, b", 18, "( is missing"],
    ["node.labels.a in ()", 19, "a value is missing"],
    ["node.labels.a in (a,, b)", 21, "a value is missing"],
    ["node.labels.a in (a, b", 23, ") is missing"],
    ["node.labels.a in (a) b", 22, '"b" is too much'],
    ["node.labels.a >= much", 18, '"much" is no number'],
    ["node.labels.a > 1e3", 17, '"1e3" is no number'],
    ["node.labels.a <", 16, "the number is missing"],
    ["node.id > 5", 9, "only labels are compared as numbers"],
    ["node.role exists", 11, "every node has it: only a label may be absent"],
    ["node.labels.a exists yes", 22, '"yes" is too much'],
    ["service == a b", 12, '"a b" is no service\'s name'],
    ["service exists", 9, "every node has it: only a label may be absent"],
  ];
  for (const [text, at, problem] of wrong) {
    it(`refuses "${text}" at character ${at}`, () => {
      const { code, message, details } = refusal(text);
      expect([code, details.path]).to.deep.equal(["invalid", "spec.task.placement.constraints[0]"]);
      expect(message).to.include(`character ${at}: ${problem}`);
      expect(details.next).to.be.a("string");
    });
  }

  it("refuses texts without end", () => {
    expect(refusal(`node.id == ${"x".repeat(1000)}`).message).to.include("512 characters");
  });

  it("knows which keys nodes can be spread by", () => {
    expect(parseNodeKey("node.labels.Zone")).to.deep.equal({ key: "node.labels.", label: "Zone" });
    expect(parseNodeKey("engine.labels.rack")?.label).to.equal("rack");
    expect(["service", "node.labels.", "zone", "node.labels.a == b", ""].map(parseNodeKey)).to.deep.equal(
      Array(5).fill(null),
    );
  });
});

describe("model/constraint: whether it holds", () => {
  it("knows Swarm's keys", () => {
    const texts = [
      "node.id == n7",
      "node.hostname == n7.example",
      "node.ip == 10.1.2.3",
      "node.role == worker",
      "node.platform.os == linux",
      "node.platform.arch == amd64",
      "node.labels.Zone == Paris",
      "engine.labels.gpu != yes",
    ];
    for (const text of texts) expect(holds(text), text).to.equal(true);
  });

  it("compares values and fixed keys without regard to case, label keys with it", () => {
    expect(holds("NODE.Role == WORKER")).to.equal(true);
    expect(holds("node.labels.Zone == PARIS")).to.equal(true);
    expect(holds("node.labels.zone == Paris")).to.equal(false);
  });

  it("takes a missing label as the empty text, so that != and not in hold", () => {
    expect(holds("node.labels.nothing != x")).to.equal(true);
    expect(holds("node.labels.nothing == x")).to.equal(false);
    expect(holds("node.labels.nothing not in (x, y)")).to.equal(true);
    expect(holds("node.labels.nothing in (x, y)")).to.equal(false);
    expect(holds("node.labels.constructor != x")).to.equal(true);
  });

  it("finds a value in a list, or outside of it", () => {
    expect(holds("node.labels.Zone in (Rome, paris)")).to.equal(true);
    expect(holds("node.labels.Zone not in (Rome, paris)")).to.equal(false);
    expect(holds("node.role in (manager)")).to.equal(false);
    expect(holds("node.ip in (10.2.0.0/16, 10.1.2.0/24)")).to.equal(true);
    expect(holds("node.ip not in (10.2.0.0/16, 10.1.2.0/24)")).to.equal(false);
  });

  it("tells a label that is there from one that is not, an empty one included", () => {
    expect(holds("node.labels.empty exists")).to.equal(true);
    expect(holds("node.labels.nothing exists")).to.equal(false);
    expect(holds("node.labels.nothing !exists")).to.equal(true);
    expect(holds("engine.labels.ssd !exists")).to.equal(false);
  });

  it("compares labels as numbers; what is none, or not there, satisfies nothing", () => {
    const cases: readonly (readonly [string, boolean])[] = [
      ["disk >= 250.5", true],
      ["disk > 250.5", false],
      ["disk <= 250.5", true],
      ["disk < 251", true],
      ["disk > 9", true],
      ["odd > 0", false],
      ["odd < 0", false],
      ["empty >= 0", false],
      ["nothing < 5", false],
    ];
    for (const [text, wanted] of cases) expect(holds(`node.labels.${text}`), text).to.equal(wanted);
  });

  it("matches addresses in a prefix, of both kinds", () => {
    expect(holds("node.ip == 10.1.0.0/16")).to.equal(true);
    expect(holds("node.ip != 10.2.0.0/16")).to.equal(true);
    const six = { ...here, address: "[fd00:1::5]:7377" };
    expect(holds("node.ip == fd00:1::/64", six)).to.equal(true);
    expect(holds("node.ip == 10.1.0.0/16", six)).to.equal(false);
  });

  it("takes the address a node resolves its name to, where it is known by name", () => {
    const named = { ...here, address: "host-7:7377" };
    expect(holds("node.ip == 10.1.0.0/16", named)).to.equal(false);
    const resolved = { ...named, description: { ...named.description!, ip: "10.1.9.9" } };
    expect(holds("node.ip == 10.1.0.0/16", resolved)).to.equal(true);
  });

  it("knows architectures and systems by all of their names", () => {
    for (const name of ["x86_64", "AMD64", "x86-64"])
      expect(holds(`node.platform.arch == ${name}`), name).to.equal(true);
    for (const name of ["aarch64", "constructor"]) expect(holds(`node.platform.arch == ${name}`), name).to.equal(false);
  });

  it("says nothing of where services are", () => {
    expect([holds("service == db"), holds("service != db")]).to.deep.equal([true, true]);
  });

  it("says what the node is instead", () => {
    const texts = [
      "node.labels.Zone",
      "node.labels.zone",
      "engine.labels.ssd",
      "node.labels.empty",
      "node.platform.arch",
      "node.role",
    ];
    expect(texts.map((text) => actualText(parseNodeKey(text)!, here))).to.deep.equal([
      "its label Zone is Paris",
      "it has no label zone",
      "its engine's label ssd is true",
      "its label empty is empty",
      "its platform.arch is amd64",
      "its role is worker",
    ]);
  });
});
