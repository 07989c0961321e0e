import { Command } from "commander";
import { expect } from "chai";
import { exitCodeOf } from "../../../src/cli/exit.ts";
import { addRolloutFlags, withRollouts } from "../../../src/cli/rollout-flags.ts";
import { normaliseServiceSpec } from "../../../src/model/defaults.ts";
import type { ServiceSpec, UpdateConfig } from "../../../src/model/index.ts";
import { aServiceSpec } from "../../support/store/objects.ts";

type Rollouts = Pick<ServiceSpec, "update" | "rollback">;
const NONE: Rollouts = { update: null, rollback: null };

/** Through commander, so that a flag without its wiring is found. */
function parsed(before: Rollouts, ...words: string[]): Rollouts {
  const command = addRolloutFlags(new Command()).exitOverride();
  command.parse(words, { from: "user" });
  return withRollouts(before, command.opts());
}

describe("cli/rollout-flags", () => {
  const updates: readonly (readonly [string, string, Partial<UpdateConfig>])[] = [
    ["--update-parallelism", "0", { parallelism: 0 }],
    ["--update-delay", "10s", { delayMs: 10_000 }],
    ["--update-monitor", "1m", { monitorMs: 60_000 }],
    ["--update-max-failure-ratio", "0.25", { maxFailureRatio: 0.25 }],
    ["--update-failure-action", "pause", { failureAction: "PAUSE" }],
    ["--update-order", "stop-first", { order: "STOP_FIRST" }],
    ["--update-progress-deadline", "2m", { progressDeadlineMs: 120_000 }],
    ["--canary", "2", { canary: 2 }],
  ];
  for (const [flag, value, wanted] of updates) {
    it(`puts ${flag} ${value} into the update`, () => {
      const { update, rollback } = parsed(NONE, flag, value);
      expect(update).to.deep.include(wanted);
      expect(rollback).to.equal(null);
    });
  }

  const rollbacks: readonly (readonly [string, string, Partial<UpdateConfig>])[] = [
    ["--rollback-parallelism", "3", { parallelism: 3 }],
    ["--rollback-delay", "1s", { delayMs: 1000 }],
    ["--rollback-monitor", "0s", { monitorMs: 0 }],
    ["--rollback-max-failure-ratio", "1", { maxFailureRatio: 1 }],
    ["--rollback-failure-action", "continue", { failureAction: "CONTINUE" }],
    ["--rollback-order", "stop-first", { order: "STOP_FIRST" }],
    ["--rollback-progress-deadline", "3m", { progressDeadlineMs: 180_000 }],
  ];
  for (const [flag, value, wanted] of rollbacks) {
    it(`puts ${flag} ${value} into the rollback`, () => {
      const { update, rollback } = parsed(NONE, flag, value);
      expect(rollback).to.deep.include(wanted);
      expect(update).to.equal(null);
    });
  }

  it("changes what is said and keeps the rest, for later updates too", () => {
    const { update } = normaliseServiceSpec(
      aServiceSpec({ name: "web", update: { delayMs: 5, canary: 1 } as UpdateConfig }),
    );
    const changed = parsed({ update, rollback: null }, "--update-parallelism", "4");
    expect(changed.update).to.deep.equal({ ...update, parallelism: 4 });
    expect(parsed(changed, "--canary", "0").update).to.include({ canary: 0, canaryHealthyMs: 0 });
    expect(parsed(changed).update).to.equal(changed.update);
  });

  it("changes one field of how a rollback would have gone without it, and keeps the others later", () => {
    const { update } = normaliseServiceSpec(
      aServiceSpec({
        name: "web",
        update: {
          parallelism: 4,
          delayMs: 5,
          monitorMs: 9000,
          maxFailureRatio: 0.5,
          order: "STOP_FIRST",
        } as UpdateConfig,
      }),
    );
    const first = parsed({ update, rollback: null }, "--rollback-progress-deadline", "3m");
    const wanted = { ...update, delayMs: 0, failureAction: "DEFAULT", progressDeadlineMs: 180_000 };
    expect(first.rollback).to.deep.equal(wanted);
    expect(parsed(first, "--rollback-delay", "1s").rollback).to.deep.equal({ ...wanted, delayMs: 1000 });
  });

  for (const words of [
    ["--update-max-failure-ratio", "2"],
    ["--update-max-failure-ratio", "some"],
    ["--update-failure-action", "panic"],
    ["--rollback-failure-action", "rollback"],
    ["--update-delay", "soon"],
    ["--canary", "-1"],
  ]) {
    it(`refuses ${words.join(" ")}, naming the flag`, () => {
      try {
        parsed(NONE, ...words);
        expect.fail("It was expected to be refused");
      } catch (error) {
        expect(exitCodeOf(error)).to.equal(64);
        expect((error as Error).message).to.include(words[0]);
      }
    });
  }
});
