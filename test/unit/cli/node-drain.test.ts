import { expect } from "chai";
import { leftText, parseDrain } from "../../../src/cli/node-drain.ts";
import { task } from "../../support/loops/objects.ts";

describe("cli: node drain", () => {
  const spec = { name: "n", labels: {}, availability: "ACTIVE", drainDeadlineMs: 5000, drainParallelism: 2 } as const;

  it("asks for a drain with what its flags say, and keeps what they do not name", () => {
    expect(parseDrain({})(spec)).to.deep.equal({ ...spec, availability: "DRAIN" });
    expect(parseDrain({ deadline: "30s", parallelism: "8" })(spec)).to.deep.include({
      drainDeadlineMs: 30_000,
      drainParallelism: 8,
    });
    expect(() => parseDrain({ deadline: "soon" })).to.throw(/--deadline/);
    expect(() => parseDrain({ parallelism: "-1" })).to.throw(/--parallelism/);
  });

  it("names what is left, the first three of it", () => {
    const left = [1, 2, 3, 4, 5].map((slot) => task(`t${slot}`, { slot }));
    expect(leftText(left.slice(0, 1))).to.equal("1 task left: web.1");
    expect(leftText(left)).to.equal("5 tasks left: web.1, web.2, web.3 and 2 more");
  });
});
