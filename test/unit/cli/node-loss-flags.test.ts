import { expect } from "chai";
import { parseClusterChange } from "../../../src/cli/cluster-update.ts";
import { massSilenceText } from "../../../src/cli/mass-silence.ts";
import { withNodeLoss, type NodeLossFlags } from "../../../src/cli/node-loss-flags.ts";

describe("cli: what becomes of tasks whose node does not answer", () => {
  it("says nothing without flags, and changes only what a flag names", () => {
    expect(withNodeLoss({ nodeLoss: null, single: false }, {}).nodeLoss).to.equal(null);
    const { nodeLoss } = withNodeLoss({ nodeLoss: null, single: false }, { replaceAfter: "45s" });
    expect(nodeLoss).to.deep.equal({ replaceAfterMs: 45_000, onReturn: "KEEP_ORIGINAL" });
    expect(withNodeLoss({ nodeLoss, single: true }, { onReturn: "replacement" }).nodeLoss).to.deep.equal({
      replaceAfterMs: 45_000,
      onReturn: "KEEP_REPLACEMENT",
    });
  });

  it("marks a service single and back, and leaves it as it is without the flag", () => {
    const single = (before: boolean, flags: NodeLossFlags): boolean =>
      withNodeLoss({ nodeLoss: null, single: before }, flags).single;
    expect([single(false, { single: true }), single(true, { single: false }), single(true, {})]).to.deep.equal([
      true,
      false,
      true,
    ]);
  });

  it("refuses another word for the task that stays", () => {
    expect(() => withNodeLoss({ nodeLoss: null, single: false }, { onReturn: "both" })).to.throw(/--on-return/);
  });

  it("changes the cluster's own times, and asks what to change", () => {
    const spec = { name: "c", taskHistoryLimit: 5, replaceAfterMs: 6000, replaceClosedAfterMs: 30_000 };
    const change = parseClusterChange({ replaceAfter: "10s", replaceClosedAfter: "1m" });
    expect(change(spec as never)).to.deep.equal({ ...spec, replaceAfterMs: 10_000, replaceClosedAfterMs: 60_000 });
    const long = parseClusterChange({ replaceAfter: "1m" })(spec as never);
    expect(long, "what stands would be refused").to.include({ replaceAfterMs: 60_000, replaceClosedAfterMs: 0 });
    const both = parseClusterChange({ replaceAfter: "1m", replaceClosedAfter: "50s" })(spec as never);
    expect(both, "what is asked for is").to.include({ replaceClosedAfterMs: 50_000 });
    expect(() => parseClusterChange({})).to.throw(/Nothing to change/);
  });

  it("changes how the cluster places what names no strategy", () => {
    expect(parseClusterChange({ strategy: "binpack" })({ name: "c" } as never)).to.include({ strategy: "BINPACK" });
    expect(() => parseClusterChange({ strategy: "tight" })).to.throw(/--strategy/);
  });

  it("tells a mass silence while it holds", () => {
    const mass = { sinceMs: 1000, untilMs: 61_000, silent: 4, nodes: 6 };
    expect(massSilenceText(mass, 13_000)).to.equal(
      "4 of 6 nodes fell silent at once: nothing is replaced for another 48s",
    );
    expect(massSilenceText(mass, 61_000)).to.equal(null);
  });
});
