import { expect } from "chai";
import fc from "fast-check";
import { cidrContains, parseCidr } from "../../../src/util/cidr.ts";

const contains = (outer: string, inner: string): boolean => cidrContains(parseCidr(outer)!, parseCidr(inner)!);

describe("util/cidr", () => {
  it("contains the addresses of a prefix and no others", () => {
    expect(contains("10.0.0.0/8", "10.255.1.2")).to.equal(true);
    expect(contains("10.0.0.0/8", "11.0.0.0")).to.equal(false);
    expect(contains("0.0.0.0/0", "255.255.255.255")).to.equal(true);
    expect(contains("10.0.0.0/24", "10.0.0.0/16")).to.equal(false);
    expect(contains("::/0", "10.0.0.1")).to.equal(false);
  });

  it("reads IPv6 with and without the shortening", () => {
    expect(parseCidr("1::8")).to.deep.equal(parseCidr("1:0:0:0:0:0:0:8"));
    expect(contains("fd00::/8", "fdab:1::")).to.equal(true);
    expect(parseCidr("::")?.base).to.equal(0n);
  });

  it("ignores host bits of a prefix", () => {
    expect(parseCidr("10.1.2.3/16")).to.deep.equal(parseCidr("10.1.0.0/16"));
  });

  it("reads neither what is no address nor what could be read in two ways", () => {
    const wrong = [
      "",
      "10",
      "10.0.0",
      "10.0.0.256",
      "010.0.0.1",
      "10.0.0.1/33",
      "10.0.0.1/",
      "1:2",
      "1::2::3",
      "::1/129",
      "g::",
      "1:2:3:4:5:6:7:8:9",
      "1:2:3:4:5:6:7::8",
    ];
    for (const text of wrong) expect(parseCidr(text), text).to.equal(null);
  });

  it("every address lies in each of its prefixes", () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 32 }), (address, prefix) => {
        expect(contains(`${address}/${prefix}`, address)).to.equal(true);
      }),
    );
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.integer({ min: 0, max: 128 }),
        (bytes, prefix) => {
          const words = Array.from({ length: 8 }, (_, at) => ((bytes[2 * at]! << 8) | bytes[2 * at + 1]!).toString(16));
          expect(contains(`${words.join(":")}/${prefix}`, words.join(":"))).to.equal(true);
        },
      ),
    );
  });
});
