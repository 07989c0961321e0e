import { expect } from "chai";
import { retryOnConflict, shown } from "../../../src/cli/read-change-write.ts";
import { AppError } from "../../../src/util/errors.ts";

describe("cli/read-change-write", () => {
  const outOfSequence = new AppError("conflict", "version: update out of sequence: service is at 5, not 4");

  it("reads and writes again when someone wrote in between", async () => {
    let tries = 0;
    const result = await retryOnConflict(async () => {
      tries += 1;
      if (tries < 3) throw outOfSequence;
      return "done";
    });
    expect([result, tries]).to.deep.equal(["done", 3]);
  });

  it("gives up on an object that never holds still, and at once on any other refusal", async () => {
    for (const [error, wanted] of [
      [outOfSequence, 5],
      [new AppError("conflict", "request id used with other content"), 1],
      [new AppError("invalid", "no"), 1],
    ] as const) {
      let tries = 0;
      const caught = await retryOnConflict(async () => {
        tries += 1;
        throw error;
      }).catch((thrown: unknown) => thrown);
      expect(caught).to.equal(error);
      expect(tries, error.message).to.equal(wanted);
    }
  });

  it("says what an answer lacks", () => {
    expect(() => shown(null, "service")).to.throw(/lacks the service/);
  });
});
