import { expect } from "chai";
import fc from "fast-check";
import { BackupReader, BackupWriter, type BackupHeader } from "../../../src/manager/backup-file.ts";
import { AppError } from "../../../src/util/errors.ts";

const HEADER: BackupHeader = {
  clusterId: "c1",
  clusterName: "Überall",
  incarnation: "1700000000.x",
  version: 2 ** 40,
  term: 7,
  createdAtMs: 1_700_000_000_000,
  shoalVersion: "0.1.0",
};

function write(pieces: readonly Uint8Array[], header = HEADER): Buffer {
  const writer = new BackupWriter();
  const parts = [writer.begin(header), ...pieces.map((piece) => writer.piece(piece)), writer.end()];
  const file = Buffer.concat(parts);
  expect(writer.bytes).to.equal(file.byteLength);
  return file;
}

type Seen = { header: BackupHeader | null; pieces: string[] };

/** @param cut bytes handed over at once */
function read(file: Uint8Array, cut = file.byteLength): Seen {
  const seen: Seen = { header: null, pieces: [] };
  const reader = new BackupReader("b.shoal", {
    onHeader: (header) => (seen.header = header),
    onPiece: (bytes) => seen.pieces.push(Buffer.from(bytes).toString("hex")),
  });
  for (let at = 0; at < file.byteLength; at += cut) reader.add(file.subarray(at, at + cut));
  reader.finish();
  return seen;
}

function refusal(file: Uint8Array, cut?: number): AppError {
  try {
    read(file, cut);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error("it was taken");
}

const SMALL = write([Buffer.from("first"), Buffer.alloc(0), Buffer.from([0, 255, 1])]);

describe("manager/backup-file", () => {
  it("reads back what it wrote, however the bytes come", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }),
        fc.integer({ min: 1, max: 400 }),
        (pieces, cut) => {
          const seen = read(write(pieces), cut);
          expect(seen.header).to.deep.equal(HEADER);
          expect(seen.pieces).to.deep.equal(pieces.map((piece) => Buffer.from(piece).toString("hex")));
        },
      ),
      { numRuns: 50 },
    );
  });

  it("can be told by its first line", () => {
    expect(SMALL.toString("latin1").split("\n")[0]).to.equal("SHOAL-BACKUP 1");
  });

  it("refuses a file that is cut anywhere", () => {
    for (let length = 0; length < SMALL.byteLength; length += 1) {
      const error = refusal(SMALL.subarray(0, length), 7);
      expect(error.code, `${length} bytes`).to.equal(length < 15 ? "invalid" : "corrupt");
      if (length >= 15) expect(error.message).to.equal(`b.shoal is cut short: it ends after ${length} bytes`);
    }
  });

  it("refuses a file with any bit of any byte flipped", () => {
    for (let at = 0; at < SMALL.byteLength; at += 1) {
      for (let bit = 1; bit < 256; bit *= 2) {
        const damaged = Buffer.from(SMALL);
        damaged[at]! ^= bit;
        expect(refusal(damaged).code, `byte ${at} ^ ${bit}`).to.be.oneOf(["corrupt", "invalid", "unsupported"]);
      }
    }
  });

  it("refuses parts of one file put into another, left out, repeated, or behind its end", () => {
    const other = write([Buffer.from("other"), Buffer.alloc(0), Buffer.from([0, 255, 1])]);
    const header = new BackupWriter().begin(HEADER).byteLength;
    const mixed = Buffer.concat([SMALL.subarray(0, header), other.subarray(header)]);
    expect(() => read(mixed), "the same header: it is the other file").to.not.throw();
    const [first, second] = [header + 14, header + 14 + 9];
    expect(refusal(Buffer.concat([SMALL.subarray(0, first), other.subarray(first)])).message).to.include("checksum");
    expect(refusal(Buffer.concat([SMALL.subarray(0, first), SMALL.subarray(second)])).message).to.include("checksum");
    const twice = Buffer.concat([SMALL.subarray(0, first), SMALL.subarray(header)]);
    expect(refusal(twice).message).to.include("checksum");
    expect(refusal(Buffer.concat([SMALL, Buffer.from("x")])).message).to.include("bytes follow its end");
    expect(refusal(Buffer.concat([SMALL, SMALL])).code).to.equal("corrupt");
  });

  it("knows a foreign file from a newer one, and says what to do", () => {
    for (const foreign of ["", "x", "SHOAL", "SHOAL-BACKUP", "SHOAL-BACKUP x\n", "{}\n", "SHOAL-BACKUP 1234567\n"]) {
      const error = refusal(Buffer.from(foreign), 3);
      expect(error.code, foreign).to.equal("invalid");
      expect(error.message).to.equal("b.shoal is no backup of a Shoal cluster");
    }
    expect(refusal(Buffer.alloc(100_000, 0x20)).code).to.equal("invalid");
    const newer = Buffer.from(SMALL.toString("latin1").replace("SHOAL-BACKUP 1", "SHOAL-BACKUP 2"), "latin1");
    const error = refusal(newer);
    expect(error.code).to.equal("unsupported");
    expect(error.message).to.include("format 2, this program reads 1");
    expect(error.details).to.include({ path: "file", next: "use the version of shoal that made it" });
  });

  it("believes no length that no part of ours has", () => {
    const huge = Buffer.concat([SMALL.subarray(0, 15), Buffer.from([1, 0xff, 0xff, 0xff, 0xff])]);
    expect(refusal(huge).message).to.include("damaged at byte 15");
  });
});
