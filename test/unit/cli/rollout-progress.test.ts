import { expect } from "chai";
import { describeRollout, viewRollout, type RolloutView } from "../../../src/cli/rollout-progress.ts";
import { beginRollback, beginUpdate, paused } from "../../../src/model/rollout.ts";
import type { Rollout, Service } from "../../../src/model/index.ts";
import { aService } from "../../support/store/objects.ts";

const cause = { actor: "user:ada", reason: "" };
const begun = beginUpdate(null, { from: 1, to: 2, cause, nowMs: 1000 });
const back = beginRollback({
  from: 2,
  to: 1,
  cause: { actor: "orchestrator", reason: "" },
  nowMs: 2000,
  message: "1 of 3 failed",
});

function service(rollout: Rollout | null, healthyMs = 0): Service {
  const update = { canaryHealthyMs: healthyMs } as never;
  return aService({ id: "s1", rollout, spec: { name: "web", update } as never });
}

/** Kind and everything that is said, in one line. */
function told(view: RolloutView): string {
  switch (view.kind) {
    case "going":
      return `going: ${view.text}`;
    case "failed":
      return `failed (${view.error.code}): ${view.error.message} > ${view.error.details.next ?? ""}`;
    default:
      return `${view.kind}: ${view.note}`;
  }
}

describe("cli/rollout-progress", () => {
  const rows: readonly (readonly [string, Rollout | null, string])[] = [
    ["nothing was rolled out", null, "done: "],
    ["it goes on", { ...begun, total: 3, updated: 1 }, "going: updating to revision 2: 1 of 3 slots"],
    ["it is over", { ...begun, state: "COMPLETED" }, "done: "],
    [
      "it is over, and some slots failed",
      { ...begun, state: "COMPLETED", message: "1 of 3 failed: x", failures: [{} as never] },
      "done: web: 1 of 3 failed: x",
    ],
    [
      "it paused",
      paused(begun, "1 of 3 failed"),
      "failed (precondition): web: the update is paused: 1 of 3 failed > shoal service rollout resume web, or shoal service rollback web",
    ],
    [
      "its canary is being made",
      { ...begun, state: "CANARY", canary: 1, total: 3, message: "canary: 0 of 1 ready" },
      "going: canary to revision 2: 0 of 3 slots; canary: 0 of 1 ready",
    ],
    [
      "its canary is ready",
      { ...begun, state: "CANARY", canary: 1, canaryReadyAtMs: 5 },
      "canary: The canary of web is ready.\nNext: shoal service promote web, or shoal service rollback web",
    ],
    [
      "it goes back by itself",
      { ...back, total: 2, updated: 1 },
      "going: rolling back to revision 1: 1 of 2 slots; 1 of 3 failed",
    ],
    [
      "it went back by itself",
      { ...back, state: "ROLLED_BACK" },
      "failed (precondition): web: revision 2 failed and was rolled back to revision 1: 1 of 3 failed > shoal service history web",
    ],
    [
      "it could not go back",
      { ...back, state: "ROLLBACK_PAUSED" },
      "failed (precondition): web: revision 2 failed and could not be rolled back to 1: 1 of 3 failed > shoal service rollout resume web, or shoal why web",
    ],
    [
      "somebody went back",
      { ...back, cause },
      "failed (conflict): web: another change came before revision 2 was complete > shoal service history web",
    ],
    [
      "another update came",
      { ...begun, to: 3, startedAtMs: 1500 },
      "failed (conflict): web: another change came before revision 2 was complete > shoal service history web",
    ],
  ];
  for (const [what, rollout, text] of rows) {
    it(`says what there is to say when ${what}`, () => {
      expect(told(viewRollout(service(rollout), rollout === null ? null : begun))).to.equal(text);
    });
  }

  it("is at its end with a rollback that somebody asked for", () => {
    expect(told(viewRollout(service({ ...back, state: "ROLLED_BACK" }), back))).to.equal("done: ");
    expect(told(viewRollout(service(paused(back, "why")), back))).to.equal(
      "failed (precondition): web: the rollback is paused: why > shoal service rollout resume web",
    );
  });

  it("says when a canary promotes itself", () => {
    const canary: Rollout = { ...begun, state: "CANARY", canary: 1, canaryReadyAtMs: 5 };
    expect(told(viewRollout(service(canary, 300_000), begun))).to.include("(by itself 300 s after it was ready)");
  });

  it("waits for nothing where a change was no rollout's", () => {
    expect(told(viewRollout(service(paused(begun, "by hand")), null))).to.equal("done: ");
    expect(describeRollout(begun)).to.equal("updating to revision 2: 0 of 0 slots");
  });
});
