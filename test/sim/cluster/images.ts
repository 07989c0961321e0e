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
/** Runs, and never answers a probe well. */
export const UNREADY = "unready";
/** Runs, and answers some probes well and some not. */
export const FLAKY = "flaky";

type Behaviour = Pick<FakeBehaviour, "lifeOf" | "fail" | "probe">;

export function imageBehaviour(dice: Dice): Behaviour {
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
    probe: (task) => {
      switch (imageOf(task.spec)) {
        case UNREADY:
          return { isOk: false, message: "not yet" };
        case FLAKY:
          return { isOk: dice.chance(0.7), tookMs: dice.one(0, 0, 0, 10_000) };
        default:
          return { isOk: true };
      }
    },
  };
}

export function imageOf(spec: TaskSpec | null): string {
  return spec?.container?.image.split(":")[0] ?? "";
}

/** Its tasks come and go for ever. */
export function isRestless(spec: TaskSpec | null): boolean {
  const image = imageOf(spec);
  return [CRASHES, FINISHES, MISSING, FLAKY].includes(image) || (image === UNREADY && mayBeEnded(spec));
}

/** By a check of its own that fails. */
function mayBeEnded(spec: TaskSpec | null): boolean {
  return spec?.checks?.liveness != null || spec?.checks?.startup != null;
}
