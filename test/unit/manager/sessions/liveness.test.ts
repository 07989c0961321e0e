import { expect } from "chai";
import type { NodeState } from "../../../../src/model/index.ts";
import { livenessOf, type LivenessInput, type NodeLink } from "../../../../src/manager/sessions/liveness.ts";

type Row = readonly [NodeLink["kind"], number, NodeState, NodeState, number | null, number?];

/** Link, silent for (ms), state before, state now, next check in (ms), grace still to go (ms). */
const TABLE: readonly Row[] = [
  ["OPEN", 0, "UNKNOWN", "READY", 3000],
  ["OPEN", 2999, "READY", "READY", 1],
  ["OPEN", 3000, "READY", "UNREACHABLE", 3000],
  ["OPEN", 5999, "UNREACHABLE", "UNREACHABLE", 1],
  ["OPEN", 6000, "UNREACHABLE", "DOWN", null],
  ["OPEN", 100, "DOWN", "READY", 2900],
  ["OPEN", 100, "LEFT", "READY", 2900],
  ["OPEN", 3500, "DOWN", "DOWN", null],
  ["CLOSED", 0, "READY", "READY", 3000],
  ["CLOSED", 3000, "READY", "UNREACHABLE", 27_000],
  ["CLOSED", 29_999, "UNREACHABLE", "UNREACHABLE", 1],
  ["CLOSED", 30_000, "UNREACHABLE", "DOWN", null],
  ["CLOSED", 100, "DOWN", "DOWN", null],
  ["GOODBYE", 0, "READY", "LEFT", null],
  ["GOODBYE", 90_000, "DOWN", "LEFT", null],
  ["UNHEARD", 0, "READY", "READY", 3000],
  ["UNHEARD", 3000, "READY", "UNREACHABLE", 3000],
  ["UNHEARD", 6000, "UNREACHABLE", "DOWN", null],
  ["UNHEARD", 3000, "UNKNOWN", "UNKNOWN", 3000],
  ["UNHEARD", 0, "LEFT", "LEFT", null],
  ["UNHEARD", 9000, "DOWN", "DOWN", null],
  // After a loss of quorum.
  ["UNHEARD", 6000, "UNREACHABLE", "UNREACHABLE", 114_000, 114_000],
  ["CLOSED", 31_000, "UNREACHABLE", "UNREACHABLE", 50_000, 50_000],
  ["OPEN", 7000, "READY", "UNREACHABLE", 10, 10],
  ["UNHEARD", 121_000, "UNREACHABLE", "DOWN", null, 0],
  ["GOODBYE", 0, "READY", "LEFT", null, 90_000],
];

describe("manager/sessions/liveness", () => {
  const now = 1_000_000;
  const input = (link: NodeLink, part: Partial<LivenessInput> = {}): LivenessInput => ({
    link,
    now,
    holdUntil: 0,
    current: "READY",
    known: null,
    times: { silentMs: 6000, closedMs: 30_000 },
    others: [],
    ...part,
  });

  for (const [kind, silentMs, before, state, nextMs, graceMs] of TABLE) {
    const grace = graceMs === undefined ? "" : `, ${graceMs} ms of grace left`;
    it(`${before} becomes ${state} when ${kind} and silent for ${silentMs} ms${grace}`, () => {
      const graceUntil = graceMs === undefined ? 0 : now + graceMs;
      const liveness = livenessOf(input({ kind, at: now - silentMs }, { holdUntil: graceUntil, current: before }));
      expect(liveness.state).to.equal(state);
      expect(liveness.nextCheckAt).to.equal(nextMs === null ? null : now + nextMs);
    });
  }

  it("tells a silence at every time at which something follows from it, and not between", () => {
    const others = [4000, 20_000];
    const told = (silentMs: number): number | undefined =>
      livenessOf(input({ kind: "OPEN", at: now - silentMs }, { others })).silence?.ms;
    expect([2999, 3000, 3999, 4000, 5999, 6000, 19_999, 20_000, 90_000].map(told)).to.deep.equal([
      undefined,
      3000,
      3000,
      4000,
      4000,
      6000,
      6000,
      20_000,
      20_000,
    ]);
    expect(livenessOf(input({ kind: "OPEN", at: now - 6000 }, { others })).nextCheckAt).to.equal(now + 14_000);
  });

  it("never tells less than was told before, until the node is heard of", () => {
    const known = { ms: 20_000, closed: false };
    const part = { known, current: "DOWN", others: [20_000] } as const;
    expect(livenessOf(input({ kind: "UNHEARD", at: now }, part)).silence).to.deep.equal(known);
    expect(livenessOf(input({ kind: "OPEN", at: now }, part)).silence).to.equal(null);
  });

  it("lets nothing but unreachable follow from a silence while it is held", () => {
    const held = livenessOf(input({ kind: "OPEN", at: now - 20_000 }, { holdUntil: now + 500, others: [4000] }));
    expect(held).to.deep.include({ state: "UNREACHABLE", nextCheckAt: now + 500 });
    expect(held.silence).to.deep.equal({ ms: 3000, closed: false });
  });

  it("says why", () => {
    const message = (kind: NodeLink["kind"], silentMs: number): string =>
      livenessOf(input({ kind, at: now - silentMs })).message;
    expect(message("OPEN", 3000)).to.equal("silent");
    expect(message("OPEN", 7000)).to.equal("silent for 6s");
    expect(message("CLOSED", 3000)).to.match(/without a goodbye/);
    expect(message("CLOSED", 30_000)).to.match(/30s/);
    expect(message("OPEN", 0)).to.equal("");
  });
});
