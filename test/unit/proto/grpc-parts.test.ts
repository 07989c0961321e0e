import { Metadata } from "@grpc/grpc-js";
import { expect } from "chai";
import { forwardedCaller, forwardingMetadata } from "../../../src/proto/grpc-forward.ts";
import { WRITE_BYTES_MAX, WRITE_HIGH_BYTES, WRITE_LOW_BYTES, WriteBudget } from "../../../src/proto/grpc-limits.ts";
import type { Caller } from "../../../src/proto/rpc.ts";
import { expectThrows } from "../../support/expect-code.ts";

describe("proto/grpc-limits", () => {
  it("blocks at the high mark, once, and wakes at the low one, once", () => {
    const budget = new WriteBudget();
    expect(budget.add(WRITE_HIGH_BYTES - 1)).to.equal(true);
    expect(budget.add(1)).to.equal(false);
    expect(budget.add(1)).to.equal(false);
    expect(budget.release(1)).to.equal(false);
    expect(budget.release(WRITE_HIGH_BYTES - WRITE_LOW_BYTES - 1)).to.equal(false);
    expect(budget.release(1)).to.equal(true);
    expect(budget.release(1)).to.equal(false);
    expect(budget.add(1)).to.equal(true);
  });

  it("knows a writer that ignores it", () => {
    const budget = new WriteBudget();
    budget.add(WRITE_BYTES_MAX);
    expect(budget.isOverrun).to.equal(false);
    budget.add(1);
    expect(budget.isOverrun).to.equal(true);
  });
});

describe("proto/grpc-forward", () => {
  const clusterId = "c".repeat(25);
  const manager: Caller = { kind: "node", nodeId: "m".repeat(25), role: "manager", clusterId };

  const callers: Caller[] = [
    { kind: "anonymous" },
    { kind: "admin", name: "ada", clusterId },
    { kind: "node", nodeId: "w".repeat(25), role: "worker", clusterId },
  ];
  for (const caller of callers) {
    it(`brings ${caller.kind} over unchanged`, () => {
      expect(forwardedCaller(forwardingMetadata(caller), manager)).to.deep.equal(caller);
    });
  }

  it("is nothing for a call of one's own", () => {
    expect(forwardedCaller(forwardingMetadata(undefined), { kind: "anonymous" })).to.equal(undefined);
  });

  it("brings nobody over as local", () => {
    expect(forwardedCaller(forwardingMetadata({ kind: "local" }), manager)).to.deep.equal({
      kind: "admin",
      name: "local",
      clusterId,
    });
  });

  for (const text of [
    "",
    "null",
    "{",
    '{"kind":"root"}',
    '{"kind":"admin"}',
    '{"kind":"node","nodeId":"x","role":"admin"}',
    "x".repeat(5000),
  ]) {
    it(`refuses ${JSON.stringify(text.slice(0, 40))} as a caller`, () => {
      const metadata = new Metadata();
      metadata.set("shoal-forwarded-for-bin", Buffer.from(text));
      expectThrows(() => forwardedCaller(metadata, manager), "invalid");
    });
  }
});
