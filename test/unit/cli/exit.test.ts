import { expect } from "chai";
import { exitCodeOf, ONLY_READ, renderError, usage, worstExit } from "../../../src/cli/exit.ts";
import { AppError, invalid } from "../../../src/util/errors.ts";

describe("cli/exit", () => {
  const codes: [string, unknown, number][] = [
    ["a failure", new AppError("not-found", "x"), 1],
    ["a refusal by the cluster", invalid("spec.name", "x"), 1],
    ["wrong words", usage("x"), 64],
    ["a flag's value that does not parse", invalid("--timeout", "x"), 64],
    ["a deadline", new AppError("deadline", "x"), 3],
    ["an unknown outcome", new AppError("unknown-outcome", "x"), 3],
    ["no manager", new AppError("unavailable", "x"), 1],
    ["anything else that was thrown", new TypeError("x"), 1],
  ];
  for (const [what, error, code] of codes) {
    it(`ends with ${code} for ${what}`, () => expect(exitCodeOf(error)).to.equal(code));
  }

  it("ends with what a script must not miss when several fail", () => {
    expect(worstExit([1, 3, 64])).to.equal(3);
    expect(worstExit([1, 64])).to.equal(64);
    expect(worstExit([])).to.equal(0);
  });

  it("says what may still happen, and what to do", () => {
    const error = new AppError("unknown-outcome", "No answer", { next: "look" });
    expect(renderError(error, false)).to.equal(
      "Error: No answer\n  It may still take effect: look before you repeat it\n  Next: look",
    );
  });

  it("does not fear for a read that timed out", () => {
    expect(renderError(new AppError("deadline", "No answer", ONLY_READ), false)).to.equal("Error: No answer");
  });

  it("gives programs one object with code, field and next step, without its own marks", () => {
    const error = new AppError("invalid", "bad", { path: "spec.name", next: "fix", sent: "no", usage: "true" });
    expect(JSON.parse(renderError(error, true))).to.deep.equal({
      error: { code: "invalid", message: "bad", path: "spec.name", next: "fix" },
    });
  });

  it("never prints a stack trace", () => {
    expect(renderError(new TypeError("x is not a function"), false)).to.equal("Error: x is not a function");
  });
});
