import { expect } from "chai";

import { CODE_TIMED_OUT, Hopeless, run, runOk, waitFor } from "../../../scripts/lib/run.ts";

async function errorOf(work: Promise<unknown>): Promise<Error> {
  return await work.then(
    () => new Error("it succeeded"),
    (error: Error) => error,
  );
}

describe("scripts/lib/run", () => {
  it("gives code and both outputs, and feeds the input", async () => {
    const result = await run(["sh", "-c", "cat; echo oops >&2; exit 3"], { input: "hello" });
    expect(result).to.deep.equal({ code: 3, stdout: "hello", stderr: "oops\n" });
  });

  it("gives code 127 for a program that does not exist", async () => {
    expect((await run(["/no/such/program"])).code).to.equal(127);
  });

  it("stops a program at its deadline", async () => {
    const result = await run(["sleep", "30"], { timeoutMs: 50 });
    expect(result.code).to.equal(CODE_TIMED_OUT);
    expect(result.stderr).to.equal("stopped after 50 ms");
  });

  it("does not mind a program that leaves its input unread", async () => {
    expect((await run(["true"], { input: "x".repeat(1_000_000) })).code).to.equal(0);
  });

  it("makes a failure an error with the program's own words", async () => {
    const error = await errorOf(runOk(["sh", "-c", "echo no such thing >&2; exit 4"]));
    expect(error.message).to.equal("sh -c echo no such thing >&2; exit 4 ended with 4: no such thing");
  });

  it("waits until there is a value, through errors", async () => {
    let tries = 0;
    const value = await waitFor(
      "the third try",
      1_000,
      () => {
        tries += 1;
        if (tries === 1) throw new Error("not yet");
        return tries === 3 ? "there" : undefined;
      },
      1,
    );
    expect(value).to.equal("there");
  });

  it("gives up at the deadline with the last reason", async () => {
    const never = async (): Promise<true> => await Promise.reject(new Error("connection refused"));
    const error = await errorOf(waitFor("an answer", 20, never, 1));
    expect(error.message).to.equal("an answer: not within 20 ms: connection refused");
  });

  it("gives up at once when waiting cannot help", async () => {
    const dead = (): true => {
      throw new Hopeless("it ended with 1");
    };
    const error = await errorOf(waitFor("an answer", 60_000, dead));
    expect(error.message).to.equal("it ended with 1");
  });
});
