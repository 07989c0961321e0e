import { expect } from "chai";
import { grantedSpec } from "../../../../src/agent/executor/granted.ts";
import type { GpuRequest } from "../../../../src/model/index.ts";
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

  it("asks the engine for the very GPUs that the task was given, by name where they are the engine's", () => {
    const request = { count: 1, deviceIds: [], capabilities: ["utility"], driver: "" };
    const asked = (names: string[], part: Partial<GpuRequest> = {}): unknown => {
      const gpus = { ...request, ...part };
      const granted = grantedSpec(spec({ gpus }), { ports: [], generic: [{ kind: "gpu", count: 0, names }] });
      return granted.container!.gpus;
    };
    expect(asked(["1"])).to.deep.equal({ ...request, count: 0, deviceIds: ["1"] });
    expect(asked(["GPU-3a"])).to.deep.equal({ ...request, count: 0, deviceIds: ["GPU-3a"] });
    expect(asked(["left card"]), "an operator's own word").to.deep.equal(request);
    expect(asked([]), "not counted").to.deep.equal(request);
    expect(asked(["0", "1"], { count: -1 }), "all of them").to.deep.equal({ ...request, count: -1 });
    expect(asked(["0"], { count: 2 }), "fewer than it asks for").to.deep.equal({ ...request, count: 2 });
    const named = { count: 0, deviceIds: ["7"] };
    expect(asked(["0"], named)).to.deep.equal({ ...request, ...named });
  });
});
