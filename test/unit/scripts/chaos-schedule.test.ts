import { expect } from "chai";
import { FAULT_KINDS, planFaults, type PlannedFault } from "../../../scripts/prove/chaos/schedule.ts";
import { formatRules } from "../../support/packet-filter.ts";

function take(seed: number, count: number): PlannedFault[] {
  const plan = planFaults(seed);
  return Array.from({ length: count }, () => plan.next().value);
}

describe("scripts/prove/chaos: the schedule", () => {
  it("is decided by the seed", () => {
    expect(take(7, 100)).to.deep.equal(take(7, 100));
    expect(take(7, 100)).to.not.deep.equal(take(8, 100));
  });

  it("has every kind once in each deck of faults", () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const faults = take(seed, 3 * FAULT_KINDS.length).map(({ kind }) => kind);
      for (let deck = 0; deck < 3; deck += 1) {
        const dealt = faults.slice(deck * FAULT_KINDS.length, (deck + 1) * FAULT_KINDS.length);
        expect(new Set(dealt), `seed ${seed}, deck ${deck}`).to.have.property("size", FAULT_KINDS.length);
      }
    }
  });
});

describe("test/support/packet-filter", () => {
  it("replaces all rules of a host at once", () => {
    const text = formatRules([
      { direction: "in", peers: ["10.0.0.2", "10.0.0.3"], what: "drop" },
      { direction: "both", peers: ["10.0.0.4"], what: "reset" },
      { direction: "out", peers: [], what: "drop-new" },
    ]);
    expect(text.split("\n")).to.deep.equal([
      "*filter",
      ":INPUT ACCEPT [0:0]",
      ":FORWARD ACCEPT [0:0]",
      ":OUTPUT ACCEPT [0:0]",
      "-A INPUT -s 10.0.0.2 -j DROP",
      "-A INPUT -s 10.0.0.3 -j DROP",
      "-A INPUT -s 10.0.0.4 -p tcp -j REJECT --reject-with tcp-reset",
      "-A OUTPUT -d 10.0.0.4 -p tcp -j REJECT --reject-with tcp-reset",
      "-A OUTPUT -p tcp --syn -j DROP",
      "COMMIT",
      "",
    ]);
  });
});
