import { expect } from "chai";
import { nextStep } from "../../../src/cli/cluster-upgrade.ts";
import type { Node } from "../../../src/model/index.ts";
import { aNode } from "../../support/store/objects.ts";

function node(id: string, protocolMax: number, state = "READY"): Node {
  return aNode({ id, ...({ description: { hostname: id, protocolMax }, status: { state } } as object) });
}

describe("cli/cluster-upgrade", () => {
  it("says which nodes are still to be upgraded, those that do not answer too", () => {
    const nodes = [node("m1", 2), node("m2", 1), node("m3", 2, "DOWN"), node("w1", 1, "UNREACHABLE")];
    const said = nextStep(nodes, { protocol: 1, protocolReady: 1 });
    expect(said).to.equal("Next: start the new version on m2, w1, m3, one node after the other");
  });

  it("says how to end it once every node speaks the new protocol, and that there is nothing to end otherwise", () => {
    const said = nextStep([node("m1", 2), node("w1", 2)], { protocol: 1, protocolReady: 2 });
    expect(said).to.include("shoal cluster upgrade --finalize").and.include("go back");
    expect(nextStep([node("m1", 1)], { protocol: 1, protocolReady: 1 })).to.include("Nothing to finish");
  });
});
