import { expect } from "chai";
import fc from "fast-check";
import type { Operation, RegisterOperation } from "../../support/history.ts";
import { checkLinearizable, type Model } from "../../support/linearizability/checker.ts";
import { checkIndexes, judge, shortestFailure } from "../../support/linearizability/judge.ts";
import { REGISTER, SERVICE, type ServiceOperation } from "../../support/linearizability/models.ts";

type Span = readonly [call: number, end: number | "unknown"];
const KEY = "k";

function write([call, end]: Span, value: string): RegisterOperation {
  const output = end === "unknown" ? null : {};
  return { client: 0, op: "write", input: { key: KEY, value }, call, return: end, output, index: null };
}

function read([call, end]: Span, value: string): RegisterOperation {
  return { client: 1, op: "read", input: { key: KEY }, call, return: end, output: { value }, index: null };
}

function cas([call, end]: Span, expected: string, value: string, done: boolean | null): RegisterOperation {
  const output = done === null ? null : { done };
  return { client: 2, op: "cas", input: { key: KEY, expected, value }, call, return: end, output, index: null };
}

function service<Op extends ServiceOperation["op"]>(
  op: Op,
  [call, end]: Span,
  input: Omit<Extract<ServiceOperation, { op: Op }>["input"], "name">,
  output: Extract<ServiceOperation, { op: Op }>["output"] | null,
): ServiceOperation {
  // One of the union, by the types above.
  return {
    client: 0,
    op,
    input: { name: "web", ...input },
    call,
    return: end,
    output,
    index: null,
  } as ServiceOperation;
}

const fine: [string, RegisterOperation[]][] = [
  ["nothing at all", []],
  ["a read before anything was written", [read([1, 2], "")]],
  ["a read that overlaps a write, either way", [write([1, 4], "a"), read([2, 3], ""), read([5, 6], "a")]],
  ["overlapping writes in the order that reads show", [write([1, 10], "a"), write([2, 9], "b"), read([11, 12], "a")]],
  [
    "a write without an answer that took effect late",
    [write([1, "unknown"], "a"), read([2, 3], ""), read([4, 5], "a")],
  ],
  ["a write without an answer that never took effect", [write([1, "unknown"], "a"), read([2, 3], "")]],
  [
    "a compare-and-set without an answer that explains a later one",
    [write([1, 2], "a"), cas([3, "unknown"], "a", "b", null), cas([4, 5], "b", "c", true), read([6, 7], "c")],
  ],
  ["a refused compare-and-set", [write([1, 2], "a"), cas([3, 4], "x", "y", false), read([5, 6], "a")]],
];

const wrong: [string, RegisterOperation[]][] = [
  ["a stale read", [write([1, 2], "a"), write([3, 4], "b"), read([5, 6], "a")]],
  ["a read that goes back", [write([1, 9], "a"), read([2, 3], "a"), read([4, 5], "")]],
  ["a lost update", [write([1, 2], "a"), read([3, 4], "")]],
  ["a value that nobody wrote", [write([1, 2], "a"), read([3, 4], "ghost")]],
  [
    "two winners of one compare-and-set",
    [write([1, 2], "a"), cas([3, 6], "a", "b", true), cas([4, 5], "a", "c", true)],
  ],
  ["a compare-and-set that should have won", [write([1, 2], "a"), cas([3, 4], "a", "b", false)]],
  ["a write applied twice", [write([1, 2], "a"), write([3, 4], "b"), read([5, 6], "b"), read([7, 8], "a")]],
  ["an effect before its call", [read([1, 2], "a"), write([3, 4], "a")]],
  [
    "one unknown write that would have to take effect twice",
    [write([1, "unknown"], "a"), read([2, 3], "a"), write([4, 5], "b"), read([6, 7], "b"), read([8, 9], "a")],
  ],
];

describe("support/linearizability", () => {
  for (const [what, history] of fine) {
    it(`accepts ${what}`, () => expect(checkLinearizable(REGISTER, history).ok).to.equal(true));
  }
  for (const [what, history] of wrong) {
    it(`rejects ${what}`, () => {
      expect(checkLinearizable(REGISTER, history)).to.deep.include({ ok: false, why: "not-linearizable" });
    });
  }

  const services: [string, boolean, ServiceOperation[]][] = [
    [
      "a life of a service",
      true,
      [
        service("create", [1, 2], { value: "a" }, { version: 5 }),
        service("update", [3, 4], { version: 5, value: "b" }, { version: 9 }),
        service("update", [5, 6], { version: 5, value: "c" }, "conflict"),
        service("get", [7, 8], {}, { version: 9, value: "b" }),
        service("remove", [9, 10], {}, "removed"),
        service("get", [11, 12], {}, "not-found"),
        service("create", [13, 14], { value: "d" }, { version: 12 }),
      ],
    ],
    [
      "an update without an answer, seen by a later read and matched by a later update",
      true,
      [
        service("create", [1, 2], { value: "a" }, { version: 5 }),
        service("update", [3, "unknown"], { version: 5, value: "b" }, null),
        service("get", [4, 5], {}, { version: 7, value: "b" }),
        service("update", [6, 7], { version: 7, value: "c" }, { version: 8 }),
      ],
    ],
    [
      "a removed service that comes back",
      false,
      [
        service("create", [1, 2], { value: "a" }, { version: 5 }),
        service("remove", [3, 4], {}, "removed"),
        service("get", [5, 6], {}, { version: 5, value: "a" }),
      ],
    ],
    [
      "a version that goes back",
      false,
      [
        service("create", [1, 2], { value: "a" }, { version: 5 }),
        service("update", [3, 4], { version: 5, value: "b" }, { version: 4 }),
      ],
    ],
    [
      "two updates of one version",
      false,
      [
        service("create", [1, 2], { value: "a" }, { version: 5 }),
        service("update", [3, 6], { version: 5, value: "b" }, { version: 7 }),
        service("update", [4, 5], { version: 5, value: "c" }, { version: 8 }),
      ],
    ],
    [
      "a conflict that nothing explains",
      false,
      [
        service("create", [1, 2], { value: "a" }, { version: 5 }),
        service("update", [3, 4], { version: 5, value: "b" }, "conflict"),
      ],
    ],
    [
      "two creations of one name",
      false,
      [
        service("create", [1, 4], { value: "a" }, { version: 5 }),
        service("create", [2, 3], { value: "b" }, { version: 6 }),
      ],
    ],
    [
      "an unknown creation with a version below what was seen",
      false,
      [
        service("create", [1, 2], { value: "a" }, { version: 5 }),
        service("remove", [3, 4], {}, "removed"),
        service("create", [5, "unknown"], { value: "b" }, null),
        service("get", [6, 7], {}, { version: 4, value: "b" }),
      ],
    ],
  ];
  for (const [what, isFine, history] of services) {
    it(`${isFine ? "accepts" : "rejects"} ${what}`, () => {
      expect(checkLinearizable(SERVICE, history).ok).to.equal(isFine);
    });
  }

  it("agrees with trying every order, on small random histories", () => {
    const value = fc.constantFrom("a", "b", "c");
    const span = fc.tuple(fc.nat(12), fc.nat(6), fc.boolean());
    const op = fc
      .tuple(span, fc.constantFrom("read", "write", "cas"), value, value, fc.boolean())
      .map(([[call, length, isOpen], kind, first, second, done]): RegisterOperation => {
        const times: Span = [call, isOpen ? "unknown" : call + 1 + length];
        if (kind === "write") return write(times, first);
        if (kind === "cas") return cas(times, first, second, isOpen ? null : done);
        return read([call, call + 1 + length], first);
      });
    let rejected = 0;
    fc.assert(
      fc.property(fc.array(op, { maxLength: 6 }), (history) => {
        const expected = bruteForce(REGISTER, history);
        if (!expected) rejected += 1;
        expect(checkLinearizable(REGISTER, history).ok).to.equal(expected);
      }),
      { numRuns: 1_000 },
    );
    expect(rejected).to.be.within(50, 950);
  });

  it("calls a search that needs more than its budget a failure", () => {
    const history = Array.from({ length: 14 }, (_, at) => write([1, 100], `v${at}`));
    const verdict = checkLinearizable(REGISTER, [...history, read([101, 102], "nobody's")], { budget: 10_000 });
    expect(verdict).to.deep.include({ ok: false, why: "out-of-budget" });
    const options = { objectOf: () => KEY, isRead: () => false, budget: 10 };
    expect(() => judge(REGISTER, history, options)).to.throw("not decided within the budget");
  });

  it("judges a long history of many clients quickly: each step has few candidates", () => {
    const history = Array.from({ length: 2_000 }, (_, at) => write([at * 3, at * 3 + 8], `v${at}`));
    expect(checkLinearizable(REGISTER, history).ok).to.equal(true);
  });

  it("shows the shortest beginning that fails, and only the object concerned", () => {
    const stale = read([5, 6], "a");
    const later = Array.from({ length: 20 }, (_, at) => write([10 + at * 2, 11 + at * 2], `x${at}`));
    const history = [write([1, 2], "a"), write([3, 4], "b"), stale, ...later];
    expect(shortestFailure(REGISTER, history)).to.deep.equal(history.slice(0, 3));
    const elsewhere = later.map(
      (op): RegisterOperation => ({ ...op, input: { ...op.input, key: "other" } }) as RegisterOperation,
    );
    const options = {
      objectOf: ({ input }: RegisterOperation) => input.key,
      isRead: ({ op }: RegisterOperation) => op === "read",
    };
    expect(() => judge(REGISTER, [...elsewhere, ...history], options)).to.throw(
      /^k: not linearizable\n {2}\[1, 2\] client 0 write .*\n.*\n {2}\[5, 6\] client 1 read \{"key":"k"\} -> \{"value":"a"\}\nthe longest/,
    );
    expect(judge(REGISTER, elsewhere, options)).to.deep.equal({ objects: 1, operations: 20 });
  });

  it("rejects an answer at an index before one that was over when it was asked", () => {
    const at = (op: RegisterOperation, index: number): RegisterOperation => ({ ...op, index });
    const first = at(write([1, 2], "a"), 7);
    expect(() => checkIndexes([first, at(read([3, 4], "a"), 6)])).to.throw("index 6 after 7 was answered");
    checkIndexes([first, at(read([3, 4], "a"), 7), at(write([1, 9], "b"), 3)]);
  });
});

/** Every subset of what is open, in every order that time allows. */
function bruteForce<State, Op extends Operation>(model: Model<State, Op>, history: readonly Op[]): boolean {
  const tryFrom = (state: State, left: readonly Op[]): boolean => {
    if (left.every((op) => op.return === "unknown")) return true;
    return left.some((op) => {
      const isFirst = left.every((other) => other.return === "unknown" || op.call <= other.return);
      const next = isFirst ? model.step(state, op) : null;
      return (
        next !== null &&
        tryFrom(
          next,
          left.filter((other) => other !== op),
        )
      );
    });
  };
  return tryFrom(model.initial, history);
}
