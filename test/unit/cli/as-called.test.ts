import { expect } from "chai";
import { asCalled } from "../../../src/cli/as-called.ts";
import { Output } from "../../../src/cli/output.ts";

describe("cli/as-called", () => {
  const underNpx = { npm_lifecycle_event: "npx", npm_lifecycle_script: "'shoal'" };

  it("names commands as npx has them, where npx runs the program", () => {
    expect(asCalled("Next: shoal service promote api, or shoal service rollback api", underNpx)).to.equal(
      "Next: npx shoal service promote api, or npx shoal service rollback api",
    );
    expect(asCalled("run `shoal node update --label-add disk=ssd w1`", underNpx)).to.include("`npx shoal node");
    expect(asCalled("shoal --help", underNpx)).to.equal("npx shoal --help");
  });

  it("leaves alone what is no command: names, paths, and what says npx already", () => {
    const text = "the context shoal, npx shoal node ls, /run/shoal service, and shoal is up";
    expect(asCalled(text, underNpx)).to.equal(text);
  });

  it("says the command's own name anywhere else, also where npx runs another program", () => {
    for (const environment of [{}, { npm_lifecycle_event: "npx", npm_lifecycle_script: "mocha" }]) {
      expect(asCalled("Next: shoal node ls", environment)).to.equal("Next: shoal node ls");
    }
  });

  it("is what hints of every command go through", () => {
    let written = "";
    const err = { write: (text: string | Uint8Array) => (written += String(text)) };
    new Output({ format: "table", err, environment: underNpx }).note("Next: shoal node ls");
    expect(written).to.equal("Next: npx shoal node ls\n");
  });
});
