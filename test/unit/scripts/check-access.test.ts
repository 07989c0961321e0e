import { expect } from "chai";
import { checkAccess, declaredRpcs, type Declared } from "../../../scripts/check-access.ts";

const fine: Declared = { key: "Control.GetCluster", allow: ["ADMIN"], mutation: false, isStream: false };

describe("scripts/check-access", () => {
  it("finds nothing wrong with the contract as it is", () => {
    expect(declaredRpcs().length).to.be.greaterThan(20);
    expect(checkAccess()).to.deep.equal([]);
  });

  const planted: [string, Partial<Declared>, RegExp][] = [
    ["an RPC without a declaration", { allow: undefined }, /declares no \(access\)/],
    ["an empty declaration", { allow: [] }, /declares no \(access\)/],
    ["an RPC open to anyone", { allow: ["ANYONE"] }, /must not be open to ANYONE/],
    ["a mutation that streams", { mutation: true, isStream: true }, /cannot be a mutation/],
    ["an RPC that was not generated", { key: "Control.New" }, /run npm run gen/],
  ];
  for (const [what, change, says] of planted) {
    it(`refuses ${what}`, () => {
      const rpcs = [fine, { ...fine, ...change }];
      const problems = checkAccess(rpcs, new Set(["Control.GetCluster"]));
      expect(problems).to.have.length(1);
      expect(problems[0]).to.match(says);
    });
  }

  it("refuses an RPC that is generated and not in proto/ any more", () => {
    expect(checkAccess([fine], new Set(["Control.GetCluster", "Control.Old"]))).to.have.length(1);
  });
});
