import { expect } from "chai";
import type { NodeState } from "../../../../src/model/index.ts";
import { livenessOf, type NodeLink } from "../../../../src/manager/sessions/liveness.ts";

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

  for (const [kind, silentMs, before, state, nextMs, graceMs] of TABLE) {
    const grace = graceMs === undefined ? "" : `, ${graceMs} ms of grace left`;
    it(`${before} becomes ${state} when ${kind} and silent for ${silentMs} ms${grace}`, () => {
      const graceUntil = graceMs === undefined ? 0 : now + graceMs;
      const liveness = livenessOf({ link: { kind, at: now - silentMs }, now, graceUntil, current: before });
      expect(liveness.state).to.equal(state);
      expect(liveness.nextCheckAt).to.equal(nextMs === null ? null : now + nextMs);
    });
  }

  it("says why", () => {
    const message = (kind: NodeLink["kind"], silentMs: number): string =>
      livenessOf({ link: { kind, at: now - silentMs }, now, graceUntil: 0, current: "READY" }).message;
    expect(message("OPEN", 3000)).to.equal("silent");
    expect(message("OPEN", 7000)).to.equal("silent for 6 s");
    expect(message("CLOSED", 3000)).to.match(/without a goodbye/);
    expect(message("CLOSED", 30_000)).to.match(/30 s/);
    expect(message("OPEN", 0)).to.equal("");
  });
});
