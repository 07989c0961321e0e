import { expect } from "chai";
import { AssertionFailure } from "../../../src/util/assert.ts";
import { AppError, cancelled } from "../../../src/util/errors.ts";
import { Scope } from "../../../src/util/scope.ts";

/** What would end the process, while `work` runs and the turn after it. */
async function uncaught(work: () => Promise<void>): Promise<unknown[]> {
  const others = process.listeners("uncaughtException");
  const caught: unknown[] = [];
  const listener = (error: unknown): void => void caught.push(error);
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", listener);
  try {
    await work();
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off("uncaughtException", listener);
    for (const other of others) process.on("uncaughtException", other);
  }
  return caught;
}

describe("util/scope", () => {
  let failures: [string, unknown][];
  let scope: Scope;

  beforeEach(() => {
    failures = [];
    scope = new Scope((name, error) => failures.push([name, error]));
  });

  it("reports a task that fails, and not one that its own end cancels", async () => {
    const failure = new AppError("unavailable", "gone");
    scope.spawn("fails", () => Promise.reject(failure));
    scope.spawn("waits", async (signal) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      throw cancelled("Waiting");
    });
    await new Promise((resolve) => setImmediate(resolve));
    await scope.close();
    expect(failures).to.deep.equal([["fails", failure]]);
  });

  it("lets a broken assertion end the process, of a task and of what undoes, also while somebody waits for the end", async () => {
    const [inTask, atClose] = [new AssertionFailure("in a task"), new AssertionFailure("at the end")];
    scope.onClose(() => Promise.reject(atClose));
    scope.spawn("bug", async (signal) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      throw inTask;
    });
    expect(await uncaught(async () => await scope.close())).to.have.members([inTask, atClose]);
    expect(failures).to.deep.equal([]);
  });

  it("ends what it owns, the newest first", async () => {
    const ended: string[] = [];
    for (const name of ["first", "second"]) scope.onClose(() => void ended.push(name));
    await scope.close();
    expect(ended).to.deep.equal(["second", "first"]);
    scope.spawn("late", () => Promise.reject(new Error("never runs")));
    expect(failures).to.deep.equal([]);
  });
});
