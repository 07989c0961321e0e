import { expect } from "chai";
import { generatedName, NAME_DICE_BYTES } from "../../../src/cli/generated-name.ts";
import { checkName } from "../../../src/model/checks.ts";

const dice = new Uint8Array(NAME_DICE_BYTES).fill(200);

describe("cli/generated-name", () => {
  for (const [what, stem] of [
    ["nginx", "nginx"],
    ["registry.example:5000/team/Shop_App.v2:1.0", "shop-app-v2"],
    ["nginx@sha256:" + "0".repeat(64), "nginx"],
    ["/usr/bin/python3.11", "python3-11"],
    ["_-_", "service"],
    ["", "service"],
    ["a".repeat(80), "a".repeat(57)],
  ] as const) {
    it(`calls a service of ${what.slice(0, 50)} by it, with five letters`, () => {
      const name = generatedName(what, dice);
      expect(name).to.match(new RegExp(`^${stem}-[a-z0-9]{5}$`));
      expect(() => checkName(name, "name")).not.to.throw();
    });
  }

  it("gives two services of one image two names", () => {
    const other = Uint8Array.from(dice, (byte, at) => byte + (at === NAME_DICE_BYTES - 1 ? 1 : 0));
    expect(generatedName("nginx", other)).not.to.equal(generatedName("nginx", dice));
  });
});
