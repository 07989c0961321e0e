// Loaded by mocha before every test file (.mocharc.json). It closes two holes through which a broken test could pass:
// a rejection nobody handled, and a handle that outlives the tests and hangs the run. It gives properties one seed, so
// that a run says the same of the same code: SHOAL_TEST_SEED tries others, SHOAL_TEST_RUNS more. And tests that are
// interrupted remove what would outlive them.
import fc from "fast-check";

import { cleanUpWhenInterrupted } from "../../scripts/lib/interruption.ts";

cleanUpWhenInterrupted();

fc.configureGlobal({ seed: Number(process.env["SHOAL_TEST_SEED"] ?? 1) });

/** How long after the last test the process may still have something open, in ms. */
const LEFTOVER_GRACE_MS = 2_000;

// Mocha re-emits a foreign unhandled rejection and, with no other listener, the test passes. Throwing makes it the
// uncaught error of the test that is running.
process.on("unhandledRejection", (reason) => {
  throw reason;
});

export const mochaHooks = {
  afterAll(): void {
    setTimeout(() => {
      console.error("open handles after the last test:", process.getActiveResourcesInfo());
      // Mocha's own exit hook would overwrite a code given to process.exit, so set it after that hook.
      process.once("exit", () => {
        process.exitCode = 1;
      });
      process.exit();
    }, LEFTOVER_GRACE_MS).unref();
  },
};
