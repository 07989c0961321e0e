import { expect } from "chai";
import { constraintText, matches, parseConstraint } from "../../../src/model/constraint.ts";
import { AppError } from "../../../src/util/errors.ts";
import { node } from "../../support/loops/objects.ts";

const here = {
  ...node("n7", { labels: { Zone: "Paris", "a.b/c": "1" }, architecture: "x86_64" }),
  address: "10.1.2.3:7377",
};
const holds = (text: string, on = here): boolean => matches(parseConstraint(text, "c"), on);

function refusal(text: string): AppError {
  try {
    parseConstraint(text, "spec.task.placement.constraints[0]");
  } catch (error) {
    if (error instanceof AppError) return error;
  }
  throw new Error("not refused");
}

describe("model/constraint", () => {
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

  it("takes a missing label as the empty text, so that != holds", () => {
    expect(holds("node.labels.nothing != x")).to.equal(true);
    expect(holds("node.labels.nothing == x")).to.equal(false);
    expect(holds("node.labels.constructor != x")).to.equal(true);
  });

  it("takes labels and values with dots, slashes and spaces, with or without blanks around the operator", () => {
    expect(holds("node.labels.a.b/c==1")).to.equal(true);
    expect(constraintText(parseConstraint("  node.labels.a  !=   b c ", "c"))).to.equal("node.labels.a != b c");
  });

  it("matches addresses in a prefix, of both kinds", () => {
    expect(holds("node.ip == 10.1.0.0/16")).to.equal(true);
    expect(holds("node.ip != 10.2.0.0/16")).to.equal(true);
    const six = { ...here, address: "[fd00:1::5]:7377" };
    expect(holds("node.ip == fd00:1::/64", six)).to.equal(true);
    expect(holds("node.ip == 10.1.0.0/16", six)).to.equal(false);
  });

  it("knows architectures by both of their names", () => {
    expect(holds("node.platform.arch == x86_64")).to.equal(true);
    expect(holds("node.platform.arch == AMD64")).to.equal(true);
    expect(holds("node.platform.arch == aarch64")).to.equal(false);
  });

  it("refuses what does not parse, with the field and what to do", () => {
    for (const text of [
      "",
      "node.id",
      "node.id = a",
      "node.id == ",
      "== a",
      "node.color == red",
      "node.labels. == a",
    ]) {
      const { code, details } = refusal(text);
      expect([code, details.path], text).to.deep.equal(["invalid", "spec.task.placement.constraints[0]"]);
      expect(details.next, text).to.be.a("string");
    }
  });

  it("refuses values a key cannot have, and texts without end", () => {
    expect(refusal("node.role == boss").message).to.include("boss");
    expect(refusal("node.ip == 10.0.0.300").message).to.include("10.0.0.300");
    expect(refusal("node.ip == 10.0.0.0/33").code).to.equal("invalid");
    expect(refusal(`node.id == ${"x".repeat(1000)}`).code).to.equal("invalid");
  });
});
