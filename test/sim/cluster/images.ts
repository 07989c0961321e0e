/** What containers do by themselves: an image's name says it. */
import type { TaskSpec } from "../../../src/model/index.ts";
import { AppError } from "../../../src/util/errors.ts";
import type { FakeBehaviour } from "../../support/fake-engine.ts";
import type { Dice } from "./dice.ts";

/** Runs until it is stopped. */
export const SERVES = "serves";
/** Ends soon after its start, with an error. */
export const CRASHES = "crashes";
/** Does its work and ends well. */
export const FINISHES = "finishes";
/** Cannot be prepared: there is no such image. */
export const MISSING = "missing";

export function imageBehaviour(dice: Dice): Pick<FakeBehaviour, "lifeOf" | "fail"> {
  return {
    lifeOf: (task) => {
      switch (imageOf(task.spec)) {
        case CRASHES:
          return { ms: dice.between(5, 1_500), exitCode: 1 };
        case FINISHES:
          return { ms: dice.between(5, 3_000), exitCode: 0 };
        default:
          return null;
      }
    },
    fail: (op, _taskId, task) =>
      op === "prepare" && task !== null && imageOf(task.spec) === MISSING
        ? new AppError("not-found", "There is no such image")
        : null,
  };
}

export function imageOf(spec: TaskSpec | null): string {
  return spec?.container?.image.split(":")[0] ?? "";
}

/** Its tasks come and go for ever. */
export function isRestless(spec: TaskSpec | null): boolean {
  return [CRASHES, FINISHES, MISSING].includes(imageOf(spec));
}
