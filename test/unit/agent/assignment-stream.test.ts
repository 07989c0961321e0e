import { expect } from "chai";
import { ASSIGNMENT_SET_BYTES_MAX, AssignmentStream } from "../../../src/agent/assignment-stream.ts";
import type { AssignmentSet } from "../../../src/model/index.ts";
import { codec } from "../../../src/proto/load.ts";
import { AppError } from "../../../src/util/errors.ts";
import { expectThrows } from "../../support/expect-code.ts";
import { anAssignment, completeSet, incrementalSet } from "../../support/agent-fixtures.ts";

function add(stream: AssignmentStream, set: AssignmentSet): AssignmentSet | null {
  return stream.add({ data: codec("AssignmentSet").encode(set), last: true });
}

describe("agent/assignment-stream", () => {
  it("puts a set together from its pieces", () => {
    const stream = new AssignmentStream();
    const bytes = codec("AssignmentSet").encode(completeSet([anAssignment("t1"), anAssignment("t2")]));
    const pieces = [bytes.subarray(0, 10), bytes.subarray(10, 11), bytes.subarray(11)];
    expect(pieces.slice(0, 2).map((data) => stream.add({ data, last: false }))).to.deep.equal([null, null]);
    const set = stream.add({ data: pieces[2] ?? bytes, last: true });
    expect(set?.assigned.map(({ task }) => task?.id)).to.deep.equal(["t1", "t2"]);
  });

  it("takes sets that continue each other, and a complete one at any time", () => {
    const stream = new AssignmentStream();
    for (const set of [
      completeSet([]),
      incrementalSet(1, {}),
      incrementalSet(2, {}),
      completeSet([], { resultsIn: 7 }),
    ]) {
      expect(add(stream, set)).to.not.equal(null);
    }
    expect(add(stream, incrementalSet(7, {}))?.resultsIn).to.equal(8);
  });

  it("refuses a set with one missing before it, and an incremental one first", () => {
    const stream = new AssignmentStream();
    expect(() => add(stream, incrementalSet(0, {}))).to.throw(AppError, "none was the last");
    add(stream, completeSet([]));
    expect(() => add(stream, incrementalSet(2, {}))).to.throw(AppError, "continues 2, but 1 was the last");
  });

  it("refuses a set that says more than this program knows, and goes on with none of it", () => {
    const stream = new AssignmentStream();
    add(stream, completeSet([]));
    // Field 990 of TaskSpec (2) of Assignment of AssignmentSet.assigned (5), as a later manager might write it.
    const inSpec = [0xf2, 0x3d, 0x01, 0x78];
    const data = Buffer.concat([
      codec("AssignmentSet").encode(incrementalSet(1, {})),
      Buffer.from([0x2a, inSpec.length + 2, 0x12, inSpec.length, ...inSpec]),
    ]);
    const error = expectThrows(() => stream.add({ data, last: true }), "unsupported");
    expect(error.message).to.include("assigned.spec").and.include("990");
    expect(error.details.next).to.include("newer version");
    expect(add(stream, incrementalSet(1, {}))?.resultsIn).to.equal(2);
  });

  it("refuses a set without end", () => {
    const stream = new AssignmentStream();
    const data = new Uint8Array(ASSIGNMENT_SET_BYTES_MAX / 2);
    stream.add({ data, last: false });
    stream.add({ data, last: false });
    expect(() => stream.add({ data: new Uint8Array(1), last: false })).to.throw(AppError, "larger than");
  });
});
