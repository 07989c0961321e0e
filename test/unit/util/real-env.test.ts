import { expect } from "chai";
import { realEnv } from "../../../src/util/real-env.ts";

describe("util/real-env", () => {
  it("never hands out the same random bytes twice, across refills of its pool", () => {
    const seen = new Set<string>();
    for (let at = 0; at < 2000; at += 1) seen.add(Buffer.from(realEnv.randomBytes(16)).toString("hex"));
    expect(seen.size).to.equal(2000);
  });

  it("gives bytes that a later request does not change", () => {
    const first = realEnv.randomBytes(16);
    const copy = Buffer.from(first).toString("hex");
    for (let at = 0; at < 1000; at += 1) realEnv.randomBytes(16);
    expect(Buffer.from(first).toString("hex")).to.equal(copy);
    expect(realEnv.randomBytes(5000)).to.have.length(5000);
  });
});
