import { expect } from "chai";
import { growthPercent } from "../../../src/daemon/heap-growth.ts";

const MIB = 1024 * 1024;

describe("daemon/heap-growth", () => {
  it("leaves a small heap to V8, and lets a larger one grow by 48 MiB, but never by less than a fifth", () => {
    expect(growthPercent(60 * MIB)).to.equal(0);
    expect(growthPercent(64 * MIB)).to.equal(75);
    expect(growthPercent(100 * MIB)).to.equal(48);
    expect(growthPercent(320 * MIB)).to.equal(20);
  });
});
