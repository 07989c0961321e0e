import { expect } from "chai";
import { createRoot } from "../../../src/pki/x509.ts";
import {
  formatToken,
  newTokenSecret,
  parseToken,
  rootDigest,
  secretsEqual,
  tokenFitsRoot,
} from "../../../src/pki/token.ts";
import { newId } from "../../../src/util/id.ts";
import { realEnv } from "../../../src/util/real-env.ts";
import { expectThrows } from "../../support/expect-code.ts";

describe("pki/token", () => {
  const digest = "d".repeat(50);
  const secret = "s".repeat(25);

  it("parses what it formats", () => {
    const token = { rootDigest: digest, secret };
    expect(formatToken(token)).to.equal(`SHOAL-1-${digest}-${secret}`);
    expect(parseToken(formatToken(token))).to.deep.equal(token);
  });

  it("ignores the white space of a copied line", () => {
    expect(parseToken(` SHOAL-1-${digest}-${secret}\n`).secret).to.equal(secret);
  });

  const broken: [string, string, RegExp][] = [
    ["an empty token", "", /empty/],
    ["a token of Docker Swarm", `SWMTKN-1-${digest}-${secret}`, /Docker Swarm/],
    ["another prefix", `SHOAL-2-${digest}-${secret}`, /SHOAL-1-/],
    ["a cut token", `SHOAL-1-${digest}-${secret.slice(1)}`, /83 characters of 84/],
    ["upper case", `SHOAL-1-${digest.toUpperCase()}-${secret}`, /cut or changed/],
  ];
  for (const [what, text, says] of broken) {
    it(`refuses ${what} as invalid, with the field and a next step`, () => {
      const error = expectThrows(() => parseToken(text), "invalid");
      expect(error.message).to.match(says);
      expect(error.details.path).to.equal("token");
      expect(error.details.next).to.be.a("string");
      expect(error.message).not.to.contain(secret);
    });
  }

  it("recognises its own root only", async () => {
    const id = newId(realEnv);
    const own = await createRoot(realEnv, id);
    const other = await createRoot(realEnv, id);
    const token = { rootDigest: rootDigest(own.certificatePem), secret: newTokenSecret(realEnv) };
    expect(token.rootDigest).to.match(/^[0-9a-z]{50}$/);
    expect(tokenFitsRoot(token, own.certificatePem)).to.equal(true);
    expect(tokenFitsRoot(token, own.certificatePem.replaceAll("\n", "\r\n"))).to.equal(true);
    expect(tokenFitsRoot(token, other.certificatePem)).to.equal(false);
  });

  it("compares secrets of different lengths without throwing", () => {
    expect(secretsEqual("a", "a")).to.equal(true);
    expect(secretsEqual("a", "ab")).to.equal(false);
    expect(secretsEqual("", "a")).to.equal(false);
  });
});
