import { expect } from "chai";
import { readFileSync } from "node:fs";
import { fileProblem } from "../../../src/util/file-problem.ts";

function problemOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return fileProblem(error);
  }
  return "none";
}

describe("util/file-problem", () => {
  it("says what the system's own code means, and keeps other messages", () => {
    expect(problemOf(() => readFileSync("/nowhere/at-all"))).to.equal("there is no such file or directory");
    expect(problemOf(() => readFileSync("/"))).to.equal("it is a directory");
    expect(fileProblem(new Error("odd"))).to.equal("odd");
    expect(fileProblem("odd")).to.equal("odd");
  });
});
