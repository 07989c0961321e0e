import { expect } from "chai";
import fc from "fast-check";
import { CHAIN_START, decodeRecord, encodeRecord } from "../../../../src/manager/replica/entry-codec.ts";
import { identitySealer, type Sealer } from "../../../../src/manager/replica/sealer.ts";
import type { Entry, EntryKind } from "../../../../src/raft/types.ts";
import { isAppError } from "../../../../src/util/errors.ts";

const KINDS: readonly EntryKind[] = ["normal", "noop", "config"];

function entries(first: number, payloads: readonly string[], term = 3): Entry[] {
  return payloads.map((text, i) => ({ index: first + i, term, kind: "normal", payload: Buffer.from(text) }));
}

const plain = (list: readonly Entry[]): unknown =>
  list.map((entry) => ({ ...entry, payload: Buffer.from(entry.payload).toString("hex") }));

describe("manager/replica/entry-codec", () => {
  it("reads back any entries, with the same chain", () => {
    const entry = fc.record({
      term: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      kind: fc.constantFrom(...KINDS),
      payload: fc.uint8Array({ maxLength: 300 }),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 ** 48 }),
        fc.array(entry, { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 0, max: 0xffff_ffff }),
        (first, list, before) => {
          const given = list.map((item, i): Entry => ({ ...item, index: first + i }));
          const { record, chains } = encodeRecord(given, before, identitySealer);
          const read = decodeRecord(record, identitySealer);
          expect(plain(read.entries)).to.deep.equal(plain(given));
          expect(read.chains).to.deep.equal(chains);
          expect(read.chainBefore).to.equal(before);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("finds every single flipped bit", () => {
    const { record } = encodeRecord(entries(7, ["one", "two"]), CHAIN_START, identitySealer);
    for (let bit = 0; bit < record.byteLength * 8; bit++) {
      const damaged = Buffer.from(record);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      let error: unknown = null;
      try {
        decodeRecord(damaged, identitySealer);
      } catch (caught) {
        error = caught;
      }
      expect(isAppError(error, "corrupt"), `bit ${bit}`).to.equal(true);
    }
  });

  it("names the entry whose plaintext is damaged below an intact outer checksum", () => {
    // A sealer that hands back damaged plaintext, as a bug in one could.
    const damaging: Sealer = {
      seal: (bytes) => bytes,
      open: (bytes) => {
        const copy = Buffer.from(bytes);
        copy[copy.indexOf("two")] = 0;
        return copy;
      },
    };
    const { record } = encodeRecord(entries(7, ["one", "two", "three"]), CHAIN_START, identitySealer);
    expect(() => decodeRecord(record, damaging)).to.throw("Log entry 8 fails its checksum");
  });

  it("makes the chain depend on every entry before", () => {
    const chain = (texts: string[], term?: number): number =>
      encodeRecord(entries(1, texts, term), CHAIN_START, identitySealer).chains.at(-1)!;
    expect(chain(["a", "b"])).to.equal(chain(["a", "b"]));
    expect(chain(["a", "b"])).to.not.equal(chain(["x", "b"]));
    expect(chain(["a", "b"])).to.not.equal(chain(["a", "b"], 4));
    expect(chain(["", "b"])).to.not.equal(chain(["b"]));
  });

  it("covers the plaintext with the chain, whatever the sealer does to it", () => {
    const inverting: Sealer = { seal: (b) => b.map((x) => x ^ 0xff), open: (b) => b.map((x) => x ^ 0xff) };
    const list = entries(1, ["a", "b"]);
    const sealed = encodeRecord(list, CHAIN_START, inverting);
    expect(sealed.chains).to.deep.equal(encodeRecord(list, CHAIN_START, identitySealer).chains);
    expect(Buffer.from(sealed.record).includes("a")).to.equal(false);
    expect(plain(decodeRecord(sealed.record, inverting).entries)).to.deep.equal(plain(list));
  });

  it("refuses a record cut short anywhere", () => {
    const { record } = encodeRecord(entries(7, ["one"]), CHAIN_START, identitySealer);
    for (let length = 0; length < record.byteLength; length++) {
      expect(() => decodeRecord(record.subarray(0, length), identitySealer), `${length} bytes`).to.throw();
    }
  });
});
