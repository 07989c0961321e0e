import { expect } from "chai";
import type { ServiceSpec } from "../../../src/model/index.ts";
import { clusterLossTimes, isLost, lossTimes } from "../../../src/model/node-loss.ts";
import { validateServiceSpec } from "../../../src/model/validate.ts";
import { GLOBAL, node, service } from "../../support/loops/objects.ts";

const CLUSTER = clusterLossTimes(null);

describe("model/node-loss", () => {
  it("waits 6 s for a silent node and 30 s for one that closed its connection", () => {
    expect(CLUSTER).to.deep.equal({ silentMs: 6000, closedMs: 30_000 });
  });

  it("takes the service's own time, which never shortens the wait for a closed connection", () => {
    const own = (replaceAfterMs: number): unknown =>
      lossTimes({ nodeLoss: { replaceAfterMs, onReturn: "KEEP_ORIGINAL" } }, CLUSTER);
    expect(own(4000)).to.deep.equal({ silentMs: 4000, closedMs: 30_000 });
    expect(own(90_000)).to.deep.equal({ silentMs: 90_000, closedMs: 90_000 });
    expect(own(0)).to.deep.equal(CLUSTER);
  });

  it("calls a node lost once it was silent for that long, and never one that answers", () => {
    const at = (ms: number, state: "READY" | "UNREACHABLE" | "DOWN", closed = false): boolean =>
      isLost(node("n1", { state, silence: { ms, closed } }), CLUSTER);
    expect(at(3000, "UNREACHABLE")).to.equal(false);
    expect(at(6000, "DOWN")).to.equal(true);
    expect(at(6000, "UNREACHABLE", true)).to.equal(false);
    expect(at(30_000, "DOWN", true)).to.equal(true);
    expect(at(60_000, "READY")).to.equal(false);
    expect(isLost(node("n1", { state: "DOWN" }), CLUSTER), "down before silences were told").to.equal(true);
  });

  it("refuses settings that make no sense, by their path", () => {
    const refused = (part: Partial<ServiceSpec>): (() => unknown) => {
      const { spec } = service("web");
      return () => validateServiceSpec({ ...spec!, ...part });
    };
    const nodeLoss = { replaceAfterMs: 2999, onReturn: "KEEP_ORIGINAL" } as const;
    expect(refused({ nodeLoss })).to.throw(/nodeLoss\.replaceAfterMs: 2999 ms is too short/);
    const everywhere = service("x", { mode: GLOBAL, nodeLoss: { ...nodeLoss, replaceAfterMs: 9000 } }).spec!;
    expect(() => validateServiceSpec(everywhere)).to.throw(/spec\.nodeLoss.*global/);
  });
});
