import { expect } from "chai";
import { grantedSpec } from "../../../../src/agent/executor/granted.ts";
import { spec } from "../../../support/loops/objects.ts";

const GPUS = { kind: "gpu", count: 0, names: ["UUID1", "UUID2"] };
const LICENCES = { kind: "lic-a", count: 3, names: [] };

describe("agent/executor/granted", () => {
  for (const runtime of ["container", "process"] as const) {
    it(`tells a ${runtime} which generic resources it has, over what its spec says`, () => {
      const asked = spec({ process: runtime === "process" });
      const own = { ...asked, [runtime]: { ...asked[runtime]!, env: ["A=1", "DOCKER_RESOURCE_GPU=mine"] } };
      const { env } = grantedSpec(own, { ports: [], generic: [GPUS, LICENCES] })[runtime]!;
      expect(env).to.deep.equal([
        "A=1",
        "DOCKER_RESOURCE_GPU=mine",
        "DOCKER_RESOURCE_GPU=UUID1,UUID2",
        "DOCKER_RESOURCE_LIC-A=3",
        "DOCKER_RESOURCE_LIC_A=3",
      ]);
    });
  }

  it("lets the ports fixed at assignment win", () => {
    const asked = spec({ ports: [{ published: 0 }] });
    const fixed = [{ target: 80, published: 8080, protocol: "TCP" as const, hostIp: "" }];
    expect(grantedSpec(asked, { ports: fixed, generic: [] }).ports).to.deep.equal(fixed);
    expect(grantedSpec(asked, { ports: [], generic: [] })).to.deep.equal(asked);
  });
});
