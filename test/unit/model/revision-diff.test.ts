import { expect } from "chai";
import { isOutOfDate, specDifference } from "../../../src/model/revision-diff.ts";
import { node, spec } from "../../support/loops/objects.ts";

describe("model/revision-diff", () => {
  it("finds no difference between equal specs, whatever the order of their labels", () => {
    const withLabels = (labels: Record<string, string>): ReturnType<typeof spec> => {
      const base = spec();
      return { ...base, container: { ...base.container!, labels } };
    };
    expect(specDifference(withLabels({ a: "1", b: "2" }), withLabels({ b: "2", a: "1" }))).to.equal("none");
    expect(specDifference(withLabels({ a: "1" }), withLabels({ a: "2" }))).to.equal("other");
  });

  it("takes absent and null as the same", () => {
    expect(specDifference({ ...spec(), process: null }, spec())).to.equal("none");
  });

  it("sees every change but those of placement and pull policy", () => {
    expect(specDifference(spec(), spec({ image: "web:2" }))).to.equal("other");
    expect(specDifference(spec(), spec({ forceUpdate: 1 }))).to.equal("other");
    expect(specDifference(spec(), spec({ ports: [{ published: 80 }] }))).to.equal("other");
    expect(specDifference(spec(), spec({ process: true }))).to.equal("other");
    expect(specDifference(spec(), spec({ maxPerNode: 2 }))).to.equal("placement");
    expect(specDifference(spec(), spec({ pullPolicy: "NEVER" }))).to.equal("none");
  });

  it("after a change of placement keeps a task whose node still fits, and no other", () => {
    const to = spec({ constraints: ["node.labels.zone == a"] });
    expect(isOutOfDate("placement", to, node("n1", { labels: { zone: "a" } }))).to.equal(false);
    expect(isOutOfDate("placement", to, node("n1", { labels: { zone: "b" } }))).to.equal(true);
    expect(isOutOfDate("placement", to, undefined)).to.equal(true);
    const onArm = spec({ platforms: [{ os: "linux", architecture: "arm64" }] });
    expect(isOutOfDate("placement", onArm, node("n1"))).to.equal(true);
  });
});
